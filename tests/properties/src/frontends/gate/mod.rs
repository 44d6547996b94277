//! The gate, up to the registry of a request and the name in a ClientHello.

#[path = "../../../../../src/daemon/src/frontends/gate/authority.rs"]
pub mod authority;
#[path = "../../../../../src/daemon/src/frontends/gate/client_hello.rs"]
pub mod client_hello;
pub mod pull;
