//! The decisions of a policy about registries: what a runtime has to be told, and what it is compared with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pullgate::{Attempt, Decision, Policy, ReferenceKind, Request, Scheme, TrustAnchor};

use crate::policy_view::PolicyView;
use crate::registry_name::split_port;

/// Maximum length of a line of base64 in PEM (RFC 7468, section 2).
const PEM_LINE_CHARS: usize = 64;

/// A loaded policy.
pub trait PolicyDecisions {
    /// Decides a request. No DNS is asked.
    fn decide<'a>(&'a self, request: &Request<'_>) -> Decision<'a>;

    /// Returns the trust anchors of the policy.
    fn trust_anchors(&self) -> &[TrustAnchor];
}

impl PolicyDecisions for Policy {
    fn decide<'a>(&'a self, request: &Request<'_>) -> Decision<'a> {
        Policy::decide(self, request)
    }

    fn trust_anchors(&self) -> &[TrustAnchor] {
        self.authorities()
    }
}

/// A policy with its lists, and the project that decides.
#[derive(Clone, Copy)]
pub struct PolicyContext<'a> {
    /// The lists.
    pub view: &'a PolicyView,
    /// The loaded policy.
    pub policy: &'a dyn PolicyDecisions,
    /// The project of the host.
    pub project: Option<&'a str>,
}

/// The way to a registry that a policy permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryAccess {
    /// None.
    Denied,
    /// DNS decides.
    DependsOnDns,
    /// HTTPS with a verified certificate.
    Verified {
        /// The fingerprints of the authorities that apply besides the well-known ones.
        authorities: Vec<String>,
        /// The URL of the only attempt.
        url: String,
    },
    /// HTTPS without verification, plain HTTP, or both.
    Insecure {
        /// The URLs of the attempts, in order.
        urls: Vec<String>,
    },
}

impl RegistryAccess {
    /// Returns whether the policy allows the registry without a word from DNS.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Verified { .. } | Self::Insecure { .. })
    }
}

impl PolicyContext<'_> {
    /// Returns the way to a registry, given as `HOST[:PORT]`.
    pub fn registry_access(&self, registry: &str) -> RegistryAccess {
        self.access(registry, registry, ReferenceKind::Registry)
    }

    /// Returns the way to the registry of an image reference.
    pub fn image_access(&self, reference: &str) -> RegistryAccess {
        let registry = reference.split('/').next().unwrap_or_default();
        self.access(reference, registry, ReferenceKind::Image)
    }

    fn access(&self, reference: &str, registry: &str, kind: ReferenceKind) -> RegistryAccess {
        match self.policy.decide(&Request { reference, kind, project: self.project, dns_answers: &[] }) {
            Decision::Deny(_) => RegistryAccess::Denied,
            Decision::Lookup(_) => RegistryAccess::DependsOnDns,
            Decision::Allow(allowed) => {
                let mut urls = allowed.attempts.iter().map(|attempt| attempt_url(registry, attempt));
                match allowed.attempts.first() {
                    Some(Attempt { verified: true, .. }) => RegistryAccess::Verified {
                        authorities: allowed.authorities.into_iter().map(|text| text.into_owned()).collect(),
                        url: urls.next().unwrap_or_default(),
                    },
                    _ => RegistryAccess::Insecure { urls: urls.collect() },
                }
            }
        }
    }

    /// Returns the certificates of these fingerprints in plain PEM (RFC 7468).
    pub fn plain_pem(&self, fingerprints: &[String]) -> String {
        let anchors = self.policy.trust_anchors().iter();
        anchors.filter(|anchor| fingerprints.contains(&anchor.fingerprint)).map(|anchor| to_pem(&anchor.der)).collect()
    }

    /// Returns the title of an authority.
    pub fn authority_title(&self, fingerprint: &str) -> &str {
        let anchor = self.policy.trust_anchors().iter().find(|anchor| anchor.fingerprint == fingerprint);
        anchor.map_or("", |anchor| &anchor.title)
    }
}

/// Returns the URL of an attempt, without the default port of its scheme.
fn attempt_url(registry: &str, attempt: &Attempt<'_>) -> String {
    let (host, _) = split_port(registry);
    let host = attempt.host.as_deref().unwrap_or(host);
    let scheme: Scheme = attempt.scheme;
    match attempt.port == scheme.default_port() {
        true => format!("{scheme}://{host}"),
        false => format!("{scheme}://{host}:{}", attempt.port),
    }
}

/// Writes a certificate in plain PEM.
fn to_pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(PEM_LINE_CHARS).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker_hub;
    use crate::tests::with_policy;

    #[test]
    fn access_follows_the_decision() {
        with_policy(
            r#"{"whitelist":["a.example/team","docker.io"],"insecure":["b.example","c.example:443"]}"#,
            |policy| {
                let verified = |url: &str| RegistryAccess::Verified { authorities: Vec::new(), url: url.to_owned() };
                let insecure =
                    |urls: &[&str]| RegistryAccess::Insecure { urls: urls.iter().map(|&url| url.into()).collect() };
                assert_eq!(policy.registry_access("a.example"), verified("https://a.example"));
                assert_eq!(policy.registry_access("a.example:5000"), verified("https://a.example:5000"));
                assert_eq!(policy.image_access("a.example/x"), RegistryAccess::Denied);
                assert_eq!(policy.registry_access("b.example"), insecure(&["https://b.example", "http://b.example"]));
                assert_eq!(
                    policy.registry_access("b.example:80"),
                    insecure(&["https://b.example:80", "http://b.example"]),
                );
                assert_eq!(policy.registry_access("c.example:443"), insecure(&["https://c.example"]));
                assert_eq!(policy.registry_access("d.example"), RegistryAccess::Denied);
                for name in docker_hub::NAMES {
                    for port in ["", ":443"] {
                        let access = policy.registry_access(&format!("{name}{port}"));
                        assert_eq!(access, verified("https://registry-1.docker.io"), "{name}{port}");
                    }
                }
                assert_eq!(policy.registry_access("docker.io:5000"), RegistryAccess::Denied);
            },
        );
    }
}
