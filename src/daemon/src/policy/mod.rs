//! The policy store and its reloads.

pub mod reload;
pub mod store;

pub use store::{Generation, PolicyError, PolicyStore, ReloadOutcome};
