//! Plain forward: requests in absolute form (RFC 9112, section 3.2.2) to hosts that the policy allows over plain HTTP. A
//! client sends those for different hosts over one connection, so each is decided for itself.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, Request, Response, StatusCode, Uri};
use pullgate::{ReferenceKind, Scheme};
use pullgate_connect::Endpoint;

use super::Gate;
use super::authority::TargetAuthority;
use super::body::{CountedBody, GateBody, TransferBody};
use super::headers::{add_via, has_passed_gate, remove_hop_by_hop};
use super::refusal::Refusal;
use super::route::GateRequest;
use super::transfer::{Grant, Transfer};
use super::upstream::Upstream;
use crate::server::Peer;

/// Action of forwarded requests in the record.
const ACTION: &str = "forward";

impl Gate {
    /// Forwards a request in absolute form.
    ///
    /// # Errors
    ///
    /// If it is not allowed, or if the server cannot be reached.
    pub(super) async fn forward(
        self: &Arc<Self>,
        request: Request<Incoming>,
        client: &Peer,
    ) -> Result<Response<GateBody>, Refusal> {
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.authority().map_or("", |authority| authority.as_str()).to_owned();
        let asked = |reference| GateRequest { client, action: ACTION, reference, kind: ReferenceKind::Registry };
        let malformed = |message: &str| {
            self.refuse(asked(&target), "not-understood", message);
            Refusal::bad_request(message)
        };
        if parts.uri.scheme_str() != Some(Scheme::Http.as_str()) {
            return Err(malformed("only `http` URLs are asked of a proxy directly: set it as HTTPS_PROXY for others"));
        }
        if parts.method == Method::TRACE {
            return Err(malformed("TRACE is not passed on"));
        }
        if has_passed_gate(&parts.headers) {
            return Err(malformed("the request has passed this proxy before: it would go in a circle"));
        }
        let default_port = Scheme::Http.default_port();
        let authority = TargetAuthority::parse(&target, Some(default_port));
        let authority = authority.map_err(|error| malformed(&error.to_string()))?;
        let target = authority.to_string();
        let asked = asked(&target);
        let route = self.route(asked).await?;
        let is_plain = |endpoint: &&Endpoint| endpoint.scheme() == Scheme::Http && endpoint.port() == authority.port();
        let Some(endpoint) = route.endpoints.iter().find(is_plain) else {
            let message = format!(
                "the policy allows no plain HTTP to `{}` on port {}: it is not insecure there",
                route.registry,
                authority.port()
            );
            return Err(self.refuse(asked, "no-endpoint", &message));
        };
        let reached = self.dial_http(asked, &route, std::slice::from_ref(endpoint)).await?;
        let grants = vec![Grant::new(asked, &reached)];
        let transfer = Transfer::begin(self, asked, &route, reached.address, grants).await?;
        let mut upstream = Upstream::new(reached.connection).await?;

        // RFC 9112, section 6.1: of a request with both framings one was meant for somebody else.
        let is_chunked = parts.headers.contains_key(TRANSFER_ENCODING);
        remove_hop_by_hop(&mut parts.headers);
        parts.headers.remove(CONTENT_LENGTH);
        add_via(&mut parts.headers);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = if path.starts_with('/') { path.parse() } else { format!("/{path}").parse() }
            .unwrap_or_else(|_| Uri::from_static("/"));
        let request = Request::from_parts(parts, CountedBody::new(body, &transfer).boxed_unsync());
        let response = tokio::select! {
            response = upstream.send(request) => response?,
            () = transfer.state().cut.cancelled() => {
                return Err(Refusal::denied("the policy changed, and no longer allows it"));
            }
        };
        let (mut parts, body) = response.into_parts();
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Refusal::unreachable("the server changed the protocol, which nobody asked for"));
        }
        remove_hop_by_hop(&mut parts.headers);
        add_via(&mut parts.headers);
        if is_chunked {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(Response::from_parts(parts, TransferBody::new(body, transfer, upstream).boxed_unsync()))
    }
}
