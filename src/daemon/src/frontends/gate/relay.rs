//! The relay of a tunnel: bytes both ways, each direction until its end.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::splice::SplicePipe;
use crate::server::listener::ByteStream;

/// Size of the buffer of a thread in bytes. A tunnel holds memory only for what its receiver has not taken yet.
const BUFFER_BYTES: usize = 128 << 10;

/// Number of bytes that a direction copies before it splices: to most tunnels a pipe would be of no use.
const COPIED_BYTES: usize = 256 << 10;

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
    client: &mut impl ByteStream,
    server: &mut impl ByteStream,
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
    /// The same, in the kernel.
    pipe: Option<SplicePipe>,
    /// Number of bytes that were copied, up to where splicing begins.
    copied: usize,
    /// True once the sender has ended.
    is_at_end: bool,
    /// True once the receiver knows.
    is_done: bool,
}

impl Direction {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        from: &mut impl ByteStream,
        to: &mut impl ByteStream,
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
            let sockets = from.tcp_socket().zip(to.tcp_socket()).filter(|_| self.copied >= COPIED_BYTES);
            if let Some((_, to)) = sockets {
                ready!(self.poll_drain(context, to, count))?;
            }
            if self.is_at_end {
                ready!(Pin::new(&mut *to).poll_shutdown(context))?;
                self.is_done = true;
                continue;
            }
            let pipe = sockets.and_then(|_| SplicePipe::take());
            let polled = match (sockets, pipe) {
                (Some((from, _)), Some(pipe)) => self.poll_fill(context, from, pipe),
                _ => BUFFER.with_borrow_mut(|buffer| self.poll_copy(context, from, to, count, buffer)),
            };
            if polled?.is_pending() {
                // A TLS stream may hold what was written.
                ready!(Pin::new(&mut *to).poll_flush(context))?;
                return Poll::Pending;
            }
        }
    }

    /// Fills a pipe once, and keeps it for the receiver.
    fn poll_fill(&mut self, context: &mut Context<'_>, from: &TcpStream, mut pipe: SplicePipe) -> Result<Poll<()>> {
        match pipe.poll_fill(context, from) {
            Poll::Ready(Ok(1..)) => self.pipe = Some(pipe),
            Poll::Ready(Ok(0)) => {
                self.is_at_end = true;
                pipe.put_back();
            }
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => {
                pipe.put_back();
                return Ok(Poll::Pending);
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Drains the pipe, and leaves it to other tunnels.
    fn poll_drain(&mut self, context: &mut Context<'_>, to: &TcpStream, count: &impl Fn(usize)) -> Poll<Result<()>> {
        while let Some(pipe) = self.pipe.as_mut().filter(|pipe| pipe.held() > 0) {
            count(ready!(pipe.poll_drain(context, to))?);
        }
        if let Some(pipe) = self.pipe.take() {
            pipe.put_back();
        }
        Poll::Ready(Ok(()))
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
        self.copied = self.copied.saturating_add(rest.len());
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;

    impl ByteStream for DuplexStream {
        fn tcp_socket(&self) -> Option<&TcpStream> {
            None
        }
    }

    /// Relays between two pipes of this capacity; returns their outer ends and the counts.
    async fn relayed<F: Future<Output = ()>>(
        capacity: usize,
        talk: impl FnOnce(DuplexStream, DuplexStream) -> F,
    ) -> (Result<()>, [usize; 2]) {
        let ((client, inner_client), (server, inner_server)) = (duplex(capacity), duplex(capacity));
        relay_between(inner_client, inner_server, talk(client, server)).await
    }

    /// Returns the ends of a TCP connection.
    async fn tcp_pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (connected, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (connected.unwrap(), accepted.unwrap().0)
    }

    async fn relay_between(
        inner_client: impl ByteStream,
        inner_server: impl ByteStream,
        talk: impl Future<Output = ()>,
    ) -> (Result<()>, [usize; 2]) {
        let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let add = |index: usize| {
            let counts = &counts;
            move |bytes| {
                counts[index].fetch_add(bytes, Ordering::Relaxed);
            }
        };
        let (sent, received) = (add(0), add(1));
        // Both streams are closed once it ends.
        let relay = async move {
            let (mut client, mut server) = (inner_client, inner_server);
            relay(&mut client, &mut server, sent, received).await
        };
        let (done, ()) = tokio::join!(relay, talk);
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

    /// Bytes of which each quarter of a mebibyte differs.
    fn long_text() -> Vec<u8> {
        (0..2_000_000_u32).flat_map(u32::to_be_bytes).collect()
    }

    #[tokio::test]
    async fn sockets_are_spliced_both_ways_with_each_byte_in_its_place() {
        let ((mut client, inner_client), (mut server, inner_server)) = (tcp_pair().await, tcp_pair().await);
        let (up, down) = (long_text(), long_text().into_iter().rev().collect::<Vec<u8>>());
        let talk = async {
            let (mut client_read, mut client_write) = client.split();
            let (mut server_read, mut server_write) = server.split();
            let (mut at_client, mut at_server) = (Vec::new(), Vec::new());
            let send_up = async {
                client_write.write_all(&up).await.unwrap();
                client_write.shutdown().await.unwrap();
            };
            // The other direction goes on after the end of this one.
            let send_down = async {
                server_read.read_to_end(&mut at_server).await.unwrap();
                server_write.write_all(&down).await.unwrap();
                server_write.shutdown().await.unwrap();
            };
            let receive = client_read.read_to_end(&mut at_client);
            let ((), (), received) = tokio::join!(send_up, send_down, receive);
            received.unwrap();
            assert!(at_server == up && at_client == down);
        };
        let (done, counts) = relay_between(inner_client, inner_server, talk).await;
        done.unwrap();
        assert_eq!(counts, [up.len(), down.len()]);
    }

    #[tokio::test]
    async fn receiver_that_pauses_gets_everything_and_keeps_no_pipe_of_others() {
        const TUNNELS: usize = 80;
        let text = Arc::new(long_text());
        let mut tunnels = JoinSet::new();
        for _ in 0..TUNNELS {
            let text = Arc::clone(&text);
            tunnels.spawn(async move {
                let ((mut client, inner_client), (mut server, inner_server)) = (tcp_pair().await, tcp_pair().await);
                let talk = async {
                    let send = async {
                        server.write_all(&text).await.unwrap();
                        server.shutdown().await.unwrap();
                    };
                    let receive = async {
                        let mut first = vec![0; COPIED_BYTES + 1];
                        client.read_exact(&mut first).await.unwrap();
                        // More tunnels are full meanwhile than there are pipes.
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        client.read_to_end(&mut first).await.unwrap();
                        client.shutdown().await.unwrap();
                        assert!(first == *text);
                    };
                    tokio::join!(send, receive);
                };
                relay_between(inner_client, inner_server, talk).await.0.unwrap();
            });
        }
        tunnels.join_all().await;
        drop(SplicePipe::take().expect("the pipes of ended tunnels are free"));
    }

    #[tokio::test]
    async fn receiver_that_is_gone_ends_a_spliced_relay() {
        let ((mut client, inner_client), (mut server, inner_server)) = (tcp_pair().await, tcp_pair().await);
        let text = long_text();
        let talk = async {
            let send = async { while server.write_all(&text).await.is_ok() {} };
            let leave = async {
                let mut first = vec![0; 2 * COPIED_BYTES];
                client.read_exact(&mut first).await.unwrap();
                drop(client);
            };
            tokio::join!(send, leave);
        };
        let (done, _) = relay_between(inner_client, inner_server, talk).await;
        let kind = done.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{kind}");
    }
}
