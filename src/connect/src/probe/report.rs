//! What a test says.

use std::fmt;

use crate::{CertificateSummary, Endpoint, transport_name};
use pullgate::{Response, Scheme};
use serde::Serialize;
use serde_json::value::RawValue;

/// What came of the test of one registry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeReport {
    /// The registry, `HOST[:PORT]`; as it was asked for where it cannot be read.
    pub registry: String,
    /// The canonical text of the decision (rule D4).
    pub decision: Box<RawValue>,
    /// What was tried, in order: each address of each attempt that the decision lists, until one answered as a registry.
    pub attempts: Vec<AttemptReport>,
    /// What the registry speaks, such as `v2 over HTTPS with token authentication`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Whether the registry can be used as the policy says.
    pub ok: bool,
    /// One line for a person.
    pub summary: String,
}

/// One address of one attempt.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptReport {
    /// The scheme.
    pub scheme: Scheme,
    /// The host that is asked, where it is not the registry's own: Docker Hub's (rule H2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The TCP port.
    pub port: u16,
    /// The address, if it came to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether the certificate must be verified.
    pub verified: bool,
    /// What was done, in order.
    pub stages: Vec<Stage>,
    /// The certificates as the server sent them, its own first, whether they were accepted or not.
    pub chain: Vec<Certificate>,
    /// Who vouched for the server; none over plain HTTP, and where nothing is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vouched_by: Option<VerifyingAnchor>,
    /// What the registry speaks there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The other hosts that the registry pointed to, each with its own decision.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<ProbeReport>,
}

/// One thing that was done.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// What.
    pub stage: StageKind,
    /// Whether it came out well.
    pub ok: bool,
    /// What came of it, for a person.
    pub detail: String,
    /// How long it took.
    pub milliseconds: u64,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    /// Finding the addresses of the host.
    Dns,
    /// Connecting to one of them.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// Asking for `/v2/`.
    V2,
    /// Asking for `/v1/_ping`.
    V1,
    /// Asking where tokens come from.
    Token,
}

/// A certificate that a server sent.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Whom it is for, as RFC 4514 writes names.
    pub subject: String,
    /// Who issued it, likewise.
    pub issuer: String,
    /// The last second in which it counts.
    pub not_after: String,
    /// Its fingerprint, in lower-case hexadecimal.
    pub sha256: String,
}

/// The authority that vouched for a server.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyingAnchor {
    /// Whose it is, as RFC 4514 writes names.
    pub subject: String,
    /// Its fingerprint, in lower-case hexadecimal; none for a well-known one, of which only name and key are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where it comes from.
    pub source: AnchorSource,
}

/// Where an authority comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnchorSource {
    /// The policy.
    Policy,
    /// Those that count for every registry.
    WellKnown,
}

impl ProbeReport {
    /// About what was decided, with nothing done yet.
    pub(super) fn from_response(answer: &Response<'_>) -> Self {
        let registry = answer.registry.as_deref().unwrap_or(&answer.reference).to_owned();
        Self {
            registry,
            decision: RawValue::from_string(answer.to_json()).unwrap_or_default(),
            attempts: Vec::new(),
            protocol: None,
            ok: false,
            summary: String::new(),
        }
    }

    /// Why the attempts failed.
    pub(super) fn describe_failures(&self) -> String {
        const MAX_LISTED: usize = 4;
        let failure = |attempt: &AttemptReport| {
            let failed = attempt.stages.iter().filter(|stage| !stage.ok);
            let failed: Vec<&str> = failed.map(|stage| stage.detail.as_str()).collect();
            (!failed.is_empty()).then(|| format!("{attempt}: {}", failed.join(", ")))
        };
        let failures: Vec<String> = self.attempts.iter().filter_map(failure).collect();
        let mut text = failures.iter().take(MAX_LISTED).map(String::as_str).collect::<Vec<_>>().join("; then ");
        match failures.len().saturating_sub(MAX_LISTED) {
            0 => (),
            more => text.push_str(&format!("; and {more} more")),
        }
        if text.is_empty() { "the decision lists no attempt".to_owned() } else { text }
    }
}

impl AttemptReport {
    /// About a route, with nothing done yet.
    pub(super) fn from_endpoint(route: &Endpoint, host: Option<&str>) -> Self {
        Self {
            scheme: route.scheme(),
            host: host.map(str::to_owned),
            port: route.port(),
            address: None,
            verified: route.is_verified(),
            stages: Vec::new(),
            chain: Vec::new(),
            vouched_by: None,
            protocol: None,
            elsewhere: Vec::new(),
        }
    }
}

impl fmt::Display for AttemptReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on port {}", transport_name(self.scheme, self.verified), self.port)?;
        match &self.address {
            Some(address) => write!(formatter, " at {address}"),
            None => Ok(()),
        }
    }
}

impl StageKind {
    /// Its name, as it stands in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::V2 => "v2",
            Self::V1 => "v1",
            Self::Token => "token",
        }
    }
}

impl Certificate {
    pub(super) fn from_der(der: &[u8]) -> Self {
        let CertificateSummary { subject, issuer, not_after, fingerprint } = CertificateSummary::from_der(der);
        let known = |text: Option<String>| text.unwrap_or_else(|| "cannot be read".to_owned());
        Self { subject: known(subject), issuer: known(issuer), not_after: known(not_after), sha256: fingerprint }
    }
}

impl fmt::Display for VerifyingAnchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.source, &self.sha256) {
            (AnchorSource::WellKnown, _) => write!(formatter, "the well-known `{}`", self.subject),
            (AnchorSource::Policy, None) => write!(formatter, "the policy's `{}`", self.subject),
            (AnchorSource::Policy, Some(digest)) => {
                let digits = digest.get(..16).unwrap_or(digest);
                write!(formatter, "the policy's `{}` (SHA-256 {digits}…)", self.subject)
            }
        }
    }
}
