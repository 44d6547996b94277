//! TCP connection and TLS handshake as separate steps, for callers that report progress.

use std::io::Error as IoError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::connection::{Connection, TransportStream};
use crate::endpoint::Endpoint;
use crate::error::AttemptError;
use crate::prefix_recorder::PrefixRecorder;

/// An address of an [`Endpoint`]. Only [`Endpoint::resolve`] creates one, so that none lies outside the pinned
/// addresses.
#[derive(Clone, Debug)]
pub struct ResolvedEndpoint {
    endpoint: Endpoint,
    addr: SocketAddr,
}

/// A TCP connection to a [`ResolvedEndpoint`], before the handshake.
#[derive(Debug)]
pub struct TcpConnection {
    endpoint: ResolvedEndpoint,
    stream: TcpStream,
}

/// The outcome of a handshake. Plain HTTP has no handshake, so it always succeeds.
#[derive(Debug)]
pub struct HandshakeResult {
    /// The certificates that the server presented, leaf first, even if they were rejected.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The connection, or the error.
    pub outcome: Result<Connection, AttemptError>,
}

impl ResolvedEndpoint {
    pub(crate) fn new(endpoint: Endpoint, addr: SocketAddr) -> Self {
        Self { endpoint, addr }
    }

    /// Returns the endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the address and port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connects to the address. The caller applies the timeout.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn dial(&self) -> Result<TcpConnection, AttemptError> {
        let stream = TcpStream::connect(self.addr).await.map_err(AttemptError::from_connect)?;
        // Requests are small and latency-bound.
        let _ = stream.set_nodelay(true);
        Ok(TcpConnection { endpoint: self.clone(), stream })
    }
}

impl TcpConnection {
    /// Performs the TLS handshake if the endpoint uses TLS. The caller applies the timeout.
    pub async fn handshake(self) -> HandshakeResult {
        let Self { endpoint: ResolvedEndpoint { endpoint: route, addr: peer }, stream } = self;
        let Some(tls) = &route.tls else {
            let connection = Connection::new(route, peer, None, TransportStream::Plain(stream));
            return HandshakeResult { certificates: Vec::new(), outcome: Ok(connection) };
        };
        let verifier = Arc::new(tls.verifier());
        let connector = TlsConnector::from(tls.config(&verifier));
        let made = connector.connect(tls.name.clone(), PrefixRecorder::new(stream)).into_fallible().await;
        let outcome = match made {
            Ok(stream) => {
                let stream = TransportStream::Tls(Box::new(stream));
                Ok(Connection::new(route, peer, verifier.voucher.get().cloned(), stream))
            }
            Err((error, recorder)) => Err(AttemptError::from_handshake(error, &recorder.prefix().bytes())),
        };
        HandshakeResult { certificates: verifier.presented_chain.get().cloned().unwrap_or_default(), outcome }
    }
}

impl Endpoint {
    /// Resolves the endpoint to addresses: the pinned ones, the host if it is an address, or the current DNS answers.
    /// The caller applies the timeout.
    ///
    /// # Errors
    ///
    /// If DNS fails, or if the host has no address.
    pub async fn resolve(&self) -> Result<Vec<ResolvedEndpoint>, AttemptError> {
        let peer = |address: &IpAddr| SocketAddr::new(*address, self.port);
        let peers: Vec<SocketAddr> = match (&self.dns, self.host.parse()) {
            _ if !self.pinned.is_empty() => self.pinned.iter().map(peer).collect(),
            (_, Ok(address)) => vec![peer(&address)],
            (Some(dns), Err(_)) => {
                let found = dns
                    .resolve_addresses(&self.host)
                    .await
                    .map_err(|error| AttemptError::Dns(IoError::other(error)))?;
                found.iter().map(peer).collect()
            }
            (None, Err(_)) => lookup_host((self.host.as_str(), self.port)).await.map_err(AttemptError::Dns)?.collect(),
        };
        if peers.is_empty() {
            return Err(AttemptError::NoAddress);
        }
        Ok(peers.into_iter().map(|peer| ResolvedEndpoint::new(self.clone(), peer)).collect())
    }
}
