//! `wasm-opt`, from the npm package `binaryen`, and `terser`.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::command::{program, run};
use crate::npm;

/// A module that does the same, smaller and faster; `base` is where its files go, without their endings.
///
/// One pass is left out: `memory-packing` cuts the tables of data at every run of zeros, and gzip then finds less.
pub fn optimise(module: &[u8], base: &Path) -> Result<Vec<u8>> {
    npm::install()?;
    let (before, after) = (base.with_extension("before.wasm"), base.with_extension("wasm"));
    fs::write(&before, module)?;
    run(program("node")
        .arg("node_modules/binaryen/bin/wasm-opt")
        .args(["-O3", "--skip-pass=memory-packing"])
        .args(FEATURES)
        .arg(&before)
        .arg("--output")
        .arg(&after))?;
    Ok(fs::read(after)?)
}

/// An ES module that does the same, without comments and with short names inside; `base` is where its files go, without
/// their endings.
pub fn minify(script: &str, base: &Path) -> Result<String> {
    npm::install()?;
    let (before, after) = (base.with_extension("before.js"), base.with_extension("js"));
    fs::write(&before, script)?;
    run(program("node")
        .arg("node_modules/terser/bin/terser")
        .args(["--module", "--compress", "--mangle", "--output"])
        .arg(&after)
        .arg("--")
        .arg(&before))?;
    Ok(fs::read_to_string(after)?)
}

/// What the module may use, and what the optimiser may bring in: what the compiler uses too, and no reference types.
const FEATURES: [&str; 5] = [
    "--mvp-features",
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
];
