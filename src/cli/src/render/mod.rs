//! Human-readable rendering of results.

pub mod decision;
