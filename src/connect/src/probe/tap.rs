//! How an answer begins.

use std::io::Result;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes are kept.
const PREFIX_LEN: usize = 16;

/// A connection that tells how the other side's answer began, so that it can be said what it speaks if not HTTP.
pub(super) struct PrefixRecorder {
    connection: Connection,
    prefix: RecordedPrefix,
}

/// The first bytes of an answer.
#[derive(Clone, Default)]
pub(super) struct RecordedPrefix(Arc<Mutex<Vec<u8>>>);

impl PrefixRecorder {
    pub(super) fn new(connection: Connection) -> (Self, RecordedPrefix) {
        let head = RecordedPrefix::default();
        (Self { connection, prefix: head.clone() }, head)
    }
}

impl RecordedPrefix {
    /// What came so far.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, bytes: &[u8]) {
        let mut head = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = PREFIX_LEN.saturating_sub(head.len());
        head.extend(bytes.iter().take(room));
    }
}

impl AsyncRead for PrefixRecorder {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.connection).poll_read(context, buffer);
        self.prefix.record(buffer.filled().get(before..).unwrap_or_default());
        polled
    }
}

impl AsyncWrite for PrefixRecorder {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}
