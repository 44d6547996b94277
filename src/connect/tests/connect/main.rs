//! Connections to test servers under hand-made decisions.

mod attempts;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../pki/mod.rs"]
mod pki;
mod signatures;
mod support;
mod verification;
