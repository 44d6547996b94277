//! The Debian package: the program with the page in it, its manual pages, settings and systemd units.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use xshell::cmd;

use crate::binary;
use crate::shell::{cargo, shell, target};
use crate::steps::{self, Step};
use crate::{module, web};

/// The version of cargo-deb that is known to work.
const CARGO_DEB_VERSION: &str = "3.8.0";

const STEPS: &[Step] = &[
    ("module", module::build_default),
    ("page", web::build),
    ("program", binary::build),
    ("package", || package(None).map(drop)),
];

/// Builds the package into `target/debian`, and before it all that is missing.
pub fn build() -> Result<()> {
    steps::take(STEPS)
}

/// Packs what is built, with `seconds` since 1970 for the time of its files. Returns the path of the package.
pub fn package(seconds: Option<u64>) -> Result<PathBuf> {
    let man = target().join("man");
    fs::create_dir_all(&man).with_context(|| format!("cannot make {}", man.display()))?;
    let (sh, program) = (shell()?, binary::path());
    cmd!(sh, "{program} man {man}").run()?;
    if cargo(&sh).args(["deb", "--version"]).quiet().ignore_stdout().ignore_stderr().run().is_err() {
        cargo(&sh).args(["install", "cargo-deb", "--version", CARGO_DEB_VERSION, "--locked"]).run()?;
    }
    let mut command = cargo(&sh).args(["deb", "--package", "pullgate-cli", "--no-build"]);
    if let Some(seconds) = seconds {
        command = command.env("SOURCE_DATE_EPOCH", seconds.to_string());
    }
    // Its output is the path.
    let output = command.read()?;
    let path = output.lines().last().context("`cargo deb` names no package")?;
    println!("{path}");
    Ok(path.into())
}
