//! Connection errors.

use std::fmt;
use std::io::{Error as IoError, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use pullgate::{Allow, Scheme, TrustAnchor};
use rustls::Error as TlsError;
use thiserror::Error;

use crate::certificate_error::VerificationError;

/// An error of [`Connector::connect`](crate::Connector::connect).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Every attempt that the decision lists failed, at each of its addresses.
    #[error("`{registry}` cannot be reached: {}", describe_attempts(.attempts))]
    Failed {
        /// The registry as given.
        registry: String,
        /// The failed attempts in order.
        attempts: Vec<FailedAttempt>,
    },
    /// The registry is no `HOST[:PORT]`.
    #[error("`{0}` is no registry: give `HOST[:PORT]`, as the answer that has the decision shows it")]
    InvalidRegistry(String),
    /// The decision names a trust anchor that is not among the given ones.
    #[error(
        "the decision names a certificate with SHA-256 {0} that was not given: give those of the policy that decided"
    )]
    UnknownAuthority(String),
    /// A pinned address is not an IP address.
    #[error("the decision allows the address `{0}`, which is none")]
    InvalidAddress(String),
}

/// A failed attempt.
#[derive(Debug)]
pub struct FailedAttempt {
    /// The scheme.
    pub scheme: Scheme,
    /// The host.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// True if the certificate had to be verified.
    pub verified: bool,
    /// The address, if resolution succeeded.
    pub address: Option<SocketAddr>,
    /// The error of the attempt.
    pub error: AttemptError,
}

/// The error of one attempt.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttemptError {
    /// The addresses of the host cannot be resolved.
    #[error("its addresses cannot be found: {0}")]
    Dns(IoError),
    /// The host has no address.
    #[error("it has no address")]
    NoAddress,
    /// The connection was refused.
    #[error("nothing listens there (connection refused)")]
    ConnectionRefused,
    /// The attempt timed out.
    #[error("no answer within {:.1} s", .0.as_secs_f64())]
    TimeOut(Duration),
    /// The attempt was skipped, because the total timeout had expired.
    #[error("not tried, since the time for all attempts together was over")]
    NotTried,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(IoError),
    /// The server speaks plain HTTP.
    #[error("the server speaks plain HTTP on this port, not TLS")]
    PlainHttp,
    /// The server speaks a protocol other than TLS.
    #[error("the server does not speak TLS on this port")]
    NotTls,
    /// The server closed the connection.
    #[error("the server closed the connection during the TLS handshake; it may not speak TLS on this port")]
    ConnectionClosed,
    /// The server ended the handshake with a TLS alert.
    #[error("the server ended the TLS handshake with the alert {0}")]
    Alert(String),
    /// The server's certificate was rejected.
    #[error("{0}")]
    Certificate(VerificationError),
    /// Another TLS error.
    #[error("TLS failed: {0}")]
    Tls(TlsError),
}

impl AttemptError {
    /// Adds policy anchors that would verify the server if the decision listed them, to explain an unknown issuer.
    /// [`Connector::connect`](crate::Connector::connect) already does so; callers that run the steps themselves must
    /// call it.
    pub fn add_unlisted_anchors(&mut self, allowed: &Allow<'_>, authorities: &[TrustAnchor]) {
        let Self::Certificate(refusal) = self else { return };
        let named = |authority: &&TrustAnchor| allowed.authorities.iter().any(|it| **it == authority.fingerprint);
        refusal.add_unlisted_anchors(authorities.iter().filter(|authority| !named(authority)));
    }

    /// Converts an error of connecting TCP.
    pub(crate) fn from_connect(error: IoError) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            _ => Self::Io(error),
        }
    }

    /// Converts an error of the TLS handshake, given the first bytes of the server's response.
    pub(crate) fn from_handshake(error: IoError, head: &[u8]) -> Self {
        if head.starts_with(b"HTTP/") {
            return Self::PlainHttp;
        }
        if let Some(refusal) = VerificationError::find(&error) {
            return Self::Certificate(refusal.clone());
        }
        match error.downcast::<TlsError>() {
            Ok(TlsError::InvalidMessage(_)) if !is_tls_record(head) => Self::NotTls,
            Ok(TlsError::AlertReceived(alert)) => Self::Alert(format!("{alert:?}")),
            Ok(error) => Self::Tls(error),
            Err(error) => match error.kind() {
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Self::ConnectionClosed,
                _ => Self::Io(error),
            },
        }
    }
}

/// Returns whether the bytes begin a TLS record: a content type and major version 3.
fn is_tls_record(head: &[u8]) -> bool {
    matches!(head, [0x14..=0x17, 3, ..])
}

impl fmt::Display for FailedAttempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} to ", transport_name(self.scheme, self.verified))?;
        match self.address {
            Some(address) if self.host == address.ip().to_string() => write!(formatter, "{address}")?,
            Some(address) => write!(formatter, "{} port {} at {}", self.host, self.port, address.ip())?,
            None => write!(formatter, "{} port {}", self.host, self.port)?,
        }
        write!(formatter, ": {}", self.error)
    }
}

/// Returns the human-readable name of a transport.
pub fn transport_name(scheme: Scheme, is_verified: bool) -> &'static str {
    match (scheme, is_verified) {
        (Scheme::Https, true) => "HTTPS",
        (Scheme::Https, false) => "unverified HTTPS",
        (Scheme::Http, _) => "plain HTTP",
    }
}

fn describe_attempts(attempts: &[FailedAttempt]) -> String {
    let attempts: Vec<String> = attempts.iter().map(FailedAttempt::to_string).collect();
    if attempts.is_empty() { "the decision lists no attempt".to_owned() } else { attempts.join("; then ") }
}
