//! The pull-through endpoint.

#[path = "../../../../../src/daemon/src/frontends/gate/pull/target.rs"]
pub mod target;
