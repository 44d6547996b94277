//! The module and the component as files, and the component as an OCI artifact by the layout of the CNCF's working
//! group for WebAssembly: a configuration of the component's interfaces, and one layer.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::json;
use wasmparser::{Parser, Payload};

use super::oci::{ImageLayout, MANIFEST_TYPE, annotations};
use super::{CommitTime, folder, version};
use crate::dist::{self, COMPONENT, MODULE};
use crate::wasm_sections::core_modules;

/// The media type of the artifact's configuration.
pub const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// The media type of its layer.
pub const LAYER_TYPE: &str = "application/wasm";

/// Returns the path of the core module in the release.
pub fn core_file() -> Result<PathBuf> {
    Ok(folder()?.join(format!("pullgate-{}.core.wasm", version()?)))
}

/// Returns the path of the component in the release.
pub fn component_file() -> Result<PathBuf> {
    Ok(folder()?.join(format!("pullgate-{}.component.wasm", version()?)))
}

/// Returns the path of the artifact in the release.
pub fn artifact_file() -> Result<PathBuf> {
    Ok(folder()?.join(format!("pullgate-{}-component.oci.tar", version()?)))
}

/// Writes the core module and the component.
pub fn write() -> Result<()> {
    let (module, component) = (fs::read(dist::folder().join(MODULE))?, fs::read(dist::folder().join(COMPONENT))?);
    ensure!(core_modules(&component)?.first() == Some(&module.as_slice()), "the component has another core module");
    fs::write(core_file()?, module)?;
    fs::write(component_file()?, component)?;
    Ok(())
}

/// Writes the artifact.
pub fn write_artifact() -> Result<()> {
    let component = fs::read(component_file()?)?;
    let mut layout = ImageLayout::default();
    let (imports, exports) = interfaces(&component)?;
    ensure!(imports.is_empty(), "the component imports {imports:?}");
    let layer = layout.add(LAYER_TYPE, component);
    let config = json!({
        "created": CommitTime::read()?.text,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer["digest"]],
        "component": { "imports": imports, "exports": exports },
    });
    let config = layout.add(CONFIG_TYPE, serde_json::to_vec(&config)?);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config,
        "layers": [layer],
        "annotations": annotations("The rules of registry access as a WebAssembly component")?,
    });
    fs::write(artifact_file()?, layout.archive(&manifest, &version()?, CommitTime::read()?.seconds)?)?;
    Ok(())
}

/// Returns the names of what a component itself imports and exports.
fn interfaces(component: &[u8]) -> Result<(Vec<String>, Vec<String>)> {
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}
