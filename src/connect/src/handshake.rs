//! A connection in the making, step by step: for those who say how far it came.

use std::io::Error as IoError;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::lookup_host;

use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::connection::{Connection, Stream};
use crate::endpoint::Route;
use crate::error::Problem;
use crate::prefix_recorder::Head;

/// An address that a [`Route`] leads to. Only [`Route::targets`] makes them, so that none is outside what is pinned.
#[derive(Clone, Debug)]
pub struct Target {
    route: Route,
    peer: SocketAddr,
}

/// A TCP connection to a [`Target`], before anything was said.
#[derive(Debug)]
pub struct Dialed {
    target: Target,
    stream: TcpStream,
}

/// What came of a handshake. Over plain HTTP there is none, and nothing that could fail.
#[derive(Debug)]
pub struct Handshake {
    /// The certificates as the server sent them, its own first, whether they were accepted or not.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The connection, or why there is none.
    pub outcome: Result<Connection, Problem>,
}

impl Target {
    pub(crate) fn new(route: Route, peer: SocketAddr) -> Self {
        Self { route, peer }
    }

    /// The attempt that it comes of.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The address and port.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Connects to the address. How long that may take is the caller's to say.
    ///
    /// # Errors
    ///
    /// If there is no connection.
    pub async fn dial(&self) -> Result<Dialed, Problem> {
        let stream = TcpStream::connect(self.peer).await.map_err(Problem::of_connecting)?;
        // Requests are small, and their sender waits for the answer.
        let _ = stream.set_nodelay(true);
        Ok(Dialed { target: self.clone(), stream })
    }
}

impl Dialed {
    /// Makes the TLS handshake, where the route has TLS. How long that may take is the caller's to say.
    pub async fn handshake(self) -> Handshake {
        let Self { target: Target { route, peer }, stream } = self;
        let Some(tls) = &route.tls else {
            let connection = Connection::new(route, peer, None, Stream::Plain(stream));
            return Handshake { certificates: Vec::new(), outcome: Ok(connection) };
        };
        let verifier = Arc::new(tls.verifier());
        let connector = TlsConnector::from(tls.config(&verifier));
        let made = connector.connect(tls.name.clone(), Head::new(stream)).into_fallible().await;
        let outcome = match made {
            Ok(stream) => {
                let stream = Stream::Tls(Box::new(stream));
                Ok(Connection::new(route, peer, verifier.voucher.get().cloned(), stream))
            }
            Err((error, head)) => Err(Problem::of_handshake(error, head.read())),
        };
        Handshake { certificates: verifier.sent.get().cloned().unwrap_or_default(), outcome }
    }
}

impl Route {
    /// Where to connect to: what is pinned, the host itself where it is an address, or what DNS says now. How long that
    /// may take is the caller's to say.
    ///
    /// # Errors
    ///
    /// If the host's addresses are not known, or it has none.
    pub async fn targets(&self) -> Result<Vec<Target>, Problem> {
        let peer = |address: &IpAddr| SocketAddr::new(*address, self.port);
        let peers: Vec<SocketAddr> = match (&self.dns, self.host.parse()) {
            _ if !self.pinned.is_empty() => self.pinned.iter().map(peer).collect(),
            (_, Ok(address)) => vec![peer(&address)],
            (Some(dns), Err(_)) => {
                let found = dns.addresses(&self.host).await.map_err(|error| Problem::Dns(IoError::other(error)))?;
                found.iter().map(peer).collect()
            }
            (None, Err(_)) => lookup_host((self.host.as_str(), self.port)).await.map_err(Problem::Dns)?.collect(),
        };
        if peers.is_empty() {
            return Err(Problem::NoAddress);
        }
        Ok(peers.into_iter().map(|peer| Target::new(self.clone(), peer)).collect())
    }
}
