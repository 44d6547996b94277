//! A connection in the making, step by step: for those who say how far it came.

use std::io::Error as IoError;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::lookup_host;

use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::connection::{Connection, TransportStream};
use crate::endpoint::Endpoint;
use crate::error::AttemptError;
use crate::prefix_recorder::PrefixRecorder;

/// An address that a [`Route`] leads to. Only [`Route::targets`] makes them, so that none is outside what is pinned.
#[derive(Clone, Debug)]
pub struct ResolvedEndpoint {
    endpoint: Endpoint,
    addr: SocketAddr,
}

/// A TCP connection to a [`Target`], before anything was said.
#[derive(Debug)]
pub struct TcpConnection {
    endpoint: ResolvedEndpoint,
    stream: TcpStream,
}

/// What came of a handshake. Over plain HTTP there is none, and nothing that could fail.
#[derive(Debug)]
pub struct HandshakeResult {
    /// The certificates as the server sent them, its own first, whether they were accepted or not.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The connection, or why there is none.
    pub outcome: Result<Connection, AttemptError>,
}

impl ResolvedEndpoint {
    pub(crate) fn new(endpoint: Endpoint, addr: SocketAddr) -> Self {
        Self { endpoint: endpoint, addr: addr }
    }

    /// The attempt that it comes of.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The address and port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connects to the address. How long that may take is the caller's to say.
    ///
    /// # Errors
    ///
    /// If there is no connection.
    pub async fn dial(&self) -> Result<TcpConnection, AttemptError> {
        let stream = TcpStream::connect(self.addr).await.map_err(AttemptError::from_connect)?;
        // Requests are small, and their sender waits for the answer.
        let _ = stream.set_nodelay(true);
        Ok(TcpConnection { endpoint: self.clone(), stream })
    }
}

impl TcpConnection {
    /// Makes the TLS handshake, where the route has TLS. How long that may take is the caller's to say.
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
            Err((error, head)) => Err(AttemptError::from_handshake(error, head.prefix())),
        };
        HandshakeResult { certificates: verifier.presented_chain.get().cloned().unwrap_or_default(), outcome }
    }
}

impl Endpoint {
    /// Where to connect to: what is pinned, the host itself where it is an address, or what DNS says now. How long that
    /// may take is the caller's to say.
    ///
    /// # Errors
    ///
    /// If the host's addresses are not known, or it has none.
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
