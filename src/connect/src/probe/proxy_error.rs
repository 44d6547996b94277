//! Errors of proxies.

use hyper::header::PROXY_AUTHENTICATE;
use hyper::{HeaderMap, StatusCode};
use thiserror::Error;

use crate::proxy::ProxyServer;
use crate::text::sanitize_server_text;
use crate::www_authenticate::AuthChallenge;
use crate::{AttemptError, VerificationError};

/// The proxy cannot be used.
#[derive(Debug, Error)]
pub(super) enum ProxyError {
    /// The proxy cannot be reached, or is not trusted.
    #[error("{0}")]
    Connect(AttemptError),
    /// No authority vouches for the proxy's certificate.
    #[error("its certificate leads to `{issuer}`, which no well-known authority vouches for")]
    UnknownIssuer {
        /// The missing issuer in RFC 4514 form.
        issuer: String,
    },
    /// The proxy does not answer in HTTP.
    #[error("{0}")]
    Http(String),
    /// The proxy wants a login, and the URL has none.
    #[error("it wants a login: write it into the URL, as in `http://USER:PASSWORD@HOST:PORT`")]
    LoginRequired,
    /// The proxy refuses the login of the URL.
    #[error("it refuses the login of the URL")]
    LoginRefused,
    /// The proxy wants a login in a way other than Basic.
    #[error("it wants a login by `{0}`: a test has Basic alone")]
    LoginScheme(String),
    /// The proxy does not connect to the endpoint.
    #[error("{status} to `CONNECT {target}`: {}", describe_refusal(.status))]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// The host and port.
        target: String,
    },
    /// Bytes follow the answer, where the registry has not been spoken to.
    #[error("it sent more than its answer to `CONNECT`")]
    TrailingBytes,
}

impl ProxyError {
    /// Converts the error of the TLS handshake with the proxy itself.
    pub(super) fn from_handshake(error: AttemptError) -> Self {
        match error {
            AttemptError::Certificate(VerificationError::UnknownIssuer { issuer, .. }) => {
                Self::UnknownIssuer { issuer }
            }
            error => Self::Connect(error),
        }
    }
}

/// Returns the error of a 407 response (RFC 9110, section 15.5.8).
pub(super) fn login_error(proxy: &ProxyServer, headers: &HeaderMap) -> ProxyError {
    let challenges = AuthChallenge::parse_all(headers, &PROXY_AUTHENTICATE);
    let is_basic = |challenge: &AuthChallenge| challenge.scheme == "basic";
    match challenges.first() {
        Some(first) if !challenges.iter().any(is_basic) => ProxyError::LoginScheme(sanitize_server_text(&first.scheme)),
        _ if proxy.authorization().is_some() => ProxyError::LoginRefused,
        _ => ProxyError::LoginRequired,
    }
}

fn describe_refusal(status: &StatusCode) -> &'static str {
    match status.as_u16() {
        400 | 404 | 405 | 501 => "it may be no proxy, or none for this port",
        502..=504 => "it cannot reach the registry",
        _ => "it does not let the registry through",
    }
}
