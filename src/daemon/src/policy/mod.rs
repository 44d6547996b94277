//! The current policy: loaded at the start, and replaced as a whole.

#[cfg(test)]
pub mod fixed;
pub mod reload;
pub mod store;

pub use store::{Generation, PolicyDocument, PolicyError, PolicyProvider, PolicyStore, ReloadOutcome};
