//! A connection to a registry.

use std::fmt;
use std::io::{IoSlice, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::endpoint::Route;
use crate::prefix_recorder::Head;
use crate::verifier::Voucher;

/// A connection to a registry, made as the decision allows: a stream of bytes, inside TLS where the attempt is HTTPS.
///
/// It is to one host. Whatever the registry points to, with a redirect or as where to get a token, is another host, or
/// another port: ask the policy about it, and connect as that decision allows.
pub struct Connection {
    route: Route,
    peer: SocketAddr,
    voucher: Option<Voucher>,
    stream: Stream,
}

pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<Head>>),
}

impl Connection {
    pub(crate) fn new(route: Route, peer: SocketAddr, voucher: Option<Voucher>, stream: Stream) -> Self {
        Self { route, peer, voucher, stream }
    }

    /// The attempt that it comes of.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The address that it is to.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Who vouched for the server; none where the attempt is unverified.
    pub fn voucher(&self) -> Option<&Voucher> {
        self.voucher.as_ref()
    }

    /// The certificates that the server sent, its own first; none over plain HTTP.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        match &self.stream {
            Stream::Plain(_) => &[],
            Stream::Tls(stream) => stream.get_ref().1.peer_certificates().unwrap_or_default(),
        }
    }

    /// The protocol that was agreed on (RFC 7301), if any.
    pub fn alpn(&self) -> Option<&[u8]> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (route, peer, voucher) = (&self.route, &self.peer, &self.voucher);
        formatter
            .debug_struct("Connection")
            .field("route", route)
            .field("peer", peer)
            .field("voucher", voucher)
            .finish_non_exhaustive()
    }
}
