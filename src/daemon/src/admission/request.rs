//! The admission request that all frontends build.

use pullgate::{ReferenceKind, Request};
use serde::Serialize;

/// The frontend that a request came through.
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
    /// Returns the name used in records and metrics.
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

/// An admission request from a frontend.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionRequest<'a> {
    /// The frontend.
    pub frontend: Frontend,
    /// The user, as far as known.
    pub user: &'a str,
    /// The action on the reference: `pull`, `push`, `create pod`.
    pub action: &'a str,
    /// The reference.
    pub reference: &'a str,
    /// The kind of the reference.
    pub kind: ReferenceKind,
    /// The project of the request (rule J1).
    pub project: Option<&'a str>,
}

/// Converts an admission request to a request of the policy.
pub fn policy_request<'a>(ask: &AdmissionRequest<'a>) -> Request<'a> {
    Request { reference: ask.reference, kind: ask.kind, project: ask.project, dns_answers: &[] }
}
