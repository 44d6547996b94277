//! `wasm-opt`, from the npm package `binaryen`.

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

/// What the module may use, and what the optimiser may bring in: what the compiler uses too, and no reference types.
const FEATURES: [&str; 5] = [
    "--mvp-features",
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
];
