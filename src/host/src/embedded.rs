//! The component that is built into this crate.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::ModuleError;

/// The SHA-256 of the core module, in lower-case hexadecimal.
pub(crate) const MODULE_SHA256: &str = env!("PULLGATE_MODULE_SHA256");

/// The SHA-256 of the component, in lower-case hexadecimal.
pub(crate) const COMPONENT_SHA256: &str = env!("PULLGATE_COMPONENT_SHA256");

static COMPONENT: &[u8] = include_bytes!(env!("PULLGATE_COMPONENT"));
static PRECOMPILED: &[u8] = include_bytes!(env!("PULLGATE_PRECOMPILED"));

/// The component, compiled: as it was compiled when this crate was built, or compiled now where that does not fit this
/// machine's processor.
pub(crate) fn component(engine: &Engine) -> Result<Component, ModuleError> {
    #[expect(unsafe_code, reason = "wasmtime trusts precompiled bytes, and these are part of this very program")]
    // SAFETY: the bytes come from `cargo xtask module`, by way of this crate's build, and from nowhere else.
    let precompiled = unsafe { Component::deserialize(engine, PRECOMPILED) };
    precompiled.or_else(|_| compile(engine, COMPONENT))
}

/// Compiles a component, for this machine.
pub(crate) fn compile(engine: &Engine, component: &[u8]) -> Result<Component, ModuleError> {
    Component::from_binary(engine, component).map_err(|error| ModuleError::Unfit(format!("{error:#}")))
}
