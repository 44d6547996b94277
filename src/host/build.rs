//! Finds the component that is built into this crate, and computes its digests.

#[path = "src/sections.rs"]
mod sections;

use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/sections.rs");
    let dist = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../pkg/dist");
    if let Err(complaint) = embed(&dist) {
        println!("cargo::error={complaint}: run `cargo xtask module` first");
    }
}

fn embed(dist: &Path) -> Result<(), String> {
    let (module, _) = read(dist, "pullgate_bg.wasm")?;
    let (component, component_path) = read(dist, "pullgate.component.wasm")?;
    let (_, precompiled_path) = read(dist, "pullgate.cwasm")?;
    if sections::core_module(&component) != Some(&module) {
        return Err("the component in `pkg/dist` was not made of the module there".to_owned());
    }
    println!("cargo::rustc-env=PULLGATE_MODULE_SHA256={}", digest(&module));
    println!("cargo::rustc-env=PULLGATE_COMPONENT_SHA256={}", digest(&component));
    println!("cargo::rustc-env=PULLGATE_COMPONENT={}", component_path.display());
    println!("cargo::rustc-env=PULLGATE_PRECOMPILED={}", precompiled_path.display());
    Ok(())
}

fn read(dist: &Path, name: &str) -> Result<(Vec<u8>, PathBuf), String> {
    let path = dist.join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    let bytes = fs::read(&path).map_err(|_| format!("`pkg/dist/{name}` is missing"))?;
    Ok((bytes, fs::canonicalize(path).map_err(|error| error.to_string())?))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
