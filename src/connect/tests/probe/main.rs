//! Probes of test servers and of real registries.

mod failures;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../pki/mod.rs"]
mod pki;
#[path = "../programs/mod.rs"]
mod programs;
mod proxies;
mod proxy_server;
mod recognition;
mod referrals;
mod servers;
mod support;
