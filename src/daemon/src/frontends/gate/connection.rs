//! One connection of a client: HTTP/1.1 requests, until one of them opens a tunnel.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::Gate;
use super::activity::ActivityStream;
use super::body::{GateBody, empty_body};
use super::local_user::local_user;
use super::refusal::Refusal;
use super::tunnel::Tunnel;
use crate::server::connection_limit::ConnectionSlot;
use crate::server::listener::ByteStream;
use crate::server::peer::Client;
use crate::server::{AcceptedConnection, HANDSHAKE_TIMEOUT, Peer, ReloadingTlsAcceptor};

/// Timeout for the head of a request, and for the next one on the same connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Time without any byte after which a connection is closed, outside of tunnels. Every wait for a server is shorter.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Maximum size of the head of a request in bytes.
pub const MAX_HEAD_BYTES: usize = 32 << 10;

/// Maximum size of the unread and unsent data of a connection in bytes: more than a head, which hyper writes as a whole.
pub const MAX_BUFFER_BYTES: usize = 64 << 10;

type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

/// Serves an accepted connection until it ends or is evicted.
pub async fn serve(
    gate: Arc<Gate>,
    accepted: AcceptedConnection,
    tls: Option<ReloadingTlsAcceptor>,
    stop: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    let mut peer = accepted.peer.clone();
    let (stream, slot) = accepted.acquire_slot().await;
    if let (true, Some((client, own))) = (gate.asks_for_users(), stream.tcp_addrs()) {
        let user = spawn_blocking(move || local_user(client, own)).await.ok().flatten();
        peer.client = user.map(Client::User).or(peer.client);
    }
    let stream = stream.into_current_runtime()?;
    let served = async {
        let Some(tls) = tls else { return serve_stream(gate, stream, peer, &slot, stop).await };
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
        let (stream, certificate) = handshake.await.map_err(|_| "the handshake took too long")??;
        serve_stream(gate, stream, peer.with_certificate(certificate), &slot, stop).await
    };
    tokio::select! {
        ended = served => ended,
        () = slot.evicted() => Err("another connection needed its place".into()),
    }
}

/// A tunnel that a request has opened, for the connection to run after the response.
type OpenedTunnel = Arc<Mutex<Option<Tunnel>>>;

async fn serve_stream(
    gate: Arc<Gate>,
    stream: impl ByteStream + 'static,
    peer: Peer,
    slot: &ConnectionSlot,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    let opened = OpenedTunnel::default();
    let service = {
        let (gate, opened) = (Arc::clone(&gate), Arc::clone(&opened));
        service_fn(move |request| {
            let (gate, peer, opened) = (Arc::clone(&gate), peer.clone(), Arc::clone(&opened));
            let response = async move { Ok::<_, Infallible>(gate.respond(request, &peer, &opened).await) };
            Box::pin(response) as Pin<Box<dyn Future<Output = _> + Send>>
        })
    };
    let io = TokioIo::new(ActivityStream::new(stream, slot.activity_handle()));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(io, service);
    {
        let mut stopped = pin!(async { stop.wait_for(|stop| *stop).await.is_ok() });
        let mut idle = pin!(slot.wait_until_idle(HEADER_TIMEOUT, IDLE_TIMEOUT));
        let mut is_stopping = false;
        poll_fn(|context| {
            if !is_stopping && stopped.as_mut().poll(context).is_ready() {
                is_stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            match idle.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Err(ConnectionError::from("nothing moved"))),
                Poll::Pending => connection.poll_without_shutdown(context).map_err(ConnectionError::from),
            }
        })
        .await?;
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    let tunnel = opened.lock().unwrap_or_else(PoisonError::into_inner).take();
    match tunnel {
        Some(tunnel) => tunnel.run(&gate, stream, parts.read_buf, slot).await,
        None => stream.shutdown().await?,
    }
    Ok(())
}

impl Gate {
    /// Answers one request.
    async fn respond(
        self: &Arc<Self>,
        request: Request<Incoming>,
        client: &Peer,
        opened: &OpenedTunnel,
    ) -> Response<GateBody> {
        let is_pull = request.method() != Method::CONNECT && request.uri().scheme().is_none();
        let answered = match self.check_access(request.headers(), client, is_pull) {
            Ok(()) => self.respond_to_client(request, client, opened).await,
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(|refusal| {
            tracing::debug!(client = client.name, "refused: {}", refusal.message());
            refusal.to_response()
        })
    }

    async fn respond_to_client(
        self: &Arc<Self>,
        request: Request<Incoming>,
        client: &Peer,
        opened: &OpenedTunnel,
    ) -> Result<Response<GateBody>, Refusal> {
        if request.method() == Method::CONNECT {
            let tunnel = Tunnel::open(self, &request, client).await?;
            *opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
            let mut response = Response::new(empty_body());
            // Also to a client of HTTP/1.0, which the protocol of the response does not matter to.
            *response.version_mut() = Version::HTTP_11;
            return Ok(response);
        }
        if request.uri().scheme().is_some() {
            return self.forward(request, client).await;
        }
        if request.uri().path() == "/v2" || request.uri().path().starts_with("/v2/") {
            return self.pull(request, client).await;
        }
        Err(Refusal::bad_request("this is a proxy for container registries: set it as HTTPS_PROXY and HTTP_PROXY"))
    }
}
