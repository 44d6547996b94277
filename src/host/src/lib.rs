//! Runs the rules of registry access as a WebAssembly component under wasmtime.
//!
//! The component is built into this crate: the same module that the npm package has. A policy is loaded from it once
//! and then asked from any thread:
//!
//! ```
//! use pullgate::{Decision, Request};
//! use pullgate_host::{Module, Options, now};
//!
//! let module = Module::built_in()?;
//! let (gate, findings) = module.load(r#"{"whitelist": ["*.example.com"]}"#, now(), Options::default())?;
//! assert!(findings.iter().all(|finding| finding.severity != pullgate::Severity::Error));
//! let request = Request { reference: "registry.example.com/app:1", ..Request::default() };
//! assert!(matches!(gate.decide_offline(&request), Decision::Allow(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whatever goes wrong while deciding is a denial with its own reason: a trap, too much time, too much memory. The
//! instance that it happened in is thrown away, and the next request is decided by a fresh one.
//!
//! Where an answer depends on DNS, [`Gate::decide`] asks the [`Resolver`] that the caller gave, and asks the rules
//! again with what it heard. Which names must be confirmed, and how, is up to the rules.
//!
//! # Connecting
//!
//! With the feature `tls`, a [`Connector`] makes the connection that a decision allows. It tries the attempts that the
//! decision lists, in their order, on the addresses that it pins, and trusts the certificates that it names beside the
//! [`Roots`] that the caller chose:
//!
//! ```no_run
//! # #[cfg(feature = "webpki-roots")]
//! # async fn connect(gate: pullgate_host::Gate) -> Result<(), Box<dyn std::error::Error>> {
//! use pullgate::{Decision, Request};
//! use pullgate_host::{ConnectLimits, Connector, Roots};
//!
//! let connector = Connector::new(Roots::well_known(), ConnectLimits::default())?;
//! let request = Request { reference: "registry.example.com/app:1", ..Request::default() };
//! let answer = gate.answer(&request).await;
//! if let (Some(registry), Decision::Allow(allowed)) = (&answer.registry, &answer.decision) {
//!     let connection = connector.connect(registry, allowed, gate.authorities()).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The connection is a stream for an HTTP client that does not follow redirects by itself: another host is another
//! question to the policy. Those who make their connections themselves take the [`Route`]s, whose TLS configurations
//! refuse every other host, or go step by step through their [`Target`]s. Where there is no connection, [`ConnectError`] says of each attempt what it came to.
//!
//! | feature | |
//! |---|---|
//! | `tls` | [`Connector`] and what belongs to it, on rustls with ring; default |
//! | `webpki-roots` | `Roots::well_known`: Mozilla's certificate authorities, built in; default |
//! | `platform-roots` | `Roots::platform`: the certificate authorities of the machine |
//! | `system-dns` | [`Dns::system`]: the resolver of the machine; default |

mod bindings;
mod cache;
#[cfg(feature = "tls")]
mod connect;
mod convert;
mod dns;
mod embedded;
mod engine;
mod error;
mod gate;
mod instance;
mod module;
mod pool;
mod sections;
#[cfg(feature = "system-dns")]
mod system;
pub mod text;

use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(feature = "platform-roots")]
pub use connect::RootsError;
#[cfg(feature = "tls")]
pub use connect::{
    ConnectError, ConnectLimits, Connection, Connector, Described, Dialed, Handshake, LeftOut, Problem, Refusal, Roots,
    Route, Target, Tried, Voucher, way,
};
pub use dns::{Answers, Dns, DnsCounts, DnsError, DnsLimits, Resolver, Resolving};
pub use error::{Failure, LoadError, ModuleError};
pub use gate::{Gate, Limits, Options};
pub use module::Module;
/// The TLS of connections, for those who make their own with a [`Route`].
#[cfg(feature = "tls")]
pub use rustls;

/// The interface of the component, as WIT text.
pub const WIT: &str = include_str!("../../../wit/pullgate.wit");

/// This machine's time in seconds since 1970-01-01 UTC, as policies are loaded and checked at.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
