//! The gate, by clients that speak to it over TCP: those that it is for, and those that try to get past it.

mod access;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../connect/tests/pki/mod.rs"]
mod pki;
mod plain;
mod policy_change;
mod pull;
mod servers;
mod tokens;
mod tunnel;
mod world;
