//! From a decision to a connection, and the [`probe`] that tests it.
//!
//! A [`Connector`] makes the connection that a decision allows. It tries the attempts that the
//! decision lists, in their order, on the addresses that it pins, and trusts the certificates that it names beside the
//! [`RootStore`] that the caller chose:
//!
//! ```no_run
//! # async fn connect(evaluator: pullgate_host::Gate) -> Result<(), Box<dyn std::error::Error>> {
//! use pullgate::{Decision, Request};
//! use pullgate_connect::{ConnectLimits, Connector, RootStore};
//!
//! let connector = Connector::new(RootStore::well_known(), ConnectLimits::default())?;
//! let request = Request { reference: "registry.example.com/app:1", ..Request::default() };
//! let answer = evaluator.answer(&request).await;
//! if let (Some(registry), Decision::Allow(allowed)) = (&answer.registry, &answer.decision) {
//!     let connection = connector.connect(registry, allowed, evaluator.authorities()).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The connection is a stream for an HTTP client that does not follow redirects by itself: another host is another
//! question to the policy. Those who make their connections themselves take the [`Route`]s, whose TLS configurations
//! refuse every other host, or go step by step through their [`Target`]s. Where there is no connection, [`ConnectError`] says of each attempt what it came to.

mod certificate;
mod certificate_error;
mod connection;
mod connector;
mod endpoint;
mod error;
mod handshake;
mod prefix_recorder;
pub mod probe;
mod root_store;
mod trust_anchor;
mod verifier;

pub use certificate::CertificateSummary;
pub use certificate_error::{IgnoredAnchor, VerificationError};
pub use connection::Connection;
pub use connector::{ConnectLimits, Connector};
pub use endpoint::Endpoint;
pub use error::{AttemptError, ConnectError, FailedAttempt, transport_name};
pub use handshake::{HandshakeResult, ResolvedEndpoint, TcpConnection};
pub use root_store::RootStore;
pub use root_store::RootStoreError;
/// The TLS of connections, for those who make their own with a [`Route`].
pub use rustls;
pub use verifier::VerifiedBy;
