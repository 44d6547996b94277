//! Connecting as decisions allow.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use pullgate::{Allowed, Attempt, Scheme};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};

use crate::connection::Connection;
use crate::endpoint::{Route, Tls};
use crate::error::{ConnectError, Problem, Tried};
use crate::root_store::Roots;
use crate::trust_anchor::Anchor;
use crate::verifier::{Trust, Vouchers};
use pullgate::Authority;
use pullgate_host::Dns;

/// How long connecting may take.
#[derive(Clone, Debug)]
pub struct ConnectLimits {
    /// The time for one address of one attempt, TLS handshake included; 10 seconds by default.
    pub address: Duration,
    /// The time for all attempts together, DNS included; 30 seconds by default.
    pub total: Duration,
}

impl Default for ConnectLimits {
    fn default() -> Self {
        Self { address: Duration::from_secs(10), total: Duration::from_secs(30) }
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
    roots: Roots,
    limits: ConnectLimits,
    base: Arc<ClientConfig>,
    dns: Option<Dns>,
}

impl Connector {
    /// `roots` count for every registry, beside those that its decision names.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn new(roots: Roots, limits: ConnectLimits) -> Result<Self, rustls::Error> {
        // Given, and not installed for the whole process, which is the embedder's.
        let mut base = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        base.resumption = Resumption::disabled();
        Ok(Self { roots, limits, base: Arc::new(base), dns: None })
    }

    /// The protocols to offer (RFC 7301), the best first: `http/1.1`, `h2`. None by default, which means HTTP/1.1.
    #[must_use]
    pub fn with_alpn(mut self, protocols: Vec<Vec<u8>>) -> Self {
        Arc::make_mut(&mut self.base).alpn_protocols = protocols;
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
        allowed: &Allowed<'_>,
        authorities: &[Authority],
    ) -> Result<Connection, ConnectError> {
        let routes = self.routes(registry, allowed, authorities)?;
        let (end, mut tried) = (Instant::now() + self.limits.total, Vec::new());
        for route in &routes {
            if let Some(connection) = self.follow(route, end, &mut tried).await {
                return Ok(connection);
            }
        }
        for tried in &mut tried {
            tried.problem.add_unnamed(allowed, authorities);
        }
        Err(ConnectError::Failed { registry: registry.to_owned(), tried })
    }

    /// The attempts of `allowed`, in their order, with all that they take: for those who make their connections
    /// themselves. The parameters are those of [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// If decision, registry and authorities do not belong together.
    pub fn routes(
        &self,
        registry: &str,
        allowed: &Allowed<'_>,
        authorities: &[Authority],
    ) -> Result<Vec<Route>, ConnectError> {
        let anchors = allowed.authorities.iter().map(|fingerprint| {
            let found = authorities.iter().find(|authority| authority.fingerprint == **fingerprint);
            found.map(Anchor::new).ok_or_else(|| ConnectError::Authority(fingerprint.to_string()))
        });
        let vouchers = Vouchers { anchors: anchors.collect::<Result<_, _>>()?, roots: self.roots.clone() };
        let trust = Trust::Verified(Arc::new(vouchers));
        let pinned = allowed.pinned.iter().map(|text| text.parse().map_err(|_| ConnectError::Address(text.clone())));
        let pinned: Vec<IpAddr> = pinned.collect::<Result<_, _>>()?;
        let routes = allowed.attempts.iter().map(|attempt| {
            let trust = if attempt.verified { trust.clone() } else { Trust::Unverified };
            self.route(registry, attempt, pinned.clone(), trust)
        });
        routes.collect()
    }

    fn route(
        &self,
        registry: &str,
        attempt: &Attempt<'_>,
        pinned: Vec<IpAddr>,
        trust: Trust,
    ) -> Result<Route, ConnectError> {
        let unreadable = || ConnectError::Registry(registry.to_owned());
        let host = attempt.host.as_deref().or_else(|| host_of(registry)).ok_or_else(unreadable)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| unreadable())?;
        let tls = match attempt.scheme {
            Scheme::Https => Some(Tls { base: Arc::clone(&self.base), name, trust }),
            Scheme::Http => None,
        };
        Ok(Route {
            scheme: attempt.scheme,
            host: host.to_owned(),
            port: attempt.port,
            pinned,
            tls,
            dns: self.dns.clone(),
        })
    }

    /// Tries the addresses of one attempt, one after the other.
    async fn follow(&self, route: &Route, end: Instant, tried: &mut Vec<Tried>) -> Option<Connection> {
        let mut failed = |address, problem| {
            tried.push(Tried {
                scheme: route.scheme,
                host: route.host.clone(),
                port: route.port,
                verified: route.is_verified(),
                address,
                problem,
            });
        };
        let start = Instant::now();
        if start >= end {
            failed(None, Problem::NotTried);
            return None;
        }
        let targets = match timeout_at(end, route.targets()).await {
            Ok(Ok(targets)) => targets,
            Ok(Err(problem)) => {
                failed(None, problem);
                return None;
            }
            Err(_) => {
                failed(None, Problem::TimeOut(start.elapsed()));
                return None;
            }
        };
        for target in targets {
            let start = Instant::now();
            let connection = async { target.dial().await?.handshake().await.outcome };
            match timeout_at(end.min(start + self.limits.address), connection).await {
                Ok(Ok(connection)) => return Some(connection),
                Ok(Err(problem)) => failed(Some(target.peer()), problem),
                Err(_) => failed(Some(target.peer()), Problem::TimeOut(start.elapsed())),
            }
            if Instant::now() >= end {
                break;
            }
        }
        None
    }
}

/// The host of `HOST[:PORT]`, an IPv6 address without its brackets.
fn host_of(registry: &str) -> Option<&str> {
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
            assert_eq!(host_of(registry), host, "{registry}");
        }
    }
}
