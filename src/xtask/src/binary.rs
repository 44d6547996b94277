//! The program `pullgate`.

use std::path::PathBuf;

use anyhow::Result;

use crate::build_stamp::{BuildStamp, inputs};
use crate::shell::{cargo, shell, target};

/// Files and folders that decide the bytes of the program.
const INPUTS: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "docs/examples",
    "pkg/dist/pullgate.component.wasm",
    "src/cli/Cargo.toml",
    "src/cli/src",
    "src/daemon/Cargo.toml",
    "src/daemon/build.rs",
    "src/daemon/src",
    "src/host/Cargo.toml",
    "src/host/build.rs",
    "src/host/src",
    "src/policy/Cargo.toml",
    "src/policy/build.rs",
    "src/policy/src",
    "src/unicode",
    "wit",
    "www/dist",
];

/// Returns the path of the program.
pub fn path() -> PathBuf {
    target().join("release/pullgate")
}

/// Builds the program, unless its inputs are unchanged. By itself it is compiled with fewer features of its dependencies
/// than together with the tests, and cargo would compile all of them again.
pub fn build() -> Result<()> {
    if stamp().builder(&inputs(INPUTS)?).is_some() {
        println!("nothing changed since the program was built");
        return Ok(());
    }
    cargo(&shell()?).args(["build", "--release", "--package", "pullgate-cli"]).run()?;
    record_build()
}

/// Records that the program was built, by this task or another.
pub fn record_build() -> Result<()> {
    stamp().write(&inputs(INPUTS)?, "cargo")
}

fn stamp() -> BuildStamp {
    BuildStamp::new(&target().join("release"), "pullgate.sha256", &["pullgate"])
}
