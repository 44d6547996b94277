//! The page, built by Vite into `www/dist`, for the daemon to embed, or into another folder, for a static host.

use std::fs;
use std::path::{self, Path};

use anyhow::Result;
use xshell::cmd;

use crate::build_stamp::{inputs, write};
use crate::shell::{root, shell};
use crate::steps::{self, Step};
use crate::{module, npm};

/// Files and folders that decide the bytes of the page.
const INPUTS: &[&str] = &[
    "package-lock.json",
    "pkg/browser.js",
    "pkg/build.mjs",
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

const STEPS: &[Step] = &[("module", module::build_default), ("page", build)];

/// Builds the module and the page.
pub fn build_all() -> Result<()> {
    npm::prefetch();
    steps::take(STEPS)
}

/// Builds the module, and the page for a static host, into `folder`. It asks no daemon.
pub fn build_static(folder: &Path) -> Result<()> {
    module::build_default()?;
    install()?;
    let (sh, folder) = (shell()?, path::absolute(folder)?);
    cmd!(sh, "npm run build:static --silent --prefix www -- --outDir {folder}").run()?;
    Ok(())
}

/// Installs the packages that the page is built with: its own, and those of the npm package that it uses.
fn install() -> Result<()> {
    npm::install(".")?;
    npm::install("www")
}

/// Builds the page, unless its inputs are unchanged. The module must be there.
pub fn build() -> Result<()> {
    let stamp = root().join("www/node_modules/.built-from");
    let from = inputs(INPUTS)?;
    let built = fs::read_to_string(&stamp).is_ok_and(|built| built == from);
    if built && root().join("www/dist/index.html").exists() {
        println!("nothing changed since the page was built");
        return Ok(());
    }
    install()?;
    let sh = shell()?;
    cmd!(sh, "npm run build --silent --prefix www").run()?;
    write(&stamp, from.as_bytes())
}
