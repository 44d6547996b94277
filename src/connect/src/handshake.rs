//! TCP connection and TLS handshake as separate steps, for callers that report progress.

use std::io::Error as IoError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::connection::{Connection, LinkStream, TransportStream};
use crate::endpoint::{Endpoint, EndpointTls};
use crate::error::AttemptError;
use crate::prefix_recorder::PrefixRecorder;
use crate::proxy::ProxyServer;
use crate::verifier::Verifier;
use pullgate_host::Dns;

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
    endpoint: Endpoint,
    peer_addr: SocketAddr,
    forward_proxy: Option<Arc<ProxyServer>>,
    stream: LinkStream,
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
        let stream = connect_tcp(&[self.addr]).await?;
        Ok(TcpConnection::new(self.endpoint.clone(), self.addr, Either::Left(stream)))
    }
}

impl TcpConnection {
    pub(crate) fn new(endpoint: Endpoint, peer_addr: SocketAddr, stream: LinkStream) -> Self {
        Self { endpoint, peer_addr, forward_proxy: None, stream }
    }

    /// Sets the proxy that receives the requests in absolute form.
    pub(crate) fn with_forward_proxy(self, proxy: Arc<ProxyServer>) -> Self {
        Self { forward_proxy: Some(proxy), ..self }
    }

    /// Performs the TLS handshake if the endpoint uses TLS. The caller applies the timeout.
    pub async fn handshake(self) -> HandshakeResult {
        let Self { endpoint: route, peer_addr: peer, forward_proxy, stream } = self;
        let Some(tls) = &route.tls else {
            let mut connection = Connection::new(route, peer, None, TransportStream::Plain(stream));
            connection.forward_proxy = forward_proxy;
            return HandshakeResult { certificates: Vec::new(), outcome: Ok(connection) };
        };
        let verifier = Arc::new(tls.verifier());
        let secured = tls.handshake(&verifier, stream).await;
        let outcome = secured.map(|stream| {
            let verified_by = verifier.voucher.get().cloned();
            Connection::new(route, peer, verified_by, TransportStream::Tls(Box::new(stream)))
        });
        HandshakeResult { certificates: verifier.presented_chain.get().cloned().unwrap_or_default(), outcome }
    }
}

impl EndpointTls {
    /// Performs the TLS handshake on a stream.
    pub(crate) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        verifier: &Arc<Verifier>,
        stream: S,
    ) -> Result<TlsStream<PrefixRecorder<S>>, AttemptError> {
        let connector = TlsConnector::from(self.config(verifier));
        let connected = connector.connect(self.name.clone(), PrefixRecorder::new(stream)).into_fallible().await;
        connected.map_err(|(error, recorder)| AttemptError::from_handshake(error, &recorder.prefix().bytes()))
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
        let peers = if self.pinned.is_empty() {
            resolve_host(self.dns.as_ref(), &self.host, self.port).await?
        } else {
            self.pinned.iter().map(|address| SocketAddr::new(*address, self.port)).collect()
        };
        Ok(peers.into_iter().map(|peer| ResolvedEndpoint::new(self.clone(), peer)).collect())
    }
}

/// Connects to the first of the addresses that accepts.
pub(crate) async fn connect_tcp(addrs: &[SocketAddr]) -> Result<TcpStream, AttemptError> {
    let stream = TcpStream::connect(addrs).await.map_err(AttemptError::from_connect)?;
    // Requests are small and latency-bound.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Resolves a host to at least one address: itself if it is one, or the current DNS answers.
pub(crate) async fn resolve_host(dns: Option<&Dns>, host: &str, port: u16) -> Result<Vec<SocketAddr>, AttemptError> {
    let peers: Vec<SocketAddr> = match (dns, host.parse::<IpAddr>()) {
        (_, Ok(address)) => vec![SocketAddr::new(address, port)],
        (Some(dns), Err(_)) => {
            let found = dns.resolve_addresses(host).await.map_err(|error| AttemptError::Dns(IoError::other(error)))?;
            found.into_iter().map(|address| SocketAddr::new(address, port)).collect()
        }
        (None, Err(_)) => lookup_host((host, port)).await.map_err(AttemptError::Dns)?.collect(),
    };
    if peers.is_empty() { Err(AttemptError::NoAddress) } else { Ok(peers) }
}
