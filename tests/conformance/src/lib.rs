//! What the tests of the whole project share: the cases in `vectors/`, the surfaces that answer them, and a slow and
//! obvious reading of the rules to hold the fast one against.

#![forbid(unsafe_code)]

pub mod changes;
#[cfg(feature = "component")]
pub mod component;
pub mod entry_line;
pub mod node;
pub mod reference_model;
pub mod regions;
pub mod surface;
pub mod universe;
pub mod vectors;
