//! The move of bytes between two TCP sockets by splice(2): the kernel passes its pages on through a pipe, and copies
//! nothing into this process.

use std::cell::RefCell;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Maximum number of bytes that a pipe takes at once.
const MAX_HELD_BYTES: usize = 256 << 10;

/// Size of a pipe in bytes, by which the kernel means as many pages: a network card's are filled by one packet each.
const PIPE_BYTES: usize = 256 << 10;

/// Maximum number of pipes. Each has two descriptors, which connections need more.
const MAX_PIPES: usize = 64;

static PIPES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The empty pipe of a thread. A tunnel owns one only while its receiver has not taken everything.
    static SPARE: RefCell<Option<SplicePipe>> = const { RefCell::new(None) };
}

/// A pipe with bytes on their way from one socket to another.
pub struct SplicePipe {
    reader: OwnedFd,
    writer: OwnedFd,
    held: usize,
}

impl SplicePipe {
    /// Takes the empty pipe of this thread, or creates one; none if there are too many.
    pub fn take() -> Option<Self> {
        SPARE.take().or_else(Self::create)
    }

    fn create() -> Option<Self> {
        let count = |pipes: usize| (pipes < MAX_PIPES).then_some(pipes + 1);
        PIPES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).ok()?;
        let Ok((reader, writer)) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK) else {
            PIPES.fetch_sub(1, Ordering::Relaxed);
            return None;
        };
        // A user without privileges who has many pipes keeps the size that each has at first.
        let _ = fcntl_setpipe_size(&writer, PIPE_BYTES);
        Some(Self { reader, writer, held: 0 })
    }

    /// Leaves an empty pipe to the next user on this thread.
    pub fn put_back(self) {
        if self.held == 0 {
            SPARE.set(Some(self));
        }
    }

    /// Returns the number of bytes in the pipe.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Fills an empty pipe from a socket. Returns the number of bytes, zero at the end of the socket.
    pub fn poll_fill(&mut self, context: &mut Context<'_>, from: &TcpStream) -> Poll<Result<usize>> {
        let filled = poll_splice(context, from, Interest::READABLE, &from.as_fd(), &self.writer, MAX_HELD_BYTES);
        filled.map_ok(|bytes| {
            self.held += bytes;
            bytes
        })
    }

    /// Drains the pipe into a socket. Returns the number of bytes.
    pub fn poll_drain(&mut self, context: &mut Context<'_>, to: &TcpStream) -> Poll<Result<usize>> {
        let drained = ready!(poll_splice(context, to, Interest::WRITABLE, &self.reader, &to.as_fd(), self.held))?;
        if drained == 0 {
            return Poll::Ready(Err(Error::from(ErrorKind::WriteZero)));
        }
        self.held -= drained;
        Poll::Ready(Ok(drained))
    }
}

impl Drop for SplicePipe {
    fn drop(&mut self) {
        PIPES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Moves up to `most` bytes as soon as the socket is ready. An empty pipe always takes bytes, and a full one always gives
/// them, so that only the socket is waited for.
fn poll_splice(
    context: &mut Context<'_>,
    socket: &TcpStream,
    interest: Interest,
    from: &impl AsFd,
    to: &impl AsFd,
    most: usize,
) -> Poll<Result<usize>> {
    loop {
        ready!(if interest.is_readable() {
            socket.poll_read_ready(context)
        } else {
            socket.poll_write_ready(context)
        })?;
        let moved = socket.try_io(interest, || {
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            splice(from, None, to, None, most, flags).map_err(Error::from)
        });
        match moved {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            moved => return Poll::Ready(moved),
        }
    }
}
