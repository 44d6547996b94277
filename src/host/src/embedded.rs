//! The component that is built into this crate, as machine code.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::ModuleError;

/// The SHA-256 of the core module, in lower-case hexadecimal.
pub(crate) const MODULE_SHA256: &str = env!("PULLGATE_MODULE_SHA256");

/// The SHA-256 of the component, in lower-case hexadecimal.
pub(crate) const COMPONENT_SHA256: &str = env!("PULLGATE_COMPONENT_SHA256");

/// The component, compiled by the build script for a baseline processor of this architecture.
static MACHINE_CODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pullgate.cwasm"));

/// Loads the component, without compiling.
#[expect(unsafe_code, reason = "wasmtime trusts machine code, and this is part of this very program")]
pub(crate) fn component(engine: &Engine) -> Result<Component, ModuleError> {
    // SAFETY: this crate's build script compiled these bytes, and they come from nowhere else.
    unsafe { Component::deserialize(engine, MACHINE_CODE) }
        .map_err(|error| ModuleError::Processor(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use wasmtime::Config;

    use super::*;

    #[test]
    fn fitting_machine_code_loads() {
        assert!(component(&Engine::new(&crate::engine::config()).unwrap()).is_ok());
    }

    #[test]
    fn unfitting_machine_code_is_refused_in_one_sentence() {
        // An engine without epochs stands in for a processor without some instruction: wasmtime checks both alike.
        let text = component(&Engine::new(&Config::new()).unwrap()).map(|_| ()).unwrap_err().to_string();
        assert!(text.starts_with("the module in this program was compiled for another processor: "), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}
