//! The pull-through endpoint: `GET` and `HEAD` of `/v2/`, as a registry answers it (distribution specification, "Pull").
//!
//! ```text
//! target        the registry, the repository and the resource of a request
//! token         authorization: each token server is asked of the policy, and its token is for pulling alone
//! redirect      where a registry leads to: each host is asked of the policy
//! digest_check  the bytes are those that were asked for
//! ```
//!
//! The gate reads the whole reference here, so that namespaces count, and it makes the connections itself, as the
//! decision says. It keeps nothing but tokens and idle connections.

pub mod credentials;
mod digest_check;
mod redirect;
mod response;
mod target;
mod token;

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue, IF_RANGE, RANGE, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use pullgate::ReferenceKind;
use pullgate_connect::{Endpoint, EndpointUrl};
use tokio::time::timeout;

use super::Gate;
use super::body::{GateBody, empty_body};
use super::headers::{add_via, has_passed_gate};
use super::refusal::Refusal;
use super::route::{GateRequest, Route};
use super::transfer::{Grant, Transfer};
use super::upstream::ReusableUpstream;
use crate::server::Peer;
pub use digest_check::{DigestCheck, DigestMismatch};
use redirect::Hop;
use response::api_version_response;
use target::{PullTarget, Resource};
pub use token::Tokens;

/// Action of pulls in the record.
const ACTION: &str = "pull";

/// `User-Agent` of the requests.
const USER_AGENT_TEXT: &str = concat!("pullgate/", env!("CARGO_PKG_VERSION"));

/// Timeout until the head of the last response, with every redirect and token.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);

/// Maximum number of redirects of one request.
const MAX_REDIRECTS: usize = 5;

/// A pull that the policy allows.
struct Pull<'a> {
    /// The request, by the whole reference.
    request: GateRequest<'a>,
    target: &'a PullTarget,
    /// The decision about the reference.
    route: &'a Route,
    /// The repository as the decision has it.
    repository: &'a str,
    parts: &'a Parts,
}

/// A response that is no redirect, with the connection that it came over.
struct Fetched {
    response: Response<Incoming>,
    upstream: ReusableUpstream,
    grants: Vec<Grant>,
}

impl Gate {
    /// Serves a request of the pull-through endpoint.
    ///
    /// # Errors
    ///
    /// If it is not allowed, or if the registry cannot be reached.
    pub(super) async fn pull(
        self: &Arc<Self>,
        request: Request<Incoming>,
        client: &Peer,
    ) -> Result<Response<GateBody>, Refusal> {
        // A body is not read: it has no meaning (RFC 9110, section 9.3.1), and hyper ends the connection.
        let (parts, _) = request.into_parts();
        let path = parts.uri.path();
        let asked = |reference| GateRequest { client, action: ACTION, reference, kind: ReferenceKind::Image };
        let malformed = |message: &str| {
            self.refuse(asked(path), "not-understood", message);
            Refusal::bad_request(message)
        };
        if parts.method != Method::GET && parts.method != Method::HEAD {
            let message = "nothing is pushed through here: a push goes through the proxy (HTTPS_PROXY)";
            self.refuse(asked(path), "not-understood", message);
            return Err(Refusal::method_not_allowed(message));
        }
        if has_passed_gate(&parts.headers) {
            return Err(malformed("the request has passed this gate before: it would go in a circle"));
        }
        if !self.options.is_exposed && !has_local_host(&parts) {
            return Err(malformed("the request is for another host: on loopback only requests to it are answered"));
        }
        self.check_pull_access(&parts.headers, client)?;
        let Some(path) = path.strip_prefix("/v2/").filter(|path| !path.is_empty()) else {
            return Ok(api_version_response());
        };
        let target = PullTarget::parse(path, parts.uri.query().unwrap_or_default());
        let target = target.map_err(|error| malformed(&error.to_string()))?;
        let reference = target.reference();
        let request = asked(&reference);
        let route = self.route(request).await?;
        let Some(repository) = route.repository.as_deref() else {
            return Err(self.refuse(request, "not-understood", "the reference names no repository"));
        };
        let pull = Pull { request, target: &target, route: &route, repository, parts: &parts };
        let fetched = timeout(HEAD_TIMEOUT, self.fetch(&pull)).await.map_err(|_| {
            Refusal::unreachable(format!(
                "`{}` did not answer within {} seconds",
                route.registry,
                HEAD_TIMEOUT.as_secs()
            ))
        })??;
        let address = fetched.upstream.reached().address;
        let transfer = Transfer::begin(self, request, &route, address, fetched.grants).await?;
        pull.pass_on(self, fetched.response, fetched.upstream, transfer).await
    }

    /// Asks the registry, with a token if it wants one, and follows its redirects.
    async fn fetch(&self, pull: &Pull<'_>) -> Result<Fetched, Refusal> {
        let path = pull.target.upstream_path(pull.repository);
        let credential = match &self.options.credentials {
            Some(credentials) => credentials
                .get(&pull.route.registry)
                .await
                .map_err(|error| self.refuse(pull.request, "login", &error.to_string()))?,
            None => None,
        };
        let token = self.tokens.get(&pull.token_key(credential.as_ref()));
        let (mut response, mut upstream) =
            self.ask(pull, pull.request, pull.route, &pull.route.endpoints, &path, token).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let endpoint = upstream.reached().endpoint.clone();
            let token = self.authorize(pull, &endpoint, response.headers(), credential.as_ref()).await?;
            drop(upstream);
            // The endpoint that asked for the token gets it, and no other one.
            (response, upstream) = self.ask(pull, pull.request, pull.route, &[endpoint], &path, Some(token)).await?;
        }
        let mut grants = vec![Grant::new(pull.request, upstream.reached())];
        let mut from = (upstream.reached().endpoint.clone(), path);
        for _ in 0..=MAX_REDIRECTS {
            let Some(location) = redirect::location(&response) else {
                return Ok(Fetched { response, upstream, grants });
            };
            let Some(url) = EndpointUrl::resolve(&location, &from.0, &from.1) else {
                return Err(pull.explain("it redirects to where a registry cannot be"));
            };
            drop(upstream);
            let hop = self.route_redirect(pull, &from.0, &url).await?;
            let Hop { request, route, endpoints, is_unlisted } = &hop;
            let (request, route) = (request.as_request(pull.request), route.as_ref().unwrap_or(pull.route));
            // Never with credentials: those are for the registry (distribution specification, "Redirects").
            (response, upstream) = self.ask(pull, request, route, endpoints, url.path(), None).await?;
            grants.push(Grant::new(request, upstream.reached()).for_unlisted(*is_unlisted));
            from = (upstream.reached().endpoint.clone(), url.path().to_owned());
        }
        Err(Refusal::unreachable(pull.explain(&format!("it redirects more than {MAX_REDIRECTS} times")).message()))
    }

    /// Sends the request of a pull to one server. One that an idle connection loses is sent again over a new one.
    async fn ask(
        &self,
        pull: &Pull<'_>,
        request: GateRequest<'_>,
        route: &Route,
        endpoints: &[Endpoint],
        path: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<(Response<Incoming>, ReusableUpstream), Refusal> {
        let mut upstream = self.connect_upstream(request, route, endpoints).await?;
        let sent = upstream.send(pull.to_request(path, authorization.clone())?).await;
        match sent {
            Ok(response) => Ok((response, upstream)),
            Err(_) if upstream.is_reused() => {
                let mut upstream = self.connect_new_upstream(request, route, endpoints).await?;
                Ok((upstream.send(pull.to_request(path, authorization)?).await?, upstream))
            }
            Err(error) => Err(error),
        }
    }
}

impl Pull<'_> {
    /// Returns the request for a server. `Accept-Encoding` is left out, since a digest is that of the bytes as they are.
    fn to_request(&self, path: &str, authorization: Option<HeaderValue>) -> Result<Request<GateBody>, Refusal> {
        let request = Request::builder().method(&self.parts.method).uri(path).body(empty_body());
        let mut request = request.map_err(|_| self.explain("it leads to a path that cannot be asked for"))?;
        let headers = request.headers_mut();
        for name in [ACCEPT, RANGE, IF_RANGE] {
            for value in self.parts.headers.get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_TEXT));
        add_via(headers);
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        Ok(request)
    }

    /// Returns a refusal that names the registry.
    fn explain(&self, message: &str) -> Refusal {
        Refusal::denied(format!("`{}` of `{}`: {message}", self.repository, self.route.registry))
    }

    /// Returns whether the whole of a blob is asked for.
    fn is_whole_blob(&self) -> bool {
        matches!(self.target.resource, Resource::Blob(_))
            && self.parts.method == Method::GET
            && !self.parts.headers.contains_key(RANGE)
    }
}

/// Returns whether the `Host` of a request is this machine, so that no name that a page's site leads here is one
/// (DNS rebinding).
fn has_local_host(parts: &Parts) -> bool {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(host) = host.to_str().ok().and_then(|host| host.parse::<hyper::http::uri::Authority>().ok()) else {
        return false;
    };
    let name = host.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
