//! The server: TCP, TLS and unix listeners, each with a connection limit and graceful shutdown.

pub mod background;
pub mod bearer_token;
pub(crate) mod connection_limit;
pub(crate) mod limits;
pub(crate) mod listener;
pub mod load_shed;
pub(crate) mod peer;
pub(crate) mod secret_file;
pub mod socket_activation;
#[cfg(test)]
mod tests;
mod tls;
pub(crate) mod tls_files;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use background::BackgroundHandle;
use connection_limit::{ConnectionLimiter, ConnectionSlot};
use limits::ListenerLimits;
use listener::{AcceptedStream, ByteStream};

pub use listener::Listener;
pub use peer::Peer;
pub use tls::{ReloadingTlsAcceptor, TlsError};
pub use tls_files::TlsFiles;

/// Timeout for a TLS handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of concurrent requests of one connection. Each takes about ten KiB at least.
const MAX_STREAMS: u32 = 16;

/// Maximum size in bytes of unread data of one connection, and of the head of a request.
const MAX_BUFFER_BYTES: u16 = u16::MAX;

/// Divisor of the connection limit: the share that may wait for a slot beyond it.
const WAITING_SHARES: usize = 8;

/// The role of a listener.
#[derive(Clone, Debug)]
pub enum ListenerRole {
    /// One trusted client, dockerd, that keeps connections open and must not find them closed: without timeouts, and
    /// without eviction.
    Plugin,
    /// Clients that admission waits for.
    Admission,
    /// Clients that only ask, served at a lower priority. Those of root and of the daemon's own user, container
    /// runtimes among them, have the normal one.
    Api(BackgroundHandle),
}

/// Serves one listener until `stop`, then until the requests in flight are answered. Each request has its [`Peer`] as
/// an extension.
pub async fn serve(
    listener: Listener,
    role: ListenerRole,
    tls: Option<ReloadingTlsAcceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    serve_with_limits(ListenerLimits::default(), listener, role, tls, router, stop).await;
}

async fn serve_with_limits(
    limits: ListenerLimits,
    listener: Listener,
    role: ListenerRole,
    tls: Option<ReloadingTlsAcceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    let is_plugin = matches!(role, ListenerRole::Plugin);
    let builder = connection_builder(&limits, !is_plugin);
    let stopping = stop.clone();
    let start = move |connection: AcceptedConnection| {
        let peer = connection.peer.clone();
        let runtime = match &role {
            ListenerRole::Api(background) if !peer.is_trusted_user() => Some(background.runtime().clone()),
            _ => None,
        };
        let (task, tls) = (
            ConnectionTask {
                builder: builder.clone(),
                router: router.clone(),
                stop: stop.clone(),
                limits,
                has_timeouts: !is_plugin,
            },
            tls.clone(),
        );
        let served = async move {
            let served = async {
                let (stream, place) = task.until_stopped(connection.acquire_slot()).await?;
                task.serve_in_slot(stream.into_current_runtime()?, tls, peer, &place).await
            };
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection ended");
            }
        };
        (runtime, served)
    };
    // The one client of the plugin's listener waits for itself alone.
    accept_connections(limits, listener, is_plugin, stopping, start).await;
}

/// An accepted connection, with its slot or the right to wait for one.
pub(crate) struct AcceptedConnection {
    stream: AcceptedStream,
    pub(crate) peer: Peer,
    slot: Result<ConnectionSlot, WaitingConnection>,
}

/// The right of a connection to wait for a slot.
struct WaitingConnection {
    places: Arc<ConnectionLimiter>,
    _permit: OwnedSemaphorePermit,
}

impl AcceptedConnection {
    /// Waits for the slot, and returns the stream with it.
    pub(crate) async fn acquire_slot(self) -> (AcceptedStream, ConnectionSlot) {
        let slot = match self.slot {
            Ok(slot) => slot,
            Err(waiting) => waiting.places.acquire(self.peer.client).await,
        };
        (self.stream, slot)
    }
}

/// Accepts connections until `stop`, and spawns the future that `start` makes of each, on a runtime if it names one.
/// Then waits until all have ended, up to the drain timeout. With `waits_for_slots` a full listener accepts nothing and
/// evicts nothing.
pub(crate) async fn accept_connections<F: Future<Output = ()> + Send + 'static>(
    limits: ListenerLimits,
    listener: Listener,
    waits_for_slots: bool,
    mut stop: watch::Receiver<bool>,
    start: impl Fn(AcceptedConnection) -> (Option<Handle>, F),
) {
    let places = ConnectionLimiter::new(limits.max_connections);
    let waiting = Arc::new(Semaphore::new((limits.max_connections / WAITING_SHARES).max(1)));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let (stream, peer) = listener.accept().await?;
            let place = if waits_for_slots { Some(places.acquire(None).await) } else { None };
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
        // Only a client that holds the most connections waits for a slot, and the listener never waits with it.
        let slot = match place.map_or_else(|| places.try_acquire(peer.client), Ok) {
            Ok(place) => Ok(place),
            Err(_) => match Arc::clone(&waiting).try_acquire_owned() {
                Ok(permit) => Err(WaitingConnection { places: Arc::clone(&places), _permit: permit }),
                Err(_) => continue,
            },
        };
        let (runtime, task) = start(AcceptedConnection { stream, peer, slot });
        match runtime {
            Some(runtime) => connections.spawn_on(task, &runtime),
            None => connections.spawn(task),
        };
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_timeout, all).await.is_err() {
        tracing::warn!("some requests were not answered in time and are dropped");
        connections.shutdown().await;
    }
}

fn connection_builder(limits: &ListenerLimits, has_timeouts: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    if has_timeouts {
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
    builder
}

type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

/// The context that serves one connection.
struct ConnectionTask {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    stop: watch::Receiver<bool>,
    limits: ListenerLimits,
    /// False for a trusted client that keeps idle connections.
    has_timeouts: bool,
}

impl ConnectionTask {
    /// Serves a connection until it ends or is evicted.
    async fn serve_in_slot(
        &self,
        stream: Box<dyn ByteStream>,
        tls: Option<ReloadingTlsAcceptor>,
        peer: Peer,
        place: &ConnectionSlot,
    ) -> Result<(), ConnectionError> {
        let served = async {
            let Some(tls) = tls else { return self.serve(stream, peer, place).await };
            let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
            let (stream, certificate) =
                self.until_stopped(handshake).await?.map_err(|_| "the handshake took too long")??;
            self.serve(stream, peer.with_certificate(certificate), place).await
        };
        tokio::select! {
            ended = served => ended,
            () = place.evicted() => Err("another connection needed its place".into()),
        }
    }

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
            if !self.has_timeouts {
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

    async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, ConnectionError> {
        tokio::select! {
            done = work => Ok(done),
            () = self.wait_for_stop() => Err("the daemon stops".into()),
        }
    }
}
