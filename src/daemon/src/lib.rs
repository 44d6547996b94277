//! The admission daemon: enforces the rules where images are pulled.
//!
//! Every frontend ([`frontends`], [`api`]) translates its input to requests to the shared [`Admission`], which decides
//! by the current policy, counts, and writes the audit record. Input that a frontend does not understand is denied.

#![forbid(unsafe_code)]

pub mod admission;
pub mod api;
mod daemon;
pub mod frontends;
pub mod policy;
pub mod server;
pub mod settings;
pub mod util;

pub use admission::{Admission, AdmissionRequest, AdmissionResponse, Frontend};
pub use daemon::{DaemonError, run};
pub use policy::{EvaluatorDecisions, Generation, PolicyError, PolicyStore};
pub use settings::{OperationPermission, Settings};
