//! Linters of a policy document as a whole (rules C2 and P4).

pub(crate) mod authorities;
pub(crate) mod blocked;
mod coverage;
pub(crate) mod entries;
pub(crate) mod overlaps;
