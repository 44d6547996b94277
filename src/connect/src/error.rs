//! Why there is no connection.

use std::fmt;
use std::io::{Error as IoError, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use pullgate::{Allow, Scheme, TrustAnchor};
use rustls::Error as TlsError;
use thiserror::Error;

use crate::certificate_error::VerificationError;

/// There is no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// What was tried failed: every attempt that the decision lists, in order, and each of its addresses.
    #[error("`{registry}` cannot be reached: {}", describe_attempts(.attempts))]
    Failed {
        /// The registry, as it was given.
        registry: String,
        /// What was tried, in order.
        attempts: Vec<FailedAttempt>,
    },
    /// This is no `HOST[:PORT]`.
    #[error("`{0}` is no registry: give `HOST[:PORT]`, as the answer that has the decision shows it")]
    InvalidRegistry(String),
    /// The decision names a certificate that is not among those given.
    #[error(
        "the decision names a certificate with SHA-256 {0} that was not given: give those of the policy that decided"
    )]
    UnknownAuthority(String),
    /// A pinned address is none.
    #[error("the decision allows the address `{0}`, which is none")]
    InvalidAddress(String),
}

/// One try that failed.
#[derive(Debug)]
pub struct FailedAttempt {
    /// The scheme.
    pub scheme: Scheme,
    /// The host.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether the certificate was to be verified.
    pub verified: bool,
    /// The address, if it came to one.
    pub address: Option<SocketAddr>,
    /// What went wrong.
    pub error: AttemptError,
}

/// What went wrong with one try.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttemptError {
    /// The host's addresses are not known.
    #[error("its addresses cannot be found: {0}")]
    Dns(IoError),
    /// There is no address to connect to.
    #[error("it has no address")]
    NoAddress,
    /// Nothing listens there.
    #[error("nothing listens there (connection refused)")]
    ConnectionRefused,
    /// It took longer than it may.
    #[error("no answer within {:.1} s", .0.as_secs_f64())]
    TimeOut(Duration),
    /// It was not tried.
    #[error("not tried, since the time for all attempts together was over")]
    NotTried,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(IoError),
    /// The server speaks plain HTTP.
    #[error("the server speaks plain HTTP on this port, not TLS")]
    PlainHttp,
    /// The server speaks something else than TLS.
    #[error("the server does not speak TLS on this port")]
    NotTls,
    /// The server closed the connection.
    #[error("the server closed the connection during the TLS handshake; it may not speak TLS on this port")]
    ConnectionClosed,
    /// The server does not want to go on, for the reason that TLS calls so.
    #[error("the server ended the TLS handshake with the alert {0}")]
    Alert(String),
    /// The server's certificate was refused.
    #[error("{0}")]
    Certificate(VerificationError),
    /// TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(TlsError),
}

impl AttemptError {
    /// Adds to an issuer that is not known the certificates of the policy that would vouch if the decision named them.
    /// [`Connector::connect`](crate::Connector::connect) has done so; those who take the steps themselves have not.
    pub fn add_unlisted_anchors(&mut self, allowed: &Allow<'_>, authorities: &[TrustAnchor]) {
        let Self::Certificate(refusal) = self else { return };
        let named = |authority: &&TrustAnchor| allowed.authorities.iter().any(|it| **it == authority.fingerprint);
        refusal.add_unlisted_anchors(authorities.iter().filter(|authority| !named(authority)));
    }

    /// What kept a TCP connection from being made.
    pub(crate) fn from_connect(error: IoError) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            _ => Self::Io(error),
        }
    }

    /// What ended a TLS handshake, with the first bytes of the server's answer.
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

/// Whether it begins as a record of TLS does: its type, and version 3.
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

/// How a registry is reached, in words.
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
