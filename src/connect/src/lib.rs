//! TLS connections to registries as decisions allow, and the [`probe`] that reports every stage of them.
//!
//! A [`Connector`] makes the connection that a decision allows: it tries the attempts that the decision lists, in
//! order, on the pinned addresses, and trusts the anchors that the decision lists in addition to the given
//! [`RootStore`]:
//!
//! ```no_run
//! # async fn connect(evaluator: pullgate_host::PolicyEvaluator) -> Result<(), Box<dyn std::error::Error>> {
//! use pullgate::{Decision, Request};
//! use pullgate_connect::{ConnectLimits, Connector, RootStore};
//!
//! let connector = Connector::new(RootStore::well_known(), ConnectLimits::default())?;
//! let request = Request { reference: "registry.example.com/app:1", ..Request::default() };
//! let response = evaluator.answer(&request).await;
//! if let (Some(registry), Decision::Allow(allowed)) = (&response.registry, &response.decision) {
//!     let connection = connector.connect(registry, allowed, evaluator.authorities()).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A connection is a byte stream for an HTTP client that does not follow redirects, since each further host needs a
//! decision of its own. Callers that make their own connections use the [`Endpoint`]s, whose TLS configurations reject
//! every other host, or run the steps one by one from a [`ResolvedEndpoint`]. [`ConnectError`] holds the outcome of
//! every failed attempt.

#![forbid(unsafe_code)]

mod certificate;
mod certificate_error;
mod connection;
mod connector;
mod crypto_provider;
mod endpoint;
mod endpoint_url;
mod error;
mod handshake;
mod prefix_recorder;
pub mod probe;
mod proxy;
mod root_store;
mod text;
mod trust_anchor;
mod verifier;
mod www_authenticate;

pub use certificate::CertificateSummary;
pub use certificate_error::{IgnoredAnchor, VerificationError};
pub use connection::Connection;
pub use connector::{ConnectLimits, Connector};
pub use crypto_provider::crypto_provider;
pub use endpoint::Endpoint;
pub use endpoint_url::EndpointUrl;
pub use error::{AttemptError, ConnectError, FailedAttempt, transport_name};
pub use handshake::{HandshakeResult, ResolvedEndpoint, TcpConnection};
pub use proxy::{ProxySettings, ProxySettingsError, ProxySource, ProxyUrlError};
pub use root_store::RootStore;
pub use root_store::RootStoreError;
/// Re-export of rustls, for callers that make their own connections with an [`Endpoint`].
pub use rustls;
pub use verifier::VerifiedBy;
pub use www_authenticate::AuthChallenge;
