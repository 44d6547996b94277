//! Evaluates the rules of registry access as a WebAssembly component under wasmtime.
//!
//! The component is embedded into this crate and is the same module as in the npm package. A policy is loaded once and
//! evaluated from any thread:
//!
//! ```
//! use pullgate::{Decision, Request};
//! use pullgate_host::{EvaluatorOptions, Module, now};
//!
//! let module = Module::built_in()?;
//! let (evaluator, findings) = module.load(r#"{"whitelist": ["*.example.com"]}"#, now(), EvaluatorOptions::default())?;
//! assert!(findings.iter().all(|finding| finding.severity != pullgate::Severity::Error));
//! let request = Request { reference: "registry.example.com/app:1", ..Request::default() };
//! assert!(matches!(evaluator.decide_offline(&request), Decision::Allow(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A failure during a decision is a denial with its own reason: trap, timeout or memory. The instance is discarded, and
//! the next request gets a fresh one.
//!
//! If a decision depends on DNS, [`PolicyEvaluator::decide`] queries the given [`Resolver`] and evaluates again with
//! the answers. The rules determine the names to confirm.
//!
//! | feature | |
//! |---|---|
//! | `compiler` | `Module::from_component`: compiles a given component |
//! | `system-dns` | [`Dns::system`]: the system resolver; default |

mod bindings;
mod call_threads;
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
mod wit_convert;

use std::time::{SystemTime, UNIX_EPOCH};

pub use call_threads::CallThreads;
pub use dns::{Dns, DnsCounts, DnsError, DnsLimits, DnsResponse, ResolveFuture, Resolver};
pub use error::{ExecutionError, LoadError, ModuleError};
pub use evaluator::PolicyEvaluator;
pub use limits::{EvaluatorOptions, ResourceLimits};
pub use module::Module;

/// The interface of the component, as WIT text.
pub const WIT: &str = include_str!("../wit/pullgate.wit");

/// Returns the current time in seconds since 1970-01-01 UTC, the form in which policies are loaded and checked.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
