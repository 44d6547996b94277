//! Connecting to an endpoint through a proxy.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::Builder;
use hyper::header::{HOST, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::upgrade::Upgraded;
use hyper::{HeaderMap, Request, StatusCode, upgrade};
use hyper_util::rt::TokioIo;
use pullgate::Scheme;
use pullgate_host::Dns;
use tokio_util::either::Either;

use super::ProbeLimits;
use super::http_client::{USER_AGENT_TEXT, describe_error, max_buffer_bytes};
use super::proxy_error::{ProxyError, login_error};
use crate::connection::LinkStream;
use crate::endpoint::EndpointTls;
use crate::handshake::{connect_tcp, resolve_host};
use crate::prefix_recorder::PrefixRecorder;
use crate::proxy::ProxyServer;
use crate::{AttemptError, Connector, Endpoint, TcpConnection};

/// A way to an endpoint through a proxy: a tunnel (RFC 9110, section 9.3.6), or for plain HTTP the proxy itself, which
/// receives the requests in absolute form (RFC 9112, section 3.2.2).
///
/// The proxy resolves the endpoint's name, unless the decision pins addresses (rule M4): then it is given the address,
/// through a tunnel also for plain HTTP, since a proxy would replace the `Host` header by the address.
#[derive(Clone)]
pub(super) struct ProxyRoute {
    endpoint: Endpoint,
    proxy: Arc<ProxyServer>,
    /// The TLS settings for the proxy itself; none if it speaks plain HTTP.
    tls: Option<EndpointTls>,
    dns: Option<Dns>,
    pinned: Option<IpAddr>,
}

impl ProxyRoute {
    /// Returns the ways to an endpoint: one for each pinned address, or one for the name.
    pub(super) fn all(connector: &Connector, endpoint: &Endpoint, proxy: &Arc<ProxyServer>) -> Vec<Self> {
        let route = |pinned| Self {
            endpoint: endpoint.clone(),
            proxy: Arc::clone(proxy),
            tls: connector.proxy_tls(proxy),
            dns: endpoint.dns.clone(),
            pinned,
        };
        match endpoint.pinned() {
            [] => vec![route(None)],
            pinned => pinned.iter().map(|address| route(Some(*address))).collect(),
        }
    }

    /// Returns the endpoint.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the proxy.
    pub(super) fn proxy(&self) -> &ProxyServer {
        &self.proxy
    }

    /// Returns the pinned address that the proxy is given.
    pub(super) fn pinned(&self) -> Option<IpAddr> {
        self.pinned
    }

    /// Returns whether the proxy connects to the endpoint and no more; otherwise it reads the requests.
    pub(super) fn is_tunnel(&self) -> bool {
        self.endpoint.scheme() == Scheme::Https || self.pinned.is_some()
    }

    /// Returns the `HOST:PORT` that the proxy connects to.
    pub(super) fn target(&self) -> String {
        let port = self.endpoint.port();
        match (self.pinned, self.endpoint.host().parse::<Ipv6Addr>()) {
            (Some(address), _) => SocketAddr::new(address, port).to_string(),
            (None, Ok(address)) => format!("[{address}]:{port}"),
            (None, Err(_)) => format!("{}:{port}", self.endpoint.host()),
        }
    }

    /// Connects to the proxy, and through it to the endpoint. The caller applies the timeout.
    pub(super) async fn dial(&self, limits: &ProbeLimits) -> Result<TcpConnection, ProxyError> {
        let addrs = resolve_host(self.dns.as_ref(), self.proxy.host(), self.proxy.port()).await;
        let stream = connect_tcp(&addrs.map_err(ProxyError::Connect)?).await.map_err(ProxyError::Connect)?;
        let peer_addr = stream.peer_addr().map_err(|error| ProxyError::Connect(AttemptError::Io(error)))?;
        let mut link = match &self.tls {
            None => Either::Left(stream),
            Some(tls) => {
                let secured = tls.handshake(&Arc::new(tls.verifier()), stream).await;
                Either::Right(Box::new(secured.map_err(ProxyError::from_handshake)?))
            }
        };
        if self.is_tunnel() {
            link = self.open_tunnel(link, limits).await?;
        }
        let connection = TcpConnection::new(self.endpoint.clone(), peer_addr, link);
        Ok(if self.is_tunnel() { connection } else { connection.with_forward_proxy(Arc::clone(&self.proxy)) })
    }

    /// Sends `CONNECT` and returns the stream behind its answer.
    async fn open_tunnel(&self, link: LinkStream, limits: &ProbeLimits) -> Result<LinkStream, ProxyError> {
        let target = self.target();
        let mut request =
            Request::connect(target.as_str()).header(HOST, target.as_str()).header(USER_AGENT, USER_AGENT_TEXT);
        if let Some(authorization) = self.proxy.authorization() {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|error| ProxyError::Http(error.to_string()))?;
        let recorder = PrefixRecorder::new(link);
        let head = recorder.prefix();
        let http_error = |error| ProxyError::Http(describe_error(&error, &head.bytes(), self.tls.is_none()));
        let mut builder = Builder::new();
        builder.max_buf_size(max_buffer_bytes(limits));
        let (mut sender, http) = builder.handshake(TokioIo::new(recorder)).await.map_err(http_error)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(http_error)?;
            if !response.status().is_success() {
                return Err(self.refusal(response.status(), response.headers()));
            }
            upgrade::on(response).await.map_err(http_error)
        };
        let (mut answer, mut http) = (pin!(answer), pin!(http.with_upgrades()));
        // The connection task ends first if the proxy closes the connection; the answer may still be complete.
        let upgraded = tokio::select! {
            biased;
            answer = &mut answer => answer?,
            _ = &mut http => answer.await?,
        };
        into_link(upgraded)
    }

    fn refusal(&self, status: StatusCode, headers: &HeaderMap) -> ProxyError {
        match status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => login_error(&self.proxy, headers),
            status => ProxyError::Refused { status, target: self.target() },
        }
    }
}

/// Returns the stream of a tunnel.
fn into_link(upgraded: Upgraded) -> Result<LinkStream, ProxyError> {
    let parts = upgraded
        .downcast::<TokioIo<PrefixRecorder<LinkStream>>>()
        .map_err(|_| ProxyError::Http("the tunnel has another stream".to_owned()))?;
    if parts.read_buf.is_empty() { Ok(parts.io.into_inner().into_inner()) } else { Err(ProxyError::TrailingBytes) }
}
