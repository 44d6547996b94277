//! One attempt of a decision, with all that it takes.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use pullgate::Scheme;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::verifier::{Verification, Verifier};
use pullgate_host::Dns;

/// One attempt that a decision allows, with all that it takes: for those who make their connections themselves.
///
/// It is for one host and one port. [`client_config`](Self::client_config) refuses any other host, so that a redirect
/// cannot carry an authority, or "unverified", along; but TLS does not see ports, and plain HTTP sees nothing. Let no
/// HTTP client follow redirects by itself.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) pinned: Vec<IpAddr>,
    pub(crate) tls: Option<EndpointTls>,
    /// Whom to ask for addresses, if not this machine's resolver.
    pub(crate) dns: Option<Dns>,
}

/// What TLS takes.
#[derive(Clone)]
pub(crate) struct EndpointTls {
    /// A configuration without a verifier of its own.
    pub(crate) base_config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    pub(crate) verification: Verification,
}

impl Endpoint {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the server's certificate is verified. Never so over plain HTTP.
    pub fn is_verified(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| matches!(tls.verification, Verification::Required(_)))
    }

    /// The addresses that alone may be connected to (rule M4); where there are none, those of the host.
    pub fn pinned(&self) -> &[IpAddr] {
        &self.pinned
    }

    /// What the header `Host` says (RFC 9110, section 7.2): no port where it is the scheme's own.
    pub fn host_header(&self) -> String {
        let brackets = self.host.contains(':');
        let host = if brackets { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (Scheme::Https, 443) | (Scheme::Http, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The TLS configuration for this attempt; none over plain HTTP.
    ///
    /// The dates of the policy's certificates are looked at when a connection is made, so that it may be kept for as
    /// long as the decision may. It resumes no session: a resumed one is not verified again. Making one is cheap.
    pub fn client_config(&self) -> Option<Arc<ClientConfig>> {
        self.tls.as_ref().map(|tls| tls.config(&Arc::new(tls.verifier())))
    }
}

impl EndpointTls {
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier {
            host: self.name.clone(),
            verification: self.verification.clone(),
            algorithms: self.base_config.crypto_provider().signature_verification_algorithms,
            voucher: OnceLock::new(),
            presented_chain: OnceLock::new(),
        }
    }

    pub(crate) fn config(&self, verifier: &Arc<Verifier>) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&self.base_config);
        config.dangerous().set_certificate_verifier(Arc::clone(verifier) as _);
        Arc::new(config)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Route")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("verified", &self.is_verified())
            .field("pinned", &self.pinned)
            .finish_non_exhaustive()
    }
}
