//! Bodies of responses.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::transfer::{Transfer, TransferEnd, TransferState};
use super::upstream::Upstream;

/// Time without any byte of a server after which its response is cut off.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The body of a response.
pub type GateBody = UnsyncBoxBody<Bytes, BodyError>;

/// Returns an empty body.
pub fn empty_body() -> GateBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
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
}

/// A server's body as it is passed on, with its transfer.
pub struct TransferBody {
    body: Incoming,
    transfer: Transfer,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    stall: Pin<Box<Sleep>>,
    /// The connection, kept until the body ends.
    upstream: Option<Upstream>,
}

impl TransferBody {
    /// Creates the body of a response.
    pub fn new(body: Incoming, transfer: Transfer, upstream: Upstream) -> Self {
        let cut = Box::pin(transfer.state().cut.clone().cancelled_owned());
        let mut new = Self { body, transfer, cut, stall: Box::pin(sleep(STALL_TIMEOUT)), upstream: Some(upstream) };
        if new.body.is_end_stream() {
            new.end();
        }
        new
    }

    fn end(&mut self) {
        self.transfer.set_end(TransferEnd::Completed);
        self.upstream = None;
    }

    fn fail(&mut self, end: TransferEnd, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.transfer.set_end(end);
        self.upstream = None;
        Poll::Ready(Some(Err(error)))
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
        if this.cut.as_mut().poll(context).is_ready() {
            return this.fail(TransferEnd::PolicyChanged, BodyError::PolicyChanged);
        }
        let frame = match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(this.stall.as_mut().poll(context));
                return this.fail(TransferEnd::Idle, BodyError::Stalled);
            }
        };
        this.stall.as_mut().reset(Instant::now() + STALL_TIMEOUT);
        match frame {
            None => {
                this.end();
                Poll::Ready(None)
            }
            Some(Err(error)) => this.fail(TransferEnd::Interrupted, error.into()),
            Some(Ok(frame)) => {
                this.transfer.state().add_received(frame.data_ref().map_or(0, Bytes::len));
                if this.body.is_end_stream() {
                    this.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
