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
//! let (evaluator, findings) = module.load(r#"{"whitelist": ["*.example.com"]}"#, now(), Options::default())?;
//! assert!(findings.iter().all(|finding| finding.severity != pullgate::Severity::Error));
//! let request = Request { reference: "registry.example.com/app:1", ..Request::default() };
//! assert!(matches!(evaluator.decide_offline(&request), Decision::Allow(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whatever goes wrong while deciding is a denial with its own reason: a trap, too much time, too much memory. The
//! instance that it happened in is thrown away, and the next request is decided by a fresh one.
//!
//! Where an answer depends on DNS, [`Gate::decide`] asks the [`Resolver`] that the caller gave, and asks the rules
//! again with what it heard. Which names must be confirmed, and how, is up to the rules.
//!
//! | feature | |
//! |---|---|
//! | `compiler` | `Module::from_component`: compiles a component of one's own |
//! | `system-dns` | [`Dns::system`]: the resolver of the machine; default |

mod bindings;
mod checks;
#[cfg(feature = "compiler")]
mod core_module;
mod dns;
mod embedded;
mod engine;
mod epoch;
mod error;
mod evaluator;
mod instance;
mod limits;
mod module;
mod pool;
mod redact;
mod wit_convert;

use std::time::{SystemTime, UNIX_EPOCH};

pub use dns::{Dns, DnsCounts, DnsError, DnsLimits, DnsResponse, ResolveFuture, Resolver};
pub use error::{ExecutionError, LoadError, ModuleError};
pub use evaluator::PolicyEvaluator;
pub use limits::{EvaluatorOptions, ResourceLimits};
pub use module::Module;

/// The interface of the component, as WIT text.
pub const WIT: &str = include_str!("../../../wit/pullgate.wit");

/// This machine's time in seconds since 1970-01-01 UTC, as policies are loaded and checked at.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
