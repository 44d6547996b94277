//! Who may ask what.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::Context;
use crate::api::error::Error;
use crate::server::Peer;
use crate::server::bearer_token::Token;

/// Who may ask what.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    token: Option<Arc<Token>>,
    /// Whether only this machine reaches the listener.
    is_local: bool,
    /// Whether it is reached by an address: then a browser may be made to come here by another site.
    has_address: bool,
}

impl Guard {
    /// For a unix socket (`has_address` is false), a loopback address, or any other one.
    pub fn new(token: Option<Arc<Token>>, is_local: bool, has_address: bool) -> Self {
        Self { token, is_local, has_address }
    }

    fn knows(&self, request: &Request) -> bool {
        let certificate = request.extensions().get::<Peer>().is_some_and(|peer| peer.has_certificate);
        certificate || self.token.as_deref().is_some_and(|token| bears(request.headers(), token))
    }
}

fn bears(headers: &HeaderMap, token: &Token) -> bool {
    let given =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    given.is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case("bearer") && token.is(given.trim()))
}

/// Lets in who is known; on this machine, everybody who changes nothing.
pub async fn known(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let guard = &context.guard;
    let changes = request.method() == Method::PUT;
    if guard.is_local && !changes || guard.knows(&request) {
        return next.run(request).await;
    }
    let error =
        Error::new(StatusCode::UNAUTHORIZED, "unauthorized", "this needs the bearer token or a client certificate");
    ([(WWW_AUTHENTICATE, "Bearer")], error).into_response()
}

/// Refuses what another site makes a browser send, by its own name or by a name that was made to point here.
pub async fn same_origin(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    if context.guard.has_address {
        let host = host(&request);
        let foreign = |why| Error::new(StatusCode::FORBIDDEN, "foreign-origin", why).into_response();
        if context.guard.is_local && !host.is_some_and(is_loopback) {
            return foreign("ask for this by `localhost` or by a loopback address");
        }
        let is_foreign = says(&request, "sec-fetch-site").is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
        if is_foreign && !follows_link_to_page(&request) {
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
fn follows_link_to_page(request: &Request) -> bool {
    matches!(request.uri().path(), "/" | "/index.html")
        && request.method() == Method::GET
        && says(request, "sec-fetch-mode") == Some(b"navigate")
        && says(request, "sec-fetch-dest") == Some(b"document")
}

/// What the browser says by itself, if it is one.
fn says<'r>(request: &'r Request, header: &str) -> Option<&'r [u8]> {
    request.headers().get(header).map(HeaderValue::as_bytes)
}

/// The name that it was asked by, with the port: `Host`, or HTTP/2's `:authority`.
fn host(request: &Request) -> Option<&str> {
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
