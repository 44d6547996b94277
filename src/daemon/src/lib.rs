//! The daemon: the rules of registry access where images are pulled.
//!
//! Every way in ([`docker`](frontends::docker), [`kubernetes`](frontends::kubernetes), [`api`]) turns what it was sent into questions, and asks the one
//! [`Admission`], which decides by the current policy, counts, and writes the audit record. What a way in does not
//! understand, it denies.

pub mod admission;
pub mod api;
mod daemon;
pub mod frontends;
pub mod policy;
pub mod server;
pub mod settings;
pub mod util;

pub use admission::{Admission, AdmissionRequest, AdmissionResponse, Frontend};
pub use daemon::run;
pub use policy::{Generation, PolicyDocument, PolicyError, PolicyProvider, PolicyStore};
pub use settings::{OperationPermission, Settings};
