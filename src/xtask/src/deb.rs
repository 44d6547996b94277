//! The Debian package: the program with the page in it, its manual pages, settings and systemd units.

use std::fs;

use anyhow::{Context, Result};

use crate::command::{cargo, output, program, root, run};
use crate::{binary, module, web};

/// The version of cargo-deb that is known to work.
const CARGO_DEB: &str = "3.8.0";

/// Builds what is missing, and the package into `target/debian`.
pub fn build() -> Result<()> {
    module::build(None, false)?;
    web::build()?;
    binary::build()?;
    let man = root().join("target/man");
    fs::create_dir_all(&man).with_context(|| format!("cannot make {}", man.display()))?;
    run(program(binary::path()).arg("man").arg(&man))?;
    if output(cargo().args(["deb", "--version"])).is_err() {
        run(cargo().args(["install", "cargo-deb", "--version", CARGO_DEB, "--locked"]))?;
    }
    run(cargo().args(["deb", "--package", "pullgate-cli", "--no-build"]))
}
