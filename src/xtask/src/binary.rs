//! The program `pullgate`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::Result;

use crate::dist::{self, COMPONENT};
use crate::shell::{cargo, shell, target};

/// Returns the path of the program.
pub fn path() -> PathBuf {
    target().join("release/pullgate")
}

/// Starts to compile the program's dependencies beside the module, unless there is a module already: the module alone
/// keeps one processor busy for most of its time. What needs the module fails, and is compiled in the step of the
/// program.
pub fn prefetch() {
    thread::spawn(|| -> Result<()> {
        if !dist::folder().join(COMPONENT).exists() {
            let sh = shell()?;
            let build = cargo(&sh).args(["build", "--release", "--package", "pullgate-cli", "--keep-going"]);
            Command::from(build).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        }
        Ok(())
    });
}

/// Builds the program, by itself: together with the tests it would be compiled with their features of its dependencies.
pub fn build() -> Result<()> {
    cargo(&shell()?).args(["build", "--release", "--package", "pullgate-cli"]).run()?;
    Ok(())
}
