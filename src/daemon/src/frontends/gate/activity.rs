//! A client's stream that reports its activity, for the idle timeouts and the eviction of the listener.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::server::connection_limit::ActivityHandle;
use crate::server::listener::ByteStream;

/// A stream that reports each transfer of bytes as activity of its connection.
pub struct ActivityStream<S> {
    stream: S,
    activity: ActivityHandle,
}

impl<S> ActivityStream<S> {
    /// Wraps a stream.
    pub fn new(stream: S, activity: ActivityHandle) -> Self {
        Self { stream, activity }
    }

    fn record(&self, polled: Poll<Result<usize>>) -> Poll<Result<usize>> {
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.activity.touch();
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ActivityStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.record(polled.map_ok(|()| read)).map_ok(|_| ())
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ActivityStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.record(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.record(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Does not report what moves through the socket itself.
impl<S: ByteStream> ByteStream for ActivityStream<S> {
    fn tcp_socket(&self) -> Option<&TcpStream> {
        self.stream.tcp_socket()
    }
}
