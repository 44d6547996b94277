//! How an answer begins.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How many bytes are kept.
const KEPT: usize = 5;

/// A TCP connection that remembers how the other side's first answer began, so that it can be said what it speaks if it
/// does not speak TLS.
#[derive(Debug)]
pub(crate) struct Head {
    stream: TcpStream,
    head: [u8; KEPT],
    length: usize,
}

impl Head {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, head: [0; KEPT], length: 0 }
    }

    /// The first bytes of the answer.
    pub(crate) fn read(&self) -> &[u8] {
        self.head.get(..self.length).unwrap_or_default()
    }
}

impl AsyncRead for Head {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let length = self.length;
        if length < KEPT {
            let new = buffer.filled().get(before..).unwrap_or_default();
            let room = self.head.iter_mut().skip(length);
            self.length += room.zip(new).map(|(kept, byte)| *kept = *byte).count();
        }
        polled
    }
}

impl AsyncWrite for Head {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
