//! `wasm-opt`, from the npm package `binaryen`, and `terser`.

use std::fs;
use std::path::Path;

use anyhow::Result;
use xshell::cmd;

use crate::npm;
use crate::shell::shell;

/// Features that the module may use and the optimiser may bring in: those of the compiler, and no reference types.
const FEATURES: [&str; 5] = [
    "--mvp-features",
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
];

/// Optimises a module for speed and size; `base` is the path of its files, without their endings.
///
/// One pass is left out: `memory-packing` cuts the tables of data at every run of zeros, and gzip then finds less.
pub fn optimize(module: &[u8], base: &Path) -> Result<Vec<u8>> {
    run(module, base, None)
}

/// Like [`optimize`], and keeps the names of functions. The code is the same.
pub fn optimize_with_names(module: &[u8], base: &Path) -> Result<Vec<u8>> {
    run(module, base, Some("--debuginfo"))
}

fn run(module: &[u8], base: &Path, option: Option<&str>) -> Result<Vec<u8>> {
    npm::install(".")?;
    let (before, after) = (base.with_extension("before.wasm"), base.with_extension("wasm"));
    fs::write(&before, module)?;
    let sh = shell()?;
    let wasm_opt = cmd!(sh, "node node_modules/binaryen/bin/wasm-opt -O3 --skip-pass=memory-packing {option...}");
    wasm_opt.args(FEATURES).arg(&before).arg("--output").arg(&after).run()?;
    Ok(fs::read(after)?)
}

/// Minifies an ES module; `base` is the path of its files, without their endings.
pub fn minify(script: &str, base: &Path) -> Result<String> {
    npm::install(".")?;
    let (before, after) = (base.with_extension("before.js"), base.with_extension("js"));
    fs::write(&before, script)?;
    let sh = shell()?;
    let terser = cmd!(sh, "node node_modules/terser/bin/terser --module --compress --mangle");
    terser.arg("--output").arg(&after).arg("--").arg(&before).run()?;
    Ok(fs::read_to_string(after)?)
}
