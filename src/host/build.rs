//! Embeds the component: checks it, compiles it to machine code, and computes its digests.

#[path = "src/core_module.rs"]
mod core_module;
#[path = "src/engine.rs"]
mod engine;

use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

fn main() {
    for source in ["build.rs", "src/engine.rs", "src/core_module.rs"] {
        println!("cargo::rerun-if-changed={source}");
    }
    let folder = |name: &str| PathBuf::from(env::var_os(name).unwrap_or_default());
    let dist = folder("CARGO_MANIFEST_DIR").join("dist");
    if let Err(error) = embed(&dist, &folder("OUT_DIR")) {
        println!("cargo::error={error}");
    }
}

/// Checks that the component contains the npm package's module, and writes its machine code.
fn embed(dist: &Path, out: &Path) -> Result<(), String> {
    let module = read(dist, "pullgate_bg.wasm")?;
    let component = read(dist, "pullgate.component.wasm")?;
    if core_module::core_module(&component) != Some(&module) {
        return Err("`pkg/dist/pullgate.component.wasm` was not made of the module beside it: \
                    run `cargo xtask module` first"
            .to_owned());
    }
    println!("cargo::rustc-env=PULLGATE_MODULE_SHA256={}", digest(&module));
    println!("cargo::rustc-env=PULLGATE_COMPONENT_SHA256={}", digest(&component));
    let machine_code = compile(&component)?;
    fs::write(out.join("pullgate.cwasm"), machine_code)
        .map_err(|error| format!("`pullgate.cwasm` cannot be written ({error})"))
}

/// Compiles for a baseline processor of the target's architecture: with an explicit target, wasmtime does not detect
/// instruction set extensions of the build machine.
fn compile(component: &[u8]) -> Result<Vec<u8>, String> {
    let target = env::var("TARGET").map_err(|error| error.to_string())?;
    let compile = || {
        let mut config = engine::config();
        config.target(&target)?;
        Engine::new(&config)?.precompile_component(component)
    };
    compile().map_err(|error: wasmtime::Error| format!("the module cannot be compiled for `{target}`: {error:#}"))
}

fn read(dist: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = dist.join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    let remedy = "run `cargo xtask module` first, or `cargo xtask web` for the program";
    fs::read(&path).map_err(|_| format!("`pkg/dist/{name}` is missing: {remedy}"))
}

fn digest(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}
