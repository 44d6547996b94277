//! The program `pullgate`.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell::{cargo, shell, target};

/// Returns the path of the program.
pub fn path() -> PathBuf {
    target().join("release/pullgate")
}

/// Builds the program, by itself: together with the tests it would be compiled with their features of its dependencies.
pub fn build() -> Result<()> {
    cargo(&shell()?).args(["build", "--release", "--package", "pullgate-cli"]).run()?;
    Ok(())
}
