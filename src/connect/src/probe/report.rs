//! Report of a probe.

use std::fmt;

use crate::{CertificateSummary, Endpoint, transport_name};
use pullgate::{Response, Scheme};
use serde::Serialize;
use serde_json::value::RawValue;

/// The outcome of probing one registry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeReport {
    /// The registry, `HOST[:PORT]`; as given if it cannot be parsed.
    pub registry: String,
    /// The canonical text of the decision (rule D4).
    pub decision: Box<RawValue>,
    /// The attempts in order: each address of each attempt that the decision lists, until a registry answered.
    pub attempts: Vec<AttemptReport>,
    /// The protocol of the registry, such as `v2 over HTTPS with token authentication`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// A human-readable hint about the proxies that are set: that they were not used, or the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// True if the registry is usable under the policy.
    pub ok: bool,
    /// A human-readable summary in one line.
    pub summary: String,
}

/// One address of one attempt.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptReport {
    /// The scheme.
    pub scheme: Scheme,
    /// The host to connect to, if it differs from the registry's own: Docker Hub (rule H2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The TCP port.
    pub port: u16,
    /// The address, if resolution succeeded; none if the proxy resolves the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The proxy, `SCHEME://HOST:PORT`, if the attempt is through one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// True if the certificate must be verified.
    pub verified: bool,
    /// The stages in order.
    pub stages: Vec<Stage>,
    /// The certificates that the server presented, leaf first, even if they were rejected.
    pub chain: Vec<Certificate>,
    /// The trust anchor that verified the server; none over plain HTTP and without verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vouched_by: Option<VerifyingAnchor>,
    /// The protocol of the registry at this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The other hosts that the registry refers to, each with its own decision.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<ProbeReport>,
}

/// One stage of an attempt.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// The kind of stage.
    pub stage: StageKind,
    /// True if the stage succeeded.
    pub ok: bool,
    /// A human-readable outcome.
    pub detail: String,
    /// The duration in milliseconds.
    pub milliseconds: u64,
}

/// The kind of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    /// Resolution of the host's addresses.
    Dns,
    /// The TCP connection.
    Tcp,
    /// The connection to a proxy, and through it to the registry.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The request for `/v2/`.
    V2,
    /// The request for `/v1/_ping`.
    V1,
    /// The anonymous token request.
    Token,
}

/// A certificate that a server presented.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The subject in RFC 4514 form.
    pub subject: String,
    /// The issuer in RFC 4514 form.
    pub issuer: String,
    /// The last second of its validity.
    pub not_after: String,
    /// The SHA-256 fingerprint in lower-case hexadecimal.
    pub sha256: String,
    /// The certificate in PEM, for a policy that is to trust it; absent if it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pem: Option<String>,
}

/// The trust anchor that verified a server.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyingAnchor {
    /// The subject in RFC 4514 form.
    pub subject: String,
    /// The SHA-256 fingerprint in lower-case hexadecimal; none for a well-known root, for which only name and key are
    /// known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The origin of the anchor.
    pub source: AnchorSource,
}

/// The origin of a trust anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnchorSource {
    /// The policy.
    Policy,
    /// The root store that applies to every registry.
    WellKnown,
}

impl ProbeReport {
    /// Creates a report of a decision, before any attempt.
    pub(super) fn from_response(answer: &Response<'_>) -> Self {
        let registry = answer.registry.as_deref().unwrap_or(&answer.reference).to_owned();
        Self {
            registry,
            decision: RawValue::from_string(answer.to_json()).unwrap_or_default(),
            attempts: Vec::new(),
            protocol: None,
            hint: None,
            ok: false,
            summary: String::new(),
        }
    }

    /// Describes the failures of all attempts.
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
    /// Creates a report for an endpoint, before any stage.
    pub(super) fn from_endpoint(route: &Endpoint, host: Option<&str>) -> Self {
        Self {
            scheme: route.scheme(),
            host: host.map(str::to_owned),
            port: route.port(),
            address: None,
            proxy: None,
            verified: route.is_verified(),
            stages: Vec::new(),
            chain: Vec::new(),
            vouched_by: None,
            protocol: None,
            elsewhere: Vec::new(),
        }
    }

    /// Returns the address and the proxy, each with a preposition before it.
    pub(super) fn way(&self) -> String {
        let address = self.address.as_ref().map(|address| format!(" at {address}"));
        let proxy = self.proxy.as_ref().map(|proxy| format!(" through `{proxy}`"));
        [address, proxy].into_iter().flatten().collect()
    }
}

impl fmt::Display for AttemptReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on port {}{}", transport_name(self.scheme, self.verified), self.port, self.way())
    }
}

impl StageKind {
    /// Returns the name used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
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
        Self {
            subject: known(subject),
            issuer: known(issuer),
            not_after: known(not_after),
            sha256: fingerprint,
            pem: pullgate::describe_certificate(der).map(|certificate| certificate.pem),
        }
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
