//! Who may ask what.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::server::Peer;
use crate::server::bearer_token::BearerToken;

/// Who may ask what.
#[derive(Clone, Debug, Default)]
pub struct AccessPolicy {
    token: Option<Arc<BearerToken>>,
    /// Whether only this machine reaches the listener.
    is_local: bool,
    /// Whether it is reached by an address: then a browser may be made to come here by another site.
    has_address: bool,
}

impl AccessPolicy {
    /// For a unix socket (`has_address` is false), a loopback address, or any other one.
    pub fn new(token: Option<Arc<BearerToken>>, is_local: bool, has_address: bool) -> Self {
        Self { token, is_local, has_address }
    }

    fn is_authenticated(&self, request: &Request) -> bool {
        let certificate = request.extensions().get::<Peer>().is_some_and(|peer| peer.has_certificate);
        certificate || self.token.as_deref().is_some_and(|token| has_bearer_token(request.headers(), token))
    }
}

fn has_bearer_token(headers: &HeaderMap, token: &BearerToken) -> bool {
    let given =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    given.is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case("bearer") && token.verify(given.trim()))
}

/// Lets in who is known; on this machine, everybody who changes nothing.
pub async fn require_authentication(State(context): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let guard = &context.access_policy;
    let changes = request.method() == Method::PUT;
    if guard.is_local && !changes || guard.is_authenticated(&request) {
        return next.run(request).await;
    }
    let error =
        ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "this needs the bearer token or a client certificate");
    ([(WWW_AUTHENTICATE, "Bearer")], error).into_response()
}

/// Refuses what another site makes a browser send, by its own name or by a name that was made to point here.
pub async fn require_same_origin(State(context): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    if context.access_policy.has_address {
        let host = request_host(&request);
        let foreign = |why| ApiError::new(StatusCode::FORBIDDEN, "foreign-origin", why).into_response();
        if context.access_policy.is_local && !host.is_some_and(is_loopback) {
            return foreign("ask for this by `localhost` or by a loopback address");
        }
        let is_foreign =
            header(&request, "sec-fetch-site").is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
        if is_foreign && !is_top_level_navigation(&request) {
            return foreign("another site may not ask for this");
        }
        let own = |origin: &str| {
            origin.parse::<Uri>().ok().and_then(|origin| origin.authority().map(|own| Some(own.as_str()) == host))
        };
        let origin = request.headers().get(ORIGIN).map(|origin| origin.to_str().ok().and_then(own) == Some(true));
        if origin == Some(false) {
            return foreign("another site may not ask for this");
        }
    }
    next.run(request).await
}

/// Whether somebody comes to the page from elsewhere, in a window of its own: no other site sees what is in it, and none may
/// put it into a frame.
fn is_top_level_navigation(request: &Request) -> bool {
    matches!(request.uri().path(), "/" | "/index.html")
        && request.method() == Method::GET
        && header(request, "sec-fetch-mode") == Some(b"navigate")
        && header(request, "sec-fetch-dest") == Some(b"document")
}

/// What the browser says by itself, if it is one.
fn header<'r>(request: &'r Request, header: &str) -> Option<&'r [u8]> {
    request.headers().get(header).map(HeaderValue::as_bytes)
}

/// The name that it was asked by, with the port: `Host`, or HTTP/2's `:authority`.
fn request_host(request: &Request) -> Option<&str> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(HOST)?.to_str().ok(),
    }
}

fn is_loopback(host: &str) -> bool {
    let Ok(uri) = host.parse::<axum::http::uri::Authority>() else { return false };
    let name = uri.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
