//! The server: TCP, TLS and unix listeners, each with a connection limit and graceful shutdown.

pub mod bearer_token;
mod connection_limit;
mod limits;
mod listener;
pub mod load_shed;
mod peer;
pub mod socket_activation;
#[cfg(test)]
mod tests;
mod tls;
mod tls_files;

use std::future::pending;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use connection_limit::{ConnectionLimiter, ConnectionSlot};
use limits::ListenerLimits;

pub use listener::Listener;
pub use peer::Peer;
pub use tls::{ReloadingTlsAcceptor, TlsError, TlsFiles};

/// Timeout for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of concurrent requests of one connection. Each takes about ten KiB at least.
const MAX_STREAMS: u32 = 16;

/// Maximum size in bytes of unread data of one connection, and of the head of a request.
const MAX_BUFFER_BYTES: u16 = u16::MAX;

/// Serves one listener until `stop`, then until the requests in flight are answered. Each request has its [`Peer`] as
/// an extension.
pub async fn serve(listener: Listener, tls: Option<ReloadingTlsAcceptor>, router: Router, stop: watch::Receiver<bool>) {
    serve_with_limits(ListenerLimits::default(), listener, tls, router, stop).await;
}

async fn serve_with_limits(
    limits: ListenerLimits,
    listener: Listener,
    tls: Option<ReloadingTlsAcceptor>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let places = ConnectionLimiter::new(limits.max_connections);
    let mut connections = JoinSet::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let is_tcp = !listener.is_unix();
    if is_tcp {
        // Without timeouts for unix sockets: their few clients keep connections open and must not find them closed.
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(MAX_BUFFER_BYTES.into());
        let window = u32::from(MAX_BUFFER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.header_timeout)
            .max_concurrent_streams(MAX_STREAMS)
            .initial_connection_window_size(window)
            .initial_stream_window_size(window);
    }
    loop {
        let next = async {
            let (stream, peer) = listener.accept().await?;
            let place = places.acquire(peer.address).await;
            Ok::<_, std::io::Error>((stream, peer, place))
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Usually too many open files: the next attempt would fail at once.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection =
            ConnectionTask { builder: builder.clone(), router: router.clone(), stop: stop.clone(), limits, is_tcp };
        let tls = tls.clone();
        connections.spawn(async move {
            let place = &place;
            let served = async {
                let Some(tls) = tls else { return connection.serve(stream, peer, place).await };
                let (stream, subject) = connection.with_timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await??;
                connection.serve(stream, peer.with_certificate(subject), place).await
            };
            let ended = tokio::select! {
                ended = served => ended,
                () = place.evicted() => Err("another connection needed its place".into()),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_timeout, all).await.is_err() {
        tracing::warn!("some requests were not answered in time and are dropped");
    }
}

type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

/// The context that serves one connection.
struct ConnectionTask {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    stop: watch::Receiver<bool>,
    limits: ListenerLimits,
    /// True if the listener is TCP, so that any machine may be the peer.
    is_tcp: bool,
}

impl ConnectionTask {
    async fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Peer,
        place: &ConnectionSlot,
    ) -> Result<(), ConnectionError> {
        let router = self.router.clone();
        let using = place.activity_handle();
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            using.touch();
            request.extensions_mut().insert(peer.clone());
            router.clone().oneshot(Request::from(request.map(axum::body::Body::new)))
        });
        let served = self.builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::pin!(served);
        // hyper's own timeouts do not cover the time before the HTTP version is known, unread responses, or HTTP/2
        // connections with nothing but pings.
        let idle = async {
            if !self.is_tcp {
                return pending().await;
            }
            place.wait_until_idle(self.limits.header_timeout, self.limits.idle_timeout).await;
        };
        tokio::select! {
            done = &mut served => return done,
            () = self.wait_for_stop() => {}
            () = idle => {
                if !place.has_requests() {
                    return Err("nothing was asked".into());
                }
            }
        }
        served.as_mut().graceful_shutdown();
        tokio::time::timeout(self.limits.idle_timeout, served).await.map_err(|_| "the answers were not read")?
    }

    async fn wait_for_stop(&self) {
        // Either the sender is gone or it has sent the stop.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    async fn with_timeout<T>(&self, time: Duration, work: impl Future<Output = T>) -> Result<T, ConnectionError> {
        tokio::select! {
            done = tokio::time::timeout(time, work) => done.map_err(|_| "the handshake took too long".into()),
            () = self.wait_for_stop() => Err("the daemon stops".into()),
        }
    }
}
