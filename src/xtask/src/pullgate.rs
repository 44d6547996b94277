//! The program `pullgate`.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::{cargo, root, run};
use crate::record::{Record, inputs};

/// What decides what the program is.
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

/// Where it is.
pub fn path() -> PathBuf {
    root().join("target/release/pullgate")
}

/// Builds it, unless it is as it should be. By itself it is compiled with fewer features of what it stands on than together
/// with the tests, and cargo would compile all of that again.
pub fn build() -> Result<()> {
    if record().made_by(&inputs(INPUTS)?).is_some() {
        println!("nothing changed since the program was built");
        return Ok(());
    }
    run(cargo().args(["build", "--release", "--package", "pullgate-cli"]))?;
    built()
}

/// Remembers that it was built, by whatever built it.
pub fn built() -> Result<()> {
    record().write(&inputs(INPUTS)?, "cargo")
}

fn record() -> Record {
    Record::new(&root().join("target/release"), "pullgate.sha256", &["pullgate"])
}
