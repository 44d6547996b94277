//! Access to the gate: on loopback every local process, elsewhere clients with the token or a client certificate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, ORIGIN, PROXY_AUTHORIZATION};

use super::Gate;
use super::refusal::Refusal;
use crate::server::Peer;

/// The header with which browsers mark the requests of pages (W3C Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Gate {
    /// Rejects a client that may not use the gate.
    pub(super) fn check_access(&self, headers: &HeaderMap, client: &Peer, is_pull: bool) -> Result<(), Refusal> {
        if headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE) {
            return Err(Refusal::denied("requests of web pages are not served here"));
        }
        if !is_pull && self.has_token_in(headers, &AUTHORIZATION) {
            return Err(Refusal::unauthenticated(
                "the gate's token is in `Authorization`, which goes to the registry: set the proxy as \
                 http://pullgate:TOKEN@HOST:PORT in its place",
            ));
        }
        let is_known = client.has_certificate || self.has_token(headers, is_pull);
        match (is_known || !self.options.is_exposed, is_pull) {
            (true, _) => Ok(()),
            // Never 401: the client would send its login for a registry.
            (false, true) => Err(Refusal::denied("a token is needed: set the header `Authorization: Bearer TOKEN`")),
            (false, false) => {
                Err(Refusal::unauthenticated("a token is needed: set the proxy as http://pullgate:TOKEN@HOST:PORT"))
            }
        }
    }

    /// Returns whether the users of local clients matter: where the gate has credentials, which not every user of the
    /// machine may pull with.
    pub(super) fn asks_for_users(&self) -> bool {
        self.options.credentials.is_some() && !self.options.is_exposed
    }

    /// Rejects a client that may not pull with the credentials of the gate.
    pub(super) fn check_pull_access(&self, headers: &HeaderMap, client: &Peer) -> Result<(), Refusal> {
        let is_known = client.is_trusted_user() || client.has_certificate || self.has_token(headers, true);
        if is_known || !self.asks_for_users() {
            return Ok(());
        }
        Err(Refusal::denied(
            "this gate has credentials, and serves pulls to root, to its own user and with its token: set the header \
             `Authorization: Bearer TOKEN`",
        ))
    }

    /// Returns whether the client has given the token, as a bearer token or as a password. To the pull-through endpoint
    /// the gate is a server, and `Authorization` is for it; elsewhere that is for the server behind it.
    fn has_token(&self, headers: &HeaderMap, is_pull: bool) -> bool {
        self.has_token_in(headers, &PROXY_AUTHORIZATION) || is_pull && self.has_token_in(headers, &AUTHORIZATION)
    }

    /// Returns whether a header of this name has the token.
    fn has_token_in(&self, headers: &HeaderMap, name: &HeaderName) -> bool {
        let Some(token) = &self.options.token else { return false };
        let mut values = headers.get_all(name).iter();
        values.any(|value| value.to_str().ok().and_then(given_token).is_some_and(|given| token.verify(&given)))
    }
}

/// Returns the token of an `Authorization` value: `Bearer TOKEN`, or `Basic` with the token as the password.
fn given_token(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    let pair = STANDARD.decode(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let pair = String::from_utf8(pair).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_a_bearer_token_or_a_password() {
        let token = "0123456789abcdef";
        for value in [&format!("Bearer {token}"), "basic eDowMTIzNDU2Nzg5YWJjZGVm"] {
            assert_eq!(given_token(value).as_deref(), Some(token), "{value}");
        }
        for value in ["", "Bearer", "Basic", "Basic eA==", "Basic !", "Digest 0123456789abcdef"] {
            assert_eq!(given_token(value), None, "{value}");
        }
    }
}
