//! Connecting as decisions allow.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use pullgate::{Allow, Attempt, Scheme};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};

use crate::connection::Connection;
use crate::endpoint::{Endpoint, EndpointTls};
use crate::error::{AttemptError, ConnectError, FailedAttempt};
use crate::root_store::RootStore;
use crate::trust_anchor::PolicyAnchor;
use crate::verifier::{TrustSources, Verification};
use pullgate::TrustAnchor;
use pullgate_host::Dns;

/// How long connecting may take.
#[derive(Clone, Debug)]
pub struct ConnectLimits {
    /// The time for one address of one attempt, TLS handshake included; 10 seconds by default.
    pub address_timeout: Duration,
    /// The time for all attempts together, DNS included; 30 seconds by default.
    pub total_timeout: Duration,
}

impl Default for ConnectLimits {
    fn default() -> Self {
        Self { address_timeout: Duration::from_secs(10), total_timeout: Duration::from_secs(30) }
    }
}

/// Makes connections to registries: the attempts that a decision lists, in their order, and nothing else (rule T1).
/// Cheap to clone. One may serve every policy: what one decision trusts has no part in another.
///
/// A connection is to one host. A registry that points elsewhere, with a redirect to where its blobs are or with the
/// address of a server of tokens, names a registry like any other: ask the policy about that host, with
/// [`ReferenceKind::Registry`](pullgate::ReferenceKind::Registry), and connect as that decision allows.
///
/// TLS is that of rustls with `ring`, versions 1.2 and 1.3. Sessions are not resumed, since a resumed one is not
/// verified again. Nothing asks whether a certificate was revoked.
#[derive(Clone, Debug)]
pub struct Connector {
    roots: RootStore,
    limits: ConnectLimits,
    base_config: Arc<ClientConfig>,
    dns: Option<Dns>,
}

impl Connector {
    /// `roots` count for every registry, beside those that its decision names.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn new(roots: RootStore, limits: ConnectLimits) -> Result<Self, rustls::Error> {
        // Given, and not installed for the whole process, which is the embedder's.
        let mut base = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        base.resumption = Resumption::disabled();
        Ok(Self { roots, limits, base_config: Arc::new(base), dns: None })
    }

    /// The protocols to offer (RFC 7301), the best first: `http/1.1`, `h2`. None by default, which means HTTP/1.1.
    #[must_use]
    pub fn with_alpn(mut self, protocols: Vec<Vec<u8>>) -> Self {
        Arc::make_mut(&mut self.base_config).alpn_protocols = protocols;
        self
    }

    /// Who is asked for the addresses of names that a decision does not pin; the resolver of this machine by default.
    #[must_use]
    pub fn with_dns(mut self, dns: Dns) -> Self {
        self.dns = Some(dns);
        self
    }

    /// Connects to `registry`, as `allowed` allows.
    ///
    /// `registry` is `HOST[:PORT]` as in the [`Answer`](pullgate::Answer) that `allowed` is from, and `authorities` are
    /// those of the policy that gave it ([`Gate::authorities`](pullgate_host::Gate::authorities)). Where the decision pins
    /// addresses, those are connected to and DNS is not asked again.
    ///
    /// # Errors
    ///
    /// If every attempt failed: the error says what each came to. Or if decision, registry and authorities do not
    /// belong together.
    pub async fn connect(
        &self,
        registry: &str,
        allowed: &Allow<'_>,
        authorities: &[TrustAnchor],
    ) -> Result<Connection, ConnectError> {
        let routes = self.endpoints(registry, allowed, authorities)?;
        let (end, mut attempts) = (Instant::now() + self.limits.total_timeout, Vec::new());
        for route in &routes {
            if let Some(connection) = self.try_endpoint(route, end, &mut attempts).await {
                return Ok(connection);
            }
        }
        for attempts in &mut attempts {
            attempts.error.add_unlisted_anchors(allowed, authorities);
        }
        Err(ConnectError::Failed { registry: registry.to_owned(), attempts })
    }

    /// The attempts of `allowed`, in their order, with all that they take: for those who make their connections
    /// themselves. The parameters are those of [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// If decision, registry and authorities do not belong together.
    pub fn endpoints(
        &self,
        registry: &str,
        allowed: &Allow<'_>,
        authorities: &[TrustAnchor],
    ) -> Result<Vec<Endpoint>, ConnectError> {
        let anchors = allowed.authorities.iter().map(|fingerprint| {
            let found = authorities.iter().find(|authority| authority.fingerprint == **fingerprint);
            found.map(PolicyAnchor::new).ok_or_else(|| ConnectError::UnknownAuthority(fingerprint.to_string()))
        });
        let vouchers = TrustSources { anchors: anchors.collect::<Result<_, _>>()?, roots: self.roots.clone() };
        let trust = Verification::Required(Arc::new(vouchers));
        let pinned =
            allowed.pinned.iter().map(|text| text.parse().map_err(|_| ConnectError::InvalidAddress(text.clone())));
        let pinned: Vec<IpAddr> = pinned.collect::<Result<_, _>>()?;
        let routes = allowed.attempts.iter().map(|attempt| {
            let trust = if attempt.verified { trust.clone() } else { Verification::Skip };
            self.endpoint(registry, attempt, pinned.clone(), trust)
        });
        routes.collect()
    }

    fn endpoint(
        &self,
        registry: &str,
        attempt: &Attempt<'_>,
        pinned: Vec<IpAddr>,
        trust: Verification,
    ) -> Result<Endpoint, ConnectError> {
        let unreadable = || ConnectError::InvalidRegistry(registry.to_owned());
        let host = attempt.host.as_deref().or_else(|| registry_host(registry)).ok_or_else(unreadable)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| unreadable())?;
        let tls = match attempt.scheme {
            Scheme::Https => {
                Some(EndpointTls { base_config: Arc::clone(&self.base_config), name, verification: trust })
            }
            Scheme::Http => None,
        };
        Ok(Endpoint {
            scheme: attempt.scheme,
            host: host.to_owned(),
            port: attempt.port,
            pinned,
            tls,
            dns: self.dns.clone(),
        })
    }

    /// Tries the addresses of one attempt, one after the other.
    async fn try_endpoint(
        &self,
        endpoint: &Endpoint,
        end: Instant,
        attempts: &mut Vec<FailedAttempt>,
    ) -> Option<Connection> {
        let mut failed = |address, error| {
            attempts.push(FailedAttempt {
                scheme: endpoint.scheme,
                host: endpoint.host.clone(),
                port: endpoint.port,
                verified: endpoint.is_verified(),
                address,
                error,
            });
        };
        let start = Instant::now();
        if start >= end {
            failed(None, AttemptError::NotTried);
            return None;
        }
        let targets = match timeout_at(end, endpoint.resolve()).await {
            Ok(Ok(targets)) => targets,
            Ok(Err(error)) => {
                failed(None, error);
                return None;
            }
            Err(_) => {
                failed(None, AttemptError::TimeOut(start.elapsed()));
                return None;
            }
        };
        for target in targets {
            let start = Instant::now();
            let connection = async { target.dial().await?.handshake().await.outcome };
            match timeout_at(end.min(start + self.limits.address_timeout), connection).await {
                Ok(Ok(connection)) => return Some(connection),
                Ok(Err(error)) => failed(Some(target.addr()), error),
                Err(_) => failed(Some(target.addr()), AttemptError::TimeOut(start.elapsed())),
            }
            if Instant::now() >= end {
                break;
            }
        }
        None
    }
}

/// The host of `HOST[:PORT]`, an IPv6 address without its brackets.
fn registry_host(registry: &str) -> Option<&str> {
    let (host, port) = match registry.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => match registry.split_once(':') {
            // More than one colon outside brackets: an IPv6 address without a port.
            Some((host, port)) if !port.contains(':') => (host, port),
            _ => return Some(registry),
        },
    };
    port.parse::<u16>().ok().map(|_| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_those_of_the_registry() {
        for (registry, host) in [
            ("registry.example.com", Some("registry.example.com")),
            ("registry.example.com:5000", Some("registry.example.com")),
            ("10.2.40.40", Some("10.2.40.40")),
            ("10.2.40.40:443", Some("10.2.40.40")),
            ("fd00::1", Some("fd00::1")),
            ("[fd00::1]:5000", Some("fd00::1")),
            ("[fd00::1]", None),
            ("https://registry.example.com", None),
            ("registry.example.com:", None),
        ] {
            assert_eq!(registry_host(registry), host, "{registry}");
        }
    }
}
