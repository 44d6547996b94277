//! The daemon: the rules of registry access where images are pulled.
//!
//! Every way in ([`docker`], [`kubernetes`], [`api`]) turns what it was sent into questions, and asks the one
//! [`Admission`], which decides by the current policy, counts, and writes the audit record. What a way in does not
//! understand, it denies.

pub mod admission;
pub mod api;
pub mod audit;
pub mod containerd;
mod daemon;
pub mod docker;
mod handed_over;
mod json;
pub mod kubernetes;
pub mod metrics;
pub mod policy;
pub mod probe;
pub mod reload;
mod room;
pub mod server;
pub mod settings;
pub mod stamp;
pub mod text;

pub use admission::{Admission, Ask, Door, Verdict};
pub use daemon::serve;
pub use policy::{Generation, Policies, PolicyError, PolicySource, PolicyText};
pub use settings::{Permission, Settings};
