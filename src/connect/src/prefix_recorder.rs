//! How an answer begins.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How many bytes are kept.
const PREFIX_LEN: usize = 5;

/// A TCP connection that remembers how the other side's first answer began, so that it can be said what it speaks if it
/// does not speak TLS.
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

    /// The first bytes of the answer.
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
