//! Findings between the parts of a policy document (rules C2 and P4).

pub(crate) mod authorities;
pub(crate) mod entries;
