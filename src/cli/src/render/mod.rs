//! Human-readable rendering of results.

pub mod decision;
pub mod replay;
