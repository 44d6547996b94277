//! The policy store and its reloads.

#[cfg(test)]
pub mod fixed;
pub mod reload;
pub mod store;

pub use store::{Generation, PolicyDocument, PolicyError, PolicyProvider, PolicyStore, ReloadOutcome};
