//! Access control: authentication, and protection against requests of other sites.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::server::Peer;
use crate::server::bearer_token::BearerToken;

/// The access policy of one listener.
#[derive(Clone, Debug, Default)]
pub struct AccessPolicy {
    token: Option<Arc<BearerToken>>,
    /// True if only this machine reaches the listener.
    is_local: bool,
    /// True if the listener has an IP address, so that other sites can make a browser connect to it.
    has_address: bool,
}

impl AccessPolicy {
    /// Creates the access policy of a unix socket (`has_address` is false), a loopback address, or any other address.
    pub fn new(token: Option<Arc<BearerToken>>, is_local: bool, has_address: bool) -> Self {
        Self { token, is_local, has_address }
    }

    fn is_authenticated(&self, request: &Request) -> bool {
        let is_update = is_update(request);
        let certificate = request
            .extensions()
            .get::<Peer>()
            .is_some_and(|peer| peer.has_certificate && (peer.may_update || !is_update));
        certificate || self.token.as_deref().is_some_and(|token| has_bearer_token(request.headers(), token))
    }
}

/// Returns whether a request replaces the policy.
fn is_update(request: &Request) -> bool {
    request.method() == Method::PUT
}

fn has_bearer_token(headers: &HeaderMap, token: &BearerToken) -> bool {
    let given =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    given.is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case("bearer") && token.verify(given.trim()))
}

/// Requires authentication (a client certificate or the bearer token); on local listeners for updates only.
pub async fn require_authentication(State(context): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let guard = &context.access_policy;
    if guard.is_local && !is_update(&request) || guard.is_authenticated(&request) {
        return next.run(request).await;
    }
    let error =
        ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "this needs the bearer token or a client certificate");
    ([(WWW_AUTHENTICATE, "Bearer")], error).into_response()
}

/// Rejects requests that another site makes a browser send, directly or by DNS rebinding.
pub async fn require_same_origin(State(context): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    if context.access_policy.has_address {
        let host = match request_host(&request) {
            Ok(host) => host,
            Err(ambiguous) => return ApiError::bad_request(ambiguous).into_response(),
        };
        let foreign = |why| ApiError::new(StatusCode::FORBIDDEN, "foreign-origin", why).into_response();
        if context.access_policy.is_local && !host.is_some_and(is_loopback) {
            return foreign("ask for this by `localhost` or by a loopback address");
        }
        let is_foreign =
            header(&request, "sec-fetch-site").is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
        if is_foreign && !is_top_level_navigation(&request) {
            return foreign("another site may not ask for this");
        }
        // Locally there is no TLS, and elsewhere nothing else.
        let scheme = if context.access_policy.is_local { "http" } else { "https" };
        let own = |origin: &str| {
            let origin = origin.parse::<Uri>().ok()?;
            let is_own = origin.scheme_str() == Some(scheme) && origin.authority().map(Authority::as_str) == host;
            Some(is_own)
        };
        let origin = request.headers().get(ORIGIN).map(|origin| origin.to_str().ok().and_then(own) == Some(true));
        if origin == Some(false) {
            return foreign("another site may not ask for this");
        }
    }
    next.run(request).await
}

/// Returns whether the request is a top-level navigation to the page (Fetch Metadata): no other site can read it, nor
/// frame it.
fn is_top_level_navigation(request: &Request) -> bool {
    matches!(request.uri().path(), "/" | "/index.html")
        && request.method() == Method::GET
        && header(request, "sec-fetch-mode") == Some(b"navigate")
        && header(request, "sec-fetch-dest") == Some(b"document")
}

/// Returns a header as bytes; browsers set those of Fetch Metadata themselves.
fn header<'r>(request: &'r Request, header: &str) -> Option<&'r [u8]> {
    request.headers().get(header).map(HeaderValue::as_bytes)
}

/// Returns the requested host with its port: `Host`, or HTTP/2's `:authority`. Several `Host` headers, one that is no
/// host, and a target of another host are ambiguous (RFC 9112, section 3.2).
fn request_host(request: &Request) -> Result<Option<&str>, &'static str> {
    let mut headers = request.headers().get_all(HOST).iter();
    let header = headers.next();
    if headers.next().is_some() {
        return Err("there are two `Host` headers");
    }
    let header = header.map(|host| host.to_str().ok().filter(|host| is_host_and_port(host)));
    match (request.uri().authority().map(Authority::as_str), header) {
        (_, Some(None)) => Err("the `Host` header is no host"),
        (Some(target), _) if !is_host_and_port(target) => Err("the host of the target is none"),
        (Some(target), Some(Some(host))) if target != host => Err("the target and the `Host` header differ"),
        (target, header) => Ok(target.or(header.flatten())),
    }
}

/// Returns whether the text is one host with an optional port. [`Authority`] accepts more: user information, any text
/// for a port, and names such as `a,b`, the combined form of two headers (RFC 9110, section 5.3).
fn is_host_and_port(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let host = authority.host();
    let is_name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => !host.is_empty() && is_name(host),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let port = text.strip_prefix(host);
    is_host && port.is_some_and(|port| port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_loopback(host: &str) -> bool {
    let Ok(uri) = host.parse::<Authority>() else { return false };
    let name = uri.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_header_is_one_host_with_an_optional_port() {
        for text in ["localhost", "localhost:80", "127.0.0.1:5000", "[::1]", "[::1]:80", "a-b_c.example."] {
            assert!(is_host_and_port(text), "{text}");
        }
        for text in [
            "",
            ":80",
            "localhost:",
            "localhost:+80",
            "localhost:65536",
            "localhost:80,evil.example",
            "localhost,evil.example",
            "localhost, evil.example",
            "user@localhost",
            "localhost@evil.example",
            "localhost:80:80",
            "localhost/x",
            "::1",
            "[::1",
            "[::1]x",
            "[localhost]",
        ] {
            assert!(!is_host_and_port(text), "{text}");
        }
    }
}
