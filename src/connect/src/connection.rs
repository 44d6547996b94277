//! Established connections to registries.

use std::fmt;
use std::io::{IoSlice, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::endpoint::Endpoint;
use crate::prefix_recorder::PrefixRecorder;
use crate::proxy::ProxyServer;
use crate::verifier::VerifiedBy;

/// A connection to a registry, made as the decision allows: a byte stream, inside TLS if the attempt is HTTPS.
///
/// The connection belongs to one host and port. A redirect or token server is another host, or another port, and needs
/// a decision of its own.
pub struct Connection {
    endpoint: Endpoint,
    peer_addr: SocketAddr,
    verified_by: Option<VerifiedBy>,
    /// The proxy that receives the requests in absolute form (RFC 9112, section 3.2.2).
    pub(crate) forward_proxy: Option<Arc<ProxyServer>>,
    stream: TransportStream,
}

/// The stream below the protocol of the endpoint: TCP, or TLS to a proxy.
pub(crate) type LinkStream = Either<TcpStream, Box<TlsStream<PrefixRecorder<TcpStream>>>>;

pub(crate) enum TransportStream {
    Plain(LinkStream),
    Tls(Box<TlsStream<PrefixRecorder<LinkStream>>>),
}

impl Connection {
    pub(crate) fn new(
        endpoint: Endpoint,
        peer_addr: SocketAddr,
        verified_by: Option<VerifiedBy>,
        stream: TransportStream,
    ) -> Self {
        Self { endpoint, peer_addr, verified_by, forward_proxy: None, stream }
    }

    /// Returns the endpoint of the connection.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the remote address; that of the proxy, if there is one.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer_addr
    }

    /// Returns the trust anchor that verified the server; none if the attempt is unverified.
    pub fn verified_by(&self) -> Option<&VerifiedBy> {
        self.verified_by.as_ref()
    }

    /// Returns the certificates that the server presented, leaf first; none over plain HTTP.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        match &self.stream {
            TransportStream::Plain(_) => &[],
            TransportStream::Tls(stream) => stream.get_ref().1.peer_certificates().unwrap_or_default(),
        }
    }

    /// Returns the negotiated protocol (RFC 7301), if any.
    pub fn alpn(&self) -> Option<&[u8]> {
        match &self.stream {
            TransportStream::Plain(_) => None,
            TransportStream::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        match &mut self.stream {
            TransportStream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            TransportStream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        match &mut self.stream {
            TransportStream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            TransportStream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        match &mut self.stream {
            TransportStream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            TransportStream::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            TransportStream::Plain(stream) => stream.is_write_vectored(),
            TransportStream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        match &mut self.stream {
            TransportStream::Plain(stream) => Pin::new(stream).poll_flush(context),
            TransportStream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        match &mut self.stream {
            TransportStream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            TransportStream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (route, peer, voucher) = (&self.endpoint, &self.peer_addr, &self.verified_by);
        formatter
            .debug_struct("Connection")
            .field("route", route)
            .field("peer", peer)
            .field("voucher", voucher)
            .finish_non_exhaustive()
    }
}
