//! The admission request that all frontends build.

use std::time::Duration;

use pullgate::{Decision, DnsAnswer, ReferenceKind, Request};
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
    /// The gate: a proxy for registries.
    Gate,
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
            Self::Gate => "gate",
            Self::Api => "api",
        }
    }

    /// Returns whether a program that acts on the decision asks here. A question over the API admits nothing.
    pub fn admits(self) -> bool {
        !matches!(self, Self::Api)
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

/// The decision about an admission request, for its record.
#[derive(Clone, Copy, Debug)]
pub struct DecidedRequest<'a> {
    /// The decision.
    pub decision: &'a Decision<'a>,
    /// The DNS answers that it had.
    pub dns_answers: &'a [DnsAnswer],
    /// The time that it took.
    pub took: Duration,
}

/// Maximum length of a reference for the module in bytes, twice that of a valid one (rule H4). Of a longer one the rules
/// need no more to refuse it, and a copy of megabytes would stay in the module's memory.
const MAX_REFERENCE_BYTES: usize = 2_048;

/// Converts an admission request to a request of the policy.
pub fn policy_request<'a>(ask: &AdmissionRequest<'a>) -> Request<'a> {
    let reference = &ask.reference[..ask.reference.floor_char_boundary(MAX_REFERENCE_BYTES)];
    Request { reference, kind: ask.kind, project: ask.project, dns_answers: &[] }
}
