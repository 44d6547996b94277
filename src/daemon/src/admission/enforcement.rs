//! The effect of a denial, for each frontend.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::admission::request::Frontend;

/// The effect of a denial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// Denials are enforced.
    #[default]
    Deny,
    /// Nothing is refused: denials are recorded and counted only.
    Audit,
}

/// The enforcement of every frontend that admits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrontendEnforcement {
    /// Docker Engine.
    pub docker: Enforcement,
    /// containerd.
    pub containerd: Enforcement,
    /// Both webhooks of Kubernetes.
    pub kubernetes: Enforcement,
}

impl FrontendEnforcement {
    /// Returns the enforcement of a frontend. The HTTP API admits nothing, so that nothing there could be refused. The
    /// gate has no attempts for what is denied, so that it cannot connect to it.
    pub fn of(&self, frontend: Frontend) -> Enforcement {
        match frontend {
            Frontend::Docker => self.docker,
            Frontend::Containerd => self.containerd,
            Frontend::Kubernetes | Frontend::ImagePolicy => self.kubernetes,
            Frontend::Gate | Frontend::Api => Enforcement::Deny,
        }
    }

    /// Returns the frontends that refuse nothing, each by its setting and its name for people.
    pub fn unenforced(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            ("docker_enforcement", "Docker Engine", self.docker),
            ("containerd_enforcement", "containerd", self.containerd),
            ("kubernetes_enforcement", "Kubernetes", self.kubernetes),
        ]
        .into_iter()
        .filter(|(_, _, enforcement)| *enforcement == Enforcement::Audit)
        .map(|(setting, frontend, _)| (setting, frontend))
    }
}
