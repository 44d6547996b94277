//! Bodies of responses.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::pull::{DigestCheck, DigestMismatch};
use super::transfer::{Transfer, TransferEnd, TransferState};
use super::upstream::{ReusableUpstream, Upstream};

/// Time without any byte of a server after which its response is cut off.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The body of a response.
pub type GateBody = UnsyncBoxBody<Bytes, BodyError>;

/// Returns an empty body.
pub fn empty_body() -> GateBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Returns a body with this text.
pub fn full_body(text: String) -> GateBody {
    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

/// The reason that a body is cut short, which the client sees as a broken connection.
#[derive(Debug, Error)]
pub enum BodyError {
    /// The server's connection failed.
    #[error(transparent)]
    Upstream(#[from] hyper::Error),
    /// The policy no longer allows the transfer.
    #[error("the policy changed, and no longer allows it")]
    PolicyChanged,
    /// The server sends nothing.
    #[error("nothing came for {} seconds", STALL_TIMEOUT.as_secs())]
    Stalled,
    /// The server sends something else than was asked for.
    #[error(transparent)]
    Digest(#[from] DigestMismatch),
    /// The server sends more than there can be.
    #[error("it has more than {0} bytes")]
    TooLong(u64),
}

/// The connection of a body, kept until the body ends.
enum BodySource {
    /// Closed then.
    Single(#[expect(dead_code, reason = "held until it is dropped")] Box<Upstream>),
    /// Idle then.
    Reusable(Box<ReusableUpstream>),
}

/// A server's body as it is passed on, with its transfer.
pub struct TransferBody {
    body: Incoming,
    transfer: Transfer,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The timer of the stall, which is set again only where it runs out: frames come by the thousand.
    stall: Pin<Box<Sleep>>,
    last_frame: Instant,
    /// None once the body has ended.
    source: Option<BodySource>,
    /// The check of its digest; none if there is none.
    check: Option<DigestCheck>,
    /// Number of bytes that may still come, if there is a maximum.
    room: Option<u64>,
    limit: u64,
}

impl TransferBody {
    /// Creates the body of a response whose connection is closed at its end.
    pub fn new(body: Incoming, transfer: Transfer, upstream: Upstream) -> Self {
        Self::of(body, transfer, BodySource::Single(Box::new(upstream)), None, None)
    }

    /// Creates the body of a response whose connection is kept. `limit` is its maximum size in bytes.
    pub fn reusable(
        body: Incoming,
        transfer: Transfer,
        upstream: ReusableUpstream,
        check: Option<DigestCheck>,
        limit: Option<u64>,
    ) -> Self {
        Self::of(body, transfer, BodySource::Reusable(Box::new(upstream)), check, limit)
    }

    fn of(
        body: Incoming,
        transfer: Transfer,
        source: BodySource,
        check: Option<DigestCheck>,
        limit: Option<u64>,
    ) -> Self {
        let cut = Box::pin(transfer.state().cut.clone().cancelled_owned());
        let stall = Box::pin(sleep(STALL_TIMEOUT));
        let (source, limit, room) = (Some(source), limit.unwrap_or_default(), limit);
        let mut new = Self { body, transfer, cut, stall, last_frame: Instant::now(), source, check, room, limit };
        if new.body.is_end_stream() {
            // Without bytes there is nothing left to check.
            new.check = None;
            new.end();
        }
        new
    }

    /// Ends the transfer, and keeps the connection.
    fn end(&mut self) {
        self.transfer.set_end(TransferEnd::Completed);
        if let Some(BodySource::Reusable(upstream)) = self.source.take() {
            self.transfer.gate().upstreams.put(*upstream);
        }
    }

    /// Waits until the server has sent nothing for too long.
    fn poll_stall(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.stall.as_mut().poll(context));
            let end = self.last_frame + STALL_TIMEOUT;
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            self.stall.as_mut().reset(end);
        }
    }

    fn fail(&mut self, end: TransferEnd, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.transfer.set_end(end);
        (self.source, self.check) = (None, None);
        Poll::Ready(Some(Err(error)))
    }

    /// Checks the whole of a body that has ended, and returns its last bytes.
    fn finish(&mut self) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let last = match self.check.take().map(DigestCheck::finish) {
            Some(Ok(last)) => last,
            Some(Err(error)) => return self.fail(TransferEnd::WrongContent, error.into()),
            None => None,
        };
        if self.source.is_some() {
            self.end();
        }
        Poll::Ready(last.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Body for TransferBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.source.is_none() {
            return Poll::Ready(None);
        }
        loop {
            if this.cut.as_mut().poll(context).is_ready() {
                return this.fail(TransferEnd::PolicyChanged, BodyError::PolicyChanged);
            }
            let frame = match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(this.poll_stall(context));
                    return this.fail(TransferEnd::Idle, BodyError::Stalled);
                }
            };
            this.last_frame = Instant::now();
            let frame = match frame {
                None => return this.finish(),
                Some(Err(error)) => return this.fail(TransferEnd::Interrupted, error.into()),
                Some(Ok(frame)) => frame,
            };
            // Trailers say nothing that a client of a registry reads.
            let Ok(bytes) = frame.into_data() else { continue };
            this.transfer.state().add_received(bytes.len());
            match this.room.map(|room| room.checked_sub(bytes.len() as u64)) {
                Some(None) => return this.fail(TransferEnd::WrongContent, BodyError::TooLong(this.limit)),
                Some(room) => this.room = room,
                None => {}
            }
            let passed = match &mut this.check {
                Some(check) => check.push(bytes),
                None => Some(bytes),
            };
            // The last bytes of a body of known length come with its end, so that they are not waited for.
            if this.body.is_end_stream() {
                return match (passed, this.check.is_some()) {
                    (Some(bytes), true) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                    (Some(bytes), false) => {
                        this.end();
                        Poll::Ready(Some(Ok(Frame::data(bytes))))
                    }
                    (None, _) => this.finish(),
                };
            }
            if let Some(bytes) = passed {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.check.as_ref().map_or(0, |check| check.held_len() as u64);
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + held);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + held);
        }
        hint
    }
}

/// A client's body that is counted as it is passed on.
pub struct CountedBody {
    body: Incoming,
    state: Arc<TransferState>,
}

impl CountedBody {
    /// Creates the body of a transfer.
    pub fn new(body: Incoming, transfer: &Transfer) -> Self {
        Self { body, state: Arc::clone(transfer.state()) }
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.state.add_sent(frame.data_ref().map_or(0, Bytes::len));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    /// The length, where the client has given one, so that the body keeps its framing.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
