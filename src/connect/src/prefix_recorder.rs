//! Prefix recording for connections.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The number of bytes recorded: enough to tell TLS, HTTP and other protocols apart.
const PREFIX_LEN: usize = 16;

/// A connection that records the first bytes read, to report what a server speaks if it is not what was expected.
#[derive(Debug)]
pub(crate) struct PrefixRecorder<T> {
    stream: T,
    prefix: RecordedPrefix,
    /// The number of bytes still to record.
    room: usize,
}

/// The first bytes of a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordedPrefix(Arc<Mutex<Vec<u8>>>);

impl<T> PrefixRecorder<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self { stream, prefix: RecordedPrefix::default(), room: PREFIX_LEN }
    }

    /// Returns the stream.
    pub(crate) fn into_inner(self) -> T {
        self.stream
    }

    /// Returns the first bytes read, also those of later reads.
    pub(crate) fn prefix(&self) -> RecordedPrefix {
        self.prefix.clone()
    }
}

impl RecordedPrefix {
    /// Returns the bytes recorded so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for PrefixRecorder<T> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.room > 0 {
            let new = buffer.filled().get(before..).unwrap_or_default();
            let new = new.get(..self.room).unwrap_or(new);
            self.room = self.room.saturating_sub(new.len());
            self.prefix.0.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for PrefixRecorder<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn first_bytes_are_recorded_across_reads() {
        let mut recorder = PrefixRecorder::new(&b"HTTP/1.1 400 Bad Request"[..]);
        let prefix = recorder.prefix();
        let mut buffer = [0; 5];
        recorder.read_exact(&mut buffer).await.unwrap();
        assert_eq!((&buffer, prefix.bytes().as_slice()), (b"HTTP/", &b"HTTP/"[..]));
        recorder.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(prefix.bytes(), b"HTTP/1.1 400 Bad");
    }
}
