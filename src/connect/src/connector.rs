//! Connector for registries.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use pullgate::{Allow, Attempt, Scheme};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};

use crate::connection::Connection;
use crate::crypto_provider::crypto_provider;
use crate::endpoint::{Endpoint, EndpointTls};
use crate::error::{AttemptError, ConnectError, FailedAttempt};
use crate::proxy::ProxyServer;
use crate::root_store::RootStore;
use crate::trust_anchor::PolicyAnchor;
use crate::verifier::{TrustSources, Verification};
use pullgate::TrustAnchor;
use pullgate_host::Dns;

/// Timeouts of a connector.
#[derive(Clone, Debug)]
pub struct ConnectLimits {
    /// Timeout of one address of one attempt, including the TLS handshake; 10 seconds by default.
    pub address_timeout: Duration,
    /// Timeout of all attempts together, including DNS; 30 seconds by default.
    pub total_timeout: Duration,
}

impl Default for ConnectLimits {
    fn default() -> Self {
        Self { address_timeout: Duration::from_secs(10), total_timeout: Duration::from_secs(30) }
    }
}

/// Connects to registries: tries the attempts that a decision lists, in order, and nothing else (rule T1). Cheap to
/// clone. One connector may serve every policy, since the trust of one decision never affects another.
///
/// A connection belongs to one host. A redirect to blob storage and the URL of a token server name further registries:
/// evaluate that host with [`ReferenceKind::Registry`](pullgate::ReferenceKind::Registry), and connect as that decision
/// allows.
///
/// TLS is rustls with AWS-LC, versions 1.2 and 1.3. Sessions are not resumed, because resumption skips verification.
/// Revocation is not checked.
#[derive(Clone, Debug)]
pub struct Connector {
    roots: RootStore,
    limits: ConnectLimits,
    base_config: Arc<ClientConfig>,
    dns: Option<Dns>,
}

impl Connector {
    /// Creates a connector that trusts `roots` for every registry, in addition to the trust anchors of each decision.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn new(roots: RootStore, limits: ConnectLimits) -> Result<Self, rustls::Error> {
        let mut base = ClientConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        base.resumption = Resumption::disabled();
        Ok(Self { roots, limits, base_config: Arc::new(base), dns: None })
    }

    /// Sets the ALPN protocols (RFC 7301) in order of preference: `http/1.1`, `h2`. None by default, meaning HTTP/1.1.
    #[must_use]
    pub fn with_alpn(mut self, protocols: Vec<Vec<u8>>) -> Self {
        Arc::make_mut(&mut self.base_config).alpn_protocols = protocols;
        self
    }

    /// Sets the resolver for hosts without pinned addresses; the system resolver by default.
    #[must_use]
    pub fn with_dns(mut self, dns: Dns) -> Self {
        self.dns = Some(dns);
        self
    }

    /// Connects to `registry` as `allowed` permits.
    ///
    /// `registry` is `HOST[:PORT]` from the [`Response`](pullgate::Response) that holds `allowed`, and `authorities`
    /// are the trust anchors of the policy that decided
    /// ([`PolicyEvaluator::authorities`](pullgate_host::PolicyEvaluator::authorities)). Pinned addresses are used
    /// without another DNS query.
    ///
    /// # Errors
    ///
    /// If every attempt failed, with the error of each, or if decision, registry and trust anchors do not belong
    /// together.
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

    /// Returns the endpoints of `allowed`, in order, for callers that make their own connections. The parameters are
    /// those of [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// If decision, registry and trust anchors do not belong together.
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

    /// Returns the TLS settings for an HTTPS proxy; none if the proxy speaks plain HTTP. The root store alone verifies
    /// it: the trust anchors of a decision are those of its registry.
    pub(crate) fn proxy_tls(&self, proxy: &ProxyServer) -> Option<EndpointTls> {
        let sources = TrustSources { anchors: Vec::new(), roots: self.roots.clone() };
        (proxy.scheme() == Scheme::Https).then(|| EndpointTls {
            base_config: Arc::clone(&self.base_config),
            name: proxy.server_name().clone(),
            verification: Verification::Required(Arc::new(sources)),
        })
    }

    /// Tries the addresses of one endpoint in order.
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

/// Returns the host of `HOST[:PORT]`, an IPv6 address without brackets.
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
