//! The Debian package: the program with the page in it, its manual pages, settings and systemd units.

use std::fs;

use anyhow::{Context, Result};
use xshell::cmd;

use crate::binary;
use crate::shell::{cargo, shell, target};
use crate::steps::{self, Step};
use crate::{module, web};

/// The version of cargo-deb that is known to work.
const CARGO_DEB_VERSION: &str = "3.8.0";

const STEPS: &[Step] =
    &[("module", module::build_default), ("page", web::build), ("program", binary::build), ("package", package)];

/// Builds the package into `target/debian`, and before it all that is missing.
pub fn build() -> Result<()> {
    steps::take(STEPS)
}

fn package() -> Result<()> {
    let man = target().join("man");
    fs::create_dir_all(&man).with_context(|| format!("cannot make {}", man.display()))?;
    let (sh, program) = (shell()?, binary::path());
    cmd!(sh, "{program} man {man}").run()?;
    if cargo(&sh).args(["deb", "--version"]).quiet().ignore_stdout().ignore_stderr().run().is_err() {
        cargo(&sh).args(["install", "cargo-deb", "--version", CARGO_DEB_VERSION, "--locked"]).run()?;
    }
    cargo(&sh).args(["deb", "--package", "pullgate-cli", "--no-build"]).run()?;
    Ok(())
}
