//! HTTP/1.1 to servers, over connections that are kept for the next request.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use pullgate::Scheme;
use pullgate_connect::{Connection, Endpoint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::Gate;
use super::body::GateBody;
use super::connection::{MAX_BUFFER_BYTES, MAX_HEAD_BYTES};
use super::dial::Reached;
use super::refusal::Refusal;
use super::route::{GateRequest, Route};

/// Timeout for the head of the response to a request without a body.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time for which an idle connection is kept, less than servers do.
const IDLE_TTL: Duration = Duration::from_secs(10);

/// Time in which a connection must be ready for its next request.
const READY_TIMEOUT: Duration = Duration::from_millis(50);

/// Maximum number of idle connections of one server, and of all.
const MAX_IDLE_PER_SERVER: usize = 8;
const MAX_IDLE: usize = 64;

/// A connection to a server, closed on drop.
pub struct Upstream {
    sender: SendRequest<GateBody>,
    host: String,
    task: AbortHandle,
}

impl Upstream {
    /// Begins HTTP on a connection.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn new(connection: Connection) -> Result<Self, Refusal> {
        let host = connection.endpoint().host_header();
        let mut builder = Builder::new();
        builder.max_header_size(MAX_HEAD_BYTES).max_buf_size(MAX_BUFFER_BYTES);
        let (sender, http) = builder
            .handshake(TokioIo::new(FullReads { connection, error: None }))
            .await
            .map_err(|error| upstream_error(&host, &error))?;
        // Its errors are those of the response.
        let task = tokio::spawn(async move { drop(http.await) }).abort_handle();
        Ok(Self { sender, host, task })
    }

    /// Sends a request in origin form.
    ///
    /// # Errors
    ///
    /// If there is no response, or if it is not HTTP.
    pub async fn send(&mut self, mut request: Request<GateBody>) -> Result<Response<Incoming>, Refusal> {
        *request.version_mut() = Version::HTTP_11;
        let host = HeaderValue::try_from(&self.host).map_err(|error| Refusal::unreachable(error.to_string()))?;
        request.headers_mut().insert(HOST, host);
        let is_empty = request.body().is_end_stream();
        let response = self.sender.send_request(request);
        let response = match is_empty {
            true => timeout(RESPONSE_TIMEOUT, response).await.map_err(|_| {
                let seconds = RESPONSE_TIMEOUT.as_secs();
                Refusal::unreachable(format!("`{}` did not answer within {seconds} seconds", self.host))
            })?,
            // The activity of the client's connection limits a request with a body.
            false => response.await,
        };
        response.map_err(|error| upstream_error(&self.host, &error))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn upstream_error(host: &str, error: &hyper::Error) -> Refusal {
    Refusal::unreachable(format!("the request to `{host}` failed: {error}"))
}

/// A connection whose reads fill the buffer. TLS gives one record at a time, and each chunk of a body is handed from task
/// to task.
struct FullReads {
    connection: Connection,
    /// The error that came after bytes. Of a reset a socket tells once.
    error: Option<io::Error>,
}

impl AsyncRead for FullReads {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error));
        }
        let start = buffer.filled().len();
        loop {
            let before = buffer.filled().len();
            let has_bytes = before > start;
            match Pin::new(&mut self.connection).poll_read(context, buffer) {
                Poll::Ready(Ok(())) if buffer.filled().len() > before && buffer.remaining() > 0 => {}
                Poll::Ready(Err(error)) if has_bytes => {
                    self.error = Some(error);
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending if has_bytes => return Poll::Ready(Ok(())),
                polled => return polled,
            }
        }
    }
}

impl AsyncWrite for FullReads {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

/// The server of an idle connection, under one policy: another one may want it verified otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ServerKey {
    is_https: bool,
    is_verified: bool,
    host: String,
    port: u16,
    policy: String,
    /// The trust anchors of the decision, which may be limited to registries of one name.
    authorities: Vec<String>,
}

impl ServerKey {
    fn new(route: &Route, endpoint: &Endpoint) -> Self {
        Self {
            is_https: endpoint.scheme() == Scheme::Https,
            is_verified: endpoint.is_verified(),
            host: endpoint.host().to_owned(),
            port: endpoint.port(),
            policy: route.generation.sha256.clone(),
            authorities: route.allowed.authorities.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A reached server over HTTP, which may go back to the idle ones after its response.
pub struct ReusableUpstream {
    upstream: Reached<Upstream>,
    key: ServerKey,
    is_reused: bool,
}

struct IdleUpstream {
    upstream: Reached<Upstream>,
    since: Instant,
}

/// Idle connections to servers.
#[derive(Default)]
pub struct IdleUpstreams {
    servers: Mutex<HashMap<ServerKey, Vec<IdleUpstream>>>,
}

impl IdleUpstreams {
    /// Takes a connection at an address that the endpoint allows.
    fn take(&self, key: &ServerKey, endpoint: &Endpoint) -> Option<Reached<Upstream>> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = servers.get_mut(key)?;
        idle.retain(|idle| idle.since.elapsed() < IDLE_TTL && !idle.upstream.connection.sender.is_closed());
        let is_allowed = |idle: &IdleUpstream| {
            endpoint.pinned().is_empty() || endpoint.pinned().contains(&idle.upstream.address.ip())
        };
        let found = idle.iter().rposition(is_allowed)?;
        Some(idle.swap_remove(found).upstream)
    }

    /// Keeps a connection whose response has ended.
    pub fn put(&self, reusable: ReusableUpstream) {
        if reusable.upstream.connection.sender.is_closed() {
            return;
        }
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        remove_expired(&mut servers);
        if servers.values().map(Vec::len).sum::<usize>() >= MAX_IDLE {
            return;
        }
        let idle = servers.entry(reusable.key).or_default();
        if idle.len() < MAX_IDLE_PER_SERVER {
            idle.push(IdleUpstream { upstream: reusable.upstream, since: Instant::now() });
        }
    }

    /// Closes connections that were idle for too long, until cancelled.
    pub async fn close_expired(&self) {
        loop {
            tokio::time::sleep(IDLE_TTL).await;
            remove_expired(&mut self.servers.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn remove_expired(servers: &mut HashMap<ServerKey, Vec<IdleUpstream>>) {
    servers.retain(|_, idle| {
        idle.retain(|idle| idle.since.elapsed() < IDLE_TTL);
        !idle.is_empty()
    });
}

impl ReusableUpstream {
    /// Returns the reached server.
    pub fn reached(&self) -> &Reached<Upstream> {
        &self.upstream
    }

    /// Returns whether the connection was idle before, so that its server may have closed it meanwhile.
    pub fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Sends a request. See [`Upstream::send`].
    ///
    /// # Errors
    ///
    /// If there is no response, or if it is not HTTP.
    pub async fn send(&mut self, request: Request<GateBody>) -> Result<Response<Incoming>, Refusal> {
        self.upstream.connection.send(request).await
    }
}

impl Gate {
    /// Connects to the first of these endpoints that can be reached, or takes an idle connection to it.
    ///
    /// # Errors
    ///
    /// If none can be reached, or none as the decision demands.
    pub(super) async fn connect_upstream(
        &self,
        request: GateRequest<'_>,
        route: &Route,
        endpoints: &[Endpoint],
    ) -> Result<ReusableUpstream, Refusal> {
        for endpoint in endpoints {
            let key = ServerKey::new(route, endpoint);
            while let Some(mut upstream) = self.upstreams.take(&key, endpoint) {
                if matches!(timeout(READY_TIMEOUT, upstream.connection.sender.ready()).await, Ok(Ok(()))) {
                    return Ok(ReusableUpstream { upstream, key, is_reused: true });
                }
            }
        }
        self.connect_new_upstream(request, route, endpoints).await
    }

    /// Connects to the first of these endpoints that can be reached.
    ///
    /// # Errors
    ///
    /// If none can be reached, or none as the decision demands.
    pub(super) async fn connect_new_upstream(
        &self,
        request: GateRequest<'_>,
        route: &Route,
        endpoints: &[Endpoint],
    ) -> Result<ReusableUpstream, Refusal> {
        let reached = self.dial_http(request, route, endpoints).await?;
        let key = ServerKey::new(route, &reached.endpoint);
        let Reached { connection, endpoint, address, verified_by } = reached;
        let connection = Upstream::new(connection).await?;
        let upstream = Reached { connection, endpoint, address, verified_by };
        Ok(ReusableUpstream { upstream, key, is_reused: false })
    }
}
