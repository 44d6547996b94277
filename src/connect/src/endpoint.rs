//! Endpoints of a decision.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use pullgate::Scheme;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::verifier::{Verification, Verifier};
use pullgate_host::Dns;

/// One attempt that a decision allows, with everything needed to connect. For callers that make their own connections.
///
/// An endpoint is one host and one port. [`client_config`](Self::client_config) rejects any other host, so that a
/// redirect carries neither a trust anchor nor "unverified" along; but TLS does not see ports, and plain HTTP checks
/// nothing. Use an HTTP client that does not follow redirects.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) pinned: Vec<IpAddr>,
    pub(crate) tls: Option<EndpointTls>,
    /// The resolver for addresses; none for the system resolver.
    pub(crate) dns: Option<Dns>,
}

/// The TLS settings of an endpoint.
#[derive(Clone)]
pub(crate) struct EndpointTls {
    /// The TLS configuration without a certificate verifier.
    pub(crate) base_config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    pub(crate) verification: Verification,
}

impl Endpoint {
    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether the server's certificate is verified; always false over plain HTTP.
    pub fn is_verified(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| matches!(tls.verification, Verification::Required(_)))
    }

    /// Returns the pinned addresses, the only ones to connect to (rule M4). Empty if DNS resolves the host.
    pub fn pinned(&self) -> &[IpAddr] {
        &self.pinned
    }

    /// Returns the `Host` header (RFC 9110, section 7.2), without the scheme's default port.
    pub fn host_header(&self) -> String {
        let brackets = self.host.contains(':');
        let host = if brackets { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (Scheme::Https, 443) | (Scheme::Http, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Returns the TLS configuration of this attempt; none over plain HTTP.
    ///
    /// The validity of policy anchors is checked at each handshake, so the configuration may be kept as long as the
    /// decision. Sessions are not resumed, because resumption skips verification. Creating one is cheap.
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
            .debug_struct("Endpoint")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("verified", &self.is_verified())
            .field("pinned", &self.pinned)
            .finish_non_exhaustive()
    }
}
