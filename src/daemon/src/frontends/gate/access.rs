//! Access to the gate: on loopback every local process, elsewhere clients with the token or a client certificate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::{HeaderName, ORIGIN, PROXY_AUTHORIZATION};

use super::Gate;
use super::refusal::Refusal;
use crate::server::Peer;

/// The header with which browsers mark the requests of pages (W3C Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Gate {
    /// Rejects a client that may not use the gate.
    pub(super) fn check_access(&self, headers: &HeaderMap, client: &Peer) -> Result<(), Refusal> {
        if headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE) {
            return Err(Refusal::denied("requests of web pages are not served here"));
        }
        if client.has_certificate || self.has_token(headers) {
            return Ok(());
        }
        if self.options.is_exposed {
            return Err(Refusal::unauthenticated(
                "a token is needed: set the proxy as http://pullgate:TOKEN@HOST:PORT",
            ));
        }
        Ok(())
    }

    /// Returns whether the client has given the token, as a bearer token or as a password.
    fn has_token(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.options.token else { return false };
        headers
            .get_all(PROXY_AUTHORIZATION)
            .iter()
            .filter_map(|value| given_token(value.to_str().ok()?))
            .any(|given| token.verify(&given))
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
