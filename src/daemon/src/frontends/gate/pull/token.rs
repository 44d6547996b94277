//! Authorization at registries (distribution specification, "Token authentication"): tokens of the registry's token server, or a
//! password for the registry itself.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use lru::LruCache;
use pullgate::{ReferenceKind, Scheme};
use pullgate_connect::{AuthChallenge, Endpoint, EndpointUrl};
use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, timeout};

use super::credentials::Credential;
use super::{Pull, USER_AGENT_TEXT};
use crate::frontends::gate::Gate;
use crate::frontends::gate::body::{GateBody, empty_body, full_body};
use crate::frontends::gate::refusal::Refusal;
use crate::frontends::gate::route::{GateRequest, Route};

/// Maximum number of tokens in memory.
const MAX_TOKENS: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();

/// Maximum size of a token server's response in bytes.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

/// Timeout for the body of that response.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Time to live of a token without `expires_in`, and the least of any.
const MIN_TOKEN_TTL: Duration = Duration::from_secs(60);

/// Maximum time to live of a token in memory.
const MAX_TOKEN_TTL: Duration = Duration::from_secs(3_600);

/// The token server of Docker Hub, which its login is for.
const DOCKER_HUB_TOKEN_HOST: &str = "auth.docker.io";

/// The name of this program at token servers (RFC 6749, section 2.2).
const CLIENT_ID: &str = "pullgate";

const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// The key of a token: it is for one repository, and what one user may do there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenKey {
    /// The registry.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// The user of the credentials; none for an anonymous token.
    pub user: Option<String>,
}

/// Tokens that are still valid.
pub struct Tokens {
    tokens: Mutex<LruCache<TokenKey, (HeaderValue, Instant)>>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { tokens: Mutex::new(LruCache::new(MAX_TOKENS)) }
    }
}

impl Tokens {
    /// Returns the `Authorization` of a valid token.
    pub fn get(&self, key: &TokenKey) -> Option<HeaderValue> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let (authorization, until) = tokens.get(key)?;
        (Instant::now() < *until).then(|| authorization.clone())
    }

    fn insert(&self, key: TokenKey, authorization: HeaderValue, ttl: Duration) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.put(key, (authorization, Instant::now() + ttl));
    }
}

/// The response of a token server.
#[derive(Deserialize)]
struct TokenResponse {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    expires_in: Option<u64>,
}

/// An error of a token server's response. The texts are human-readable, after the name of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum TokenResponseError {
    /// It takes too long.
    #[error("did not answer in time")]
    TimeOut,
    /// It breaks off, or does not end.
    #[error("broke off, or answered with more than {MAX_RESPONSE_BYTES} bytes")]
    Body,
    /// It has no token.
    #[error("gave no token")]
    NoToken,
}

/// A token that a token server is asked for.
struct WantedToken<'a> {
    service: Option<&'a str>,
    scope: String,
    credential: Option<&'a Credential>,
}

impl WantedToken<'_> {
    /// Returns the request: `GET` with the password, or for an identity token `POST` of it (distribution specification,
    /// "OAuth2"). A form and not the URL, which servers log.
    fn to_request(&self, url: &EndpointUrl) -> Result<Request<GateBody>, Refusal> {
        let parameters = self.service.map(|service| ("service", service)).into_iter().chain([("scope", &*self.scope)]);
        let request = Request::builder().header(ACCEPT, "application/json").header(USER_AGENT, USER_AGENT_TEXT);
        let request = match self.credential.and_then(Credential::identity_token) {
            Some(token) => {
                let own = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", CLIENT_ID)];
                let form =
                    form_urlencoded::Serializer::new(String::new()).extend_pairs(own).extend_pairs(parameters).finish();
                request.method(Method::POST).uri(url.path()).header(CONTENT_TYPE, FORM_TYPE).body(full_body(form))
            }
            None => {
                let url = parameters.fold(url.clone(), |url, (name, value)| url.with_query_pair(name, value));
                request.method(Method::GET).uri(url.path()).body(empty_body())
            }
        };
        let mut request = request.map_err(|error| Refusal::unreachable(error.to_string()))?;
        if let Some(basic) = self.credential.and_then(Credential::to_basic) {
            request.headers_mut().insert(AUTHORIZATION, secret_header(&basic)?);
        }
        Ok(request)
    }
}

impl Gate {
    /// Returns the `Authorization` that answers a registry's challenge.
    ///
    /// # Errors
    ///
    /// If the registry wants what is not there, or if its token server is not allowed.
    pub(super) async fn authorize(
        &self,
        pull: &Pull<'_>,
        registry: &Endpoint,
        challenge: &HeaderMap,
        credential: Option<&Credential>,
    ) -> Result<HeaderValue, Refusal> {
        let challenges = AuthChallenge::parse_all(challenge, &WWW_AUTHENTICATE);
        if let Some(bearer) = challenges.iter().find(|challenge| challenge.scheme == "bearer") {
            return self.request_token(pull, registry, bearer, credential).await;
        }
        if !challenges.iter().any(|challenge| challenge.scheme == "basic") {
            return Err(pull.refuse(self, "login", "it wants a login of a kind that is not known"));
        }
        let Some(credential) = credential else {
            return Err(pull.refuse(self, "login", "it wants a login, and `gate_credentials` has none for it"));
        };
        match credential.to_basic() {
            Some(basic) => secret_header(&basic),
            None => {
                let message = "it wants a password, and `gate_credentials` has an identity token for it";
                Err(pull.refuse(self, "login", message))
            }
        }
    }

    /// Requests a token to pull from the one repository, whatever scope the challenge names.
    async fn request_token(
        &self,
        pull: &Pull<'_>,
        registry: &Endpoint,
        bearer: &AuthChallenge,
        credential: Option<&Credential>,
    ) -> Result<HeaderValue, Refusal> {
        let Some(url) = bearer.parameter("realm").and_then(EndpointUrl::parse) else {
            return Err(pull.refuse(self, "token-server", "it names no token server that can be asked"));
        };
        // The realm's own scope would widen the token.
        if url.path().split(['?', '&']).any(|pair| pair.starts_with("scope=")) {
            return Err(pull.refuse(self, "token-server", "its token server's URL has a scope of its own"));
        }
        let (route, endpoints) = self.route_to_token_server(pull, registry, &url).await?;
        let route = route.as_ref().unwrap_or(pull.route);
        if credential.is_some() && !is_token_server_of(&pull.route.registry, registry, &url) {
            let message = format!("tokens come from `{url}`, which is not the registry: its login is not sent there");
            return Err(pull.refuse(self, "token-server", &message));
        }
        let wanted = WantedToken {
            service: bearer.parameter("service"),
            scope: format!("repository:{}:pull", pull.repository),
            credential,
        };
        let reference = url.to_registry();
        let request = GateRequest { reference: &reference, kind: ReferenceKind::Registry, ..pull.request };
        let mut upstream = self.connect_upstream(request, route, &endpoints).await?;
        let response = match upstream.send(wanted.to_request(&url)?).await {
            // The server may have closed it meanwhile.
            Err(_) if upstream.is_reused() => {
                upstream = self.connect_new_upstream(request, route, &endpoints).await?;
                upstream.send(wanted.to_request(&url)?).await?
            }
            response => response?,
        };
        let has_token = credential.is_some_and(|credential| credential.identity_token().is_some());
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let hint = if credential.is_some() { "" } else { ", and `gate_credentials` has none for it" };
                return Err(pull.refuse(self, "login", &format!("its token server `{url}` wants a login{hint}")));
            }
            StatusCode::BAD_REQUEST if has_token => {
                let message = format!("its token server `{url}` does not take the identity token: log in again");
                return Err(pull.refuse(self, "login", &message));
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED if has_token => {
                let message = format!("its token server `{url}` takes no identity tokens: write a user and a password");
                return Err(pull.refuse(self, "login", &message));
            }
            status => return Err(Refusal::unreachable(format!("the token server `{url}` answered {status}"))),
        }
        let (token, ttl) = read_token(response)
            .await
            .map_err(|error| Refusal::unreachable(format!("the token server `{url}` {error}")))?;
        let authorization = secret_header(&format!("Bearer {token}"))?;
        self.tokens.insert(pull.token_key(credential), authorization.clone(), ttl);
        Ok(authorization)
    }

    /// Asks the policy about a token server, unless it is the registry itself. Returns the endpoints for its URL.
    async fn route_to_token_server(
        &self,
        pull: &Pull<'_>,
        registry: &Endpoint,
        url: &EndpointUrl,
    ) -> Result<(Option<Route>, Vec<Endpoint>), Refusal> {
        if url.is_same_endpoint(registry) {
            return Ok((None, vec![registry.clone()]));
        }
        let reference = url.to_registry();
        let request = GateRequest { reference: &reference, kind: ReferenceKind::Registry, ..pull.request };
        let route = self.route(request).await.map_err(|refusal| {
            pull.explain(&format!("tokens come from `{url}`, where none is asked for: {}", refusal.message()))
        })?;
        self.admission.recent_registries().record_second_host(&pull.route.registry, &reference);
        let endpoints = route.endpoints_at(url);
        if endpoints.is_empty() {
            let message =
                format!("tokens come from `{url}`, and the policy does not allow {} there", scheme_name(url.scheme()));
            return Err(pull.refuse(self, "token-server", &message));
        }
        Ok((Some(route), endpoints))
    }
}

impl Pull<'_> {
    /// Returns the key of a token for this pull.
    pub(super) fn token_key(&self, credential: Option<&Credential>) -> TokenKey {
        TokenKey {
            registry: self.route.registry.clone(),
            repository: self.repository.to_owned(),
            user: credential.map(|credential| credential.user.clone()),
        }
    }

    /// Records a refusal with its registry named.
    fn refuse(&self, gate: &Gate, reason: &'static str, message: &str) -> Refusal {
        gate.refuse(self.request, reason, self.explain(message).message())
    }
}

/// Returns whether the login of a registry may go to a token server: to the registry's own host, and for Docker Hub
/// to its token server.
fn is_token_server_of(name: &str, registry: &Endpoint, url: &EndpointUrl) -> bool {
    let is_own = url.host().eq_ignore_ascii_case(registry.host());
    let is_docker_hub = name == "docker.io" || name == "docker.io:443";
    is_own || (is_docker_hub && url.host().eq_ignore_ascii_case(DOCKER_HUB_TOKEN_HOST) && url.scheme() == Scheme::Https)
}

fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Https => "HTTPS",
        Scheme::Http => "plain HTTP",
    }
}

/// Returns a header value that is not shown.
fn secret_header(value: &str) -> Result<HeaderValue, Refusal> {
    let mut value = HeaderValue::try_from(value)
        .map_err(|_| Refusal::unreachable("the login has characters that cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads the token and its time to live, nine tenths of what the server says.
async fn read_token(response: Response<Incoming>) -> Result<(String, Duration), TokenResponseError> {
    let body = Limited::new(response.into_body(), MAX_RESPONSE_BYTES).collect();
    let body = timeout(BODY_TIMEOUT, body).await.map_err(|_| TokenResponseError::TimeOut)?;
    let body = body.map_err(|_| TokenResponseError::Body)?.to_bytes();
    let response: TokenResponse = serde_json::from_slice(&body).map_err(|_| TokenResponseError::NoToken)?;
    let token = if response.token.is_empty() { response.access_token } else { response.token };
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenResponseError::NoToken);
    }
    let ttl = response.expires_in.map_or(MIN_TOKEN_TTL, Duration::from_secs).clamp(MIN_TOKEN_TTL, MAX_TOKEN_TTL);
    Ok((token, ttl * 9 / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn token_is_for_one_repository_and_user_until_it_expires() {
        let tokens = Tokens::default();
        let key = |repository: &str, user: Option<&str>| TokenKey {
            registry: "r.example".to_owned(),
            repository: repository.to_owned(),
            user: user.map(str::to_owned),
        };
        tokens.insert(key("a", None), HeaderValue::from_static("Bearer x"), MIN_TOKEN_TTL);
        assert!(tokens.get(&key("a", None)).is_some());
        assert!(tokens.get(&key("b", None)).is_none() && tokens.get(&key("a", Some("me"))).is_none());
        tokio::time::advance(MIN_TOKEN_TTL).await;
        assert!(tokens.get(&key("a", None)).is_none());
        assert_eq!(format!("{:?}", secret_header("Bearer x").unwrap()), "Sensitive");
    }
}
