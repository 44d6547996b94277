//! Files of the module and the component, in `pkg/dist`.

use std::path::PathBuf;

use crate::shell::root;

/// The module for npm.
pub const MODULE: &str = "pullgate_bg.wasm";
/// The component for hosts.
pub const COMPONENT: &str = "pullgate.component.wasm";
/// The glue that JavaScript loads the module with.
pub const GLUE: &str = "pullgate.js";
/// The types of the glue.
pub const TYPES: &str = "pullgate.d.ts";

/// Returns the folder of these files.
pub fn folder() -> PathBuf {
    root().join("pkg/dist")
}
