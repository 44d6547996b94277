//! A question of a frontend.

use pullgate::{ReferenceKind, Request};
use serde::Serialize;

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frontend {
    /// Docker Engine's authorization plugin.
    Docker,
    /// containerd's image verifier.
    Containerd,
    /// Kubernetes' admission webhook.
    Kubernetes,
    /// Kubernetes' image policy webhook.
    ImagePolicy,
    /// The HTTP API.
    Api,
}

impl Frontend {
    /// Its name in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Kubernetes => "kubernetes",
            Self::ImagePolicy => "image-policy",
            Self::Api => "api",
        }
    }
}

/// A question from a way in.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionRequest<'a> {
    /// Where it came in.
    pub frontend: Frontend,
    /// Who wants it, as far as that is known.
    pub user: &'a str,
    /// What is to be done with the reference: `pull`, `push`, `create pod`.
    pub action: &'a str,
    /// The reference.
    pub reference: &'a str,
    /// What the reference is.
    pub kind: ReferenceKind,
    /// On whose behalf (rule J1).
    pub project: Option<&'a str>,
}

/// The request that a question is.
pub fn policy_request<'a>(ask: &AdmissionRequest<'a>) -> Request<'a> {
    Request { reference: ask.reference, kind: ask.kind, project: ask.project, dns_answers: &[] }
}
