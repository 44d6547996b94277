//! The relay of a tunnel: bytes both ways, each direction until its end.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Size of the buffer of a thread in bytes. A tunnel holds memory only for what its receiver has not taken yet.
const BUFFER_BYTES: usize = 128 << 10;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER_BYTES].into_boxed_slice());
}

/// Copies bytes both ways until both directions have ended. The end of one is passed on, and does not end the other.
/// `sent` counts what goes to the second stream, `received` what goes to the first one.
///
/// # Errors
///
/// Those of either stream.
pub async fn relay(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    sent: impl Fn(usize),
    received: impl Fn(usize),
) -> Result<()> {
    let (mut upwards, mut downwards) = (Direction::default(), Direction::default());
    poll_fn(|context| {
        let up = upwards.poll(context, client, server, &sent)?;
        let down = downwards.poll(context, server, client, &received)?;
        if up.is_ready() && down.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// One direction of a relay.
#[derive(Default)]
struct Direction {
    /// Bytes that were read and that the receiver has not taken yet, from `taken` on.
    unsent: Vec<u8>,
    taken: usize,
    /// True once the sender has ended.
    is_at_end: bool,
    /// True once the receiver knows.
    is_done: bool,
}

impl Direction {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        count: &impl Fn(usize),
    ) -> Poll<Result<()>> {
        loop {
            if self.is_done {
                return Poll::Ready(Ok(()));
            }
            while let Some(rest @ [_, ..]) = self.unsent.get(self.taken..) {
                let written = ready!(poll_write_some(context, to, rest))?;
                self.taken += written;
                count(written);
            }
            (self.unsent, self.taken) = (Vec::new(), 0);
            if self.is_at_end {
                ready!(Pin::new(&mut *to).poll_shutdown(context))?;
                self.is_done = true;
                continue;
            }
            let polled = BUFFER.with_borrow_mut(|buffer| self.poll_copy(context, from, to, count, buffer));
            if polled?.is_pending() {
                // A TLS stream may hold what was written.
                ready!(Pin::new(&mut *to).poll_flush(context))?;
                return Poll::Pending;
            }
        }
    }

    /// Reads once and writes as much of it as the receiver takes; keeps the rest.
    fn poll_copy(
        &mut self,
        context: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        count: &impl Fn(usize),
        buffer: &mut [u8],
    ) -> Result<Poll<()>> {
        let mut read = ReadBuf::new(buffer);
        match Pin::new(from).poll_read(context, &mut read) {
            Poll::Ready(result) => result?,
            Poll::Pending => return Ok(Poll::Pending),
        }
        let mut rest = read.filled();
        self.is_at_end = rest.is_empty();
        while !rest.is_empty() {
            match poll_write_some(context, to, rest) {
                Poll::Ready(written) => {
                    let written = written?;
                    count(written);
                    rest = rest.get(written..).unwrap_or_default();
                }
                Poll::Pending => {
                    self.unsent = rest.to_vec();
                    break;
                }
            }
        }
        Ok(Poll::Ready(()))
    }
}

fn poll_write_some(context: &mut Context<'_>, to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Poll<Result<usize>> {
    match ready!(Pin::new(to).poll_write(context, bytes))? {
        0 => Poll::Ready(Err(Error::from(ErrorKind::WriteZero))),
        written => Poll::Ready(Ok(written)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Relays between two pipes of this capacity; returns their outer ends and the counts.
    async fn relayed<F: Future<Output = ()>>(
        capacity: usize,
        talk: impl FnOnce(tokio::io::DuplexStream, tokio::io::DuplexStream) -> F,
    ) -> (Result<()>, [usize; 2]) {
        let ((client, mut inner_client), (server, mut inner_server)) = (duplex(capacity), duplex(capacity));
        let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let add = |index: usize| {
            let counts = &counts;
            move |bytes| {
                counts[index].fetch_add(bytes, Ordering::Relaxed);
            }
        };
        let relay = relay(&mut inner_client, &mut inner_server, add(0), add(1));
        let (done, ()) = tokio::join!(relay, talk(client, server));
        (done, counts.map(AtomicUsize::into_inner))
    }

    #[tokio::test]
    async fn bytes_arrive_in_order_through_a_slow_receiver() {
        let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_be_bytes).collect();
        let (expected, total) = (bytes.clone(), bytes.len());
        let (done, counts) = relayed(1_000, |mut client, mut server| async move {
            let send = async {
                server.write_all(&bytes).await.unwrap();
                server.shutdown().await.unwrap();
            };
            let mut read = Vec::new();
            let receive = async {
                client.read_to_end(&mut read).await.unwrap();
                client.shutdown().await.unwrap();
            };
            tokio::join!(send, receive);
            assert!(read == expected);
        })
        .await;
        assert!(done.is_ok());
        assert_eq!(counts, [0, total]);
    }

    #[tokio::test]
    async fn end_of_one_direction_leaves_the_other_open() {
        let (done, counts) = relayed(64, |mut client, mut server| async move {
            client.write_all(b"question").await.unwrap();
            client.shutdown().await.unwrap();
            let mut read = String::new();
            server.read_to_string(&mut read).await.unwrap();
            assert_eq!(read, "question");
            server.write_all(b"answer").await.unwrap();
            drop(server);
            read.clear();
            client.read_to_string(&mut read).await.unwrap();
            assert_eq!(read, "answer");
        })
        .await;
        assert!(done.is_ok());
        assert_eq!(counts, [8, 6]);
    }

    #[tokio::test]
    async fn receiver_that_is_gone_ends_the_relay() {
        let (done, _) = relayed(64, |client, mut server| async move {
            drop(client);
            let _ = server.write_all(&[0; 10]).await;
        })
        .await;
        assert_eq!(done.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
