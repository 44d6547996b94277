//! The component that is built into this crate.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::ModuleError;

/// The SHA-256 of the core module, in lower-case hexadecimal.
pub(crate) const MODULE_SHA256: &str = env!("PULLGATE_MODULE_SHA256");

/// The SHA-256 of the component, in lower-case hexadecimal.
pub(crate) const COMPONENT_SHA256: &str = env!("PULLGATE_COMPONENT_SHA256");

static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pullgate.component.wasm"));
static PRECOMPILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pullgate.cwasm"));

/// The component, compiled: as it was compiled when this crate was built, or compiled now where that does not fit this
/// machine's processor.
pub(crate) fn component(engine: &Engine) -> Result<Component, ModuleError> {
    precompiled(engine).or_else(|_| compile(engine, COMPONENT))
}

#[expect(unsafe_code, reason = "wasmtime trusts precompiled bytes, and these are part of this very program")]
fn precompiled(engine: &Engine) -> wasmtime::Result<Component> {
    // SAFETY: the bytes come from `cargo xtask module`, by way of this crate's build, and from nowhere else.
    unsafe { Component::deserialize(engine, PRECOMPILED) }
}

/// Compiles a component, for this machine.
pub(crate) fn compile(engine: &Engine, component: &[u8]) -> Result<Component, ModuleError> {
    Component::from_binary(engine, component).map_err(|error| ModuleError::InvalidComponent(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_precompiled_component_is_used() {
        let engine = crate::engine::engine().unwrap();
        assert!(precompiled(&engine).is_ok());
    }

    #[test]
    fn incompatible_precompiled_component_is_compiled_again() {
        // Made without epochs, as another machine's would be made without some instruction.
        let other = Engine::default();
        assert!(precompiled(&other).is_err());
        assert!(component(&other).is_ok());
    }
}
