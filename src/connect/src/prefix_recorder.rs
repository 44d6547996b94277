//! Prefix recording for connections.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The number of bytes recorded.
const PREFIX_LEN: usize = 5;

/// A TCP connection that records the first bytes read, to report what a server speaks if it is not TLS.
#[derive(Debug)]
pub(crate) struct PrefixRecorder {
    stream: TcpStream,
    prefix: [u8; PREFIX_LEN],
    recorded_len: usize,
}

impl PrefixRecorder {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, prefix: [0; PREFIX_LEN], recorded_len: 0 }
    }

    /// Returns the first bytes read.
    pub(crate) fn prefix(&self) -> &[u8] {
        self.prefix.get(..self.recorded_len).unwrap_or_default()
    }
}

impl AsyncRead for PrefixRecorder {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let length = self.recorded_len;
        if length < PREFIX_LEN {
            let new = buffer.filled().get(before..).unwrap_or_default();
            let room = self.prefix.iter_mut().skip(length);
            self.recorded_len += room.zip(new).map(|(kept, byte)| *kept = *byte).count();
        }
        polled
    }
}

impl AsyncWrite for PrefixRecorder {
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
