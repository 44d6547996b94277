//! Listening: TCP, TLS and unix sockets, each with a limit of connections and an orderly end.

mod listener;
mod peer;
mod pem;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

pub use listener::Listener;
pub use peer::Peer;
pub use tls::{Tls, TlsFiles};

/// How many connections one listener has at once; others wait to be accepted.
const CONNECTIONS: usize = 1_024;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client may take for the head of a request, where it could be anybody.
const HEAD: Duration = Duration::from_secs(30);

/// How many requests one connection has in flight.
const STREAMS: u32 = 64;

/// How long requests in flight may take once the daemon is told to stop.
const STOPPING: Duration = Duration::from_secs(10);

/// Serves one listener until `stop` says so, and then until the requests in flight are answered. Each request carries its
/// [`Peer`] as an extension.
pub async fn serve(listener: Listener, tls: Option<Tls>, router: Router, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut handshakes = JoinSet::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let anybody = !listener.is_unix();
    if anybody {
        // The few programs that may reach a unix socket keep their connections, and must not find them closed.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD).max_concurrent_streams(STREAMS);
    }
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        while handshakes.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, mostly: the next attempt would fail at once.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (builder, router, watcher) = (builder.clone(), router.clone(), graceful.watcher());
        let tls = tls.clone();
        handshakes.spawn(async move {
            let _permit = permit;
            let served = match tls {
                None => connection(&builder, stream, peer, router, watcher, anybody).await,
                Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok((stream, subject))) => {
                        connection(&builder, stream, peer.with_certificate(subject), router, watcher, anybody).await
                    }
                    Ok(Err(error)) => Err(error.into()),
                    Err(_) => Err("the handshake took too long".into()),
                },
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(STOPPING, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were not answered in time and are dropped");
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

async fn connection(
    builder: &auto::Builder<TokioExecutor>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    watcher: Watcher,
    anybody: bool,
) -> Result<(), Error> {
    let asked = Arc::new(Notify::new());
    let first = Arc::clone(&asked);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        first.notify_one();
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(Request::from(request.map(axum::body::Body::new)))
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let served = watcher.watch(connection);
    tokio::pin!(served);
    if !anybody {
        return served.await;
    }
    // Before the first request not even the version of HTTP is known, and hyper's own limits do not count.
    tokio::select! {
        done = &mut served => return done,
        () = asked.notified() => {}
        () = tokio::time::sleep(HEAD) => return Err("nothing was asked".into()),
    }
    served.await
}
