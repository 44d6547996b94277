//! The policy store and its reloads, and the decisions of a policy for its settings.

mod decisions;
pub mod reload;
pub mod store;

pub use decisions::EvaluatorDecisions;
pub use store::{Generation, PolicyError, PolicyStore, ReloadOutcome};
