//! The page, built by Vite into `www/dist`, from where the daemon takes it.

use std::fs;

use anyhow::Result;

use crate::build_stamp::{inputs, write};
use crate::command::{program, root, run};
use crate::node;

/// What decides how the page is.
const INPUTS: &[&str] = &[
    "pkg/browser.js",
    "pkg/dist/pullgate.js",
    "pkg/dist/pullgate_bg.wasm",
    "pkg/lib",
    "pkg/package.json",
    "pkg/schema",
    "www/index.html",
    "www/package-lock.json",
    "www/package.json",
    "www/public",
    "www/src",
    "www/tsconfig.json",
    "www/vite.config.ts",
];

/// Builds the page, unless it is as it should be. The module must be there.
pub fn build() -> Result<()> {
    let stamp = root().join("www/node_modules/.built-from");
    let from = inputs(INPUTS)?;
    let built = fs::read_to_string(&stamp).is_ok_and(|built| built == from);
    if built && root().join("www/dist/index.html").exists() {
        println!("nothing changed since the page was built");
        return Ok(());
    }
    node::check()?;
    run(program("node").args(["tests/browser/run.mjs", "--install"]))?;
    run(program("npm").args(["run", "build", "--silent", "--prefix", "www"]))?;
    write(&stamp, from.as_bytes())
}
