//! Finds the component that is built into this crate, and computes its digests.

#[path = "src/core_module.rs"]
mod core_module;

use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/core_module.rs");
    let folder = |name: &str| PathBuf::from(env::var_os(name).unwrap_or_default());
    let dist = folder("CARGO_MANIFEST_DIR").join("../../pkg/dist");
    if let Err(complaint) = embed(&dist, &folder("OUT_DIR")) {
        println!("cargo::error={complaint}: run `cargo xtask module` first");
    }
}

/// Checks that all was made of one module, and copies what is built in, so that it stays what was checked here.
fn embed(dist: &Path, out: &Path) -> Result<(), String> {
    let module = read(dist, "pullgate_bg.wasm")?;
    let component = read(dist, "pullgate.component.wasm")?;
    let precompiled = read(dist, "pullgate.cwasm")?;
    let record = read(dist, "pullgate.cwasm.sha256")?;
    if core_module::core_module(&component) != Some(&module) {
        return Err("`pkg/dist/pullgate.component.wasm` was not made of the module beside it".to_owned());
    }
    // The record has the digest of what was compiled and of what came of it.
    let record = String::from_utf8_lossy(&record);
    if ![&component, &precompiled].into_iter().all(|bytes| record.contains(&digest(bytes))) {
        return Err("`pkg/dist/pullgate.cwasm` was not made of the component beside it".to_owned());
    }
    println!("cargo::rustc-env=PULLGATE_MODULE_SHA256={}", digest(&module));
    println!("cargo::rustc-env=PULLGATE_COMPONENT_SHA256={}", digest(&component));
    for (name, bytes) in [("pullgate.component.wasm", component), ("pullgate.cwasm", precompiled)] {
        fs::write(out.join(name), bytes).map_err(|error| format!("`{name}` cannot be copied ({error})"))?;
    }
    Ok(())
}

fn read(dist: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = dist.join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read(&path).map_err(|_| format!("`pkg/dist/{name}` is missing"))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
