//! `cargo xtask codegen`: documentation and types of the finding codes, from their table.

use anyhow::Result;

use crate::shell::{cargo, shell};

/// Writes the files. The test that checks them also makes them, so that this program needs none of the rules.
///
/// # Errors
///
/// If the rules do not compile, or a file cannot be written.
pub fn run() -> Result<()> {
    let sh = shell()?;
    let test = cargo(&sh).args(["test", "--quiet", "--package", "pullgate", "--test", "generated_files"]);
    test.env("PULLGATE_CODEGEN", "write").run()?;
    Ok(())
}
