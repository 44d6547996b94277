//! `cargo xtask codegen`: documentation and types of the finding codes, from their table, the digest of the Unicode data,
//! and the pages of `docs/reference`, from the program, its description of the API and the module's interface.

use anyhow::Result;

use crate::shell::{cargo, shell};
use crate::test::program_packages;

/// Writes the files. The tests that check them also make them, so that this program needs none of the rules.
///
/// # Errors
///
/// If the rules or the program do not compile, or a file cannot be written.
pub fn run() -> Result<()> {
    let sh = shell()?;
    let write = |arguments: &[&str]| {
        cargo(&sh).args(["test", "--quiet"]).args(arguments).env("PULLGATE_CODEGEN", "write").run()
    };
    write(&["--package", "pullgate", "--test", "generated_files"])?;
    // The program embeds the module.
    crate::module::build_default()?;
    write(&[&program_packages()[..], &["--test", "reference"]].concat())?;
    Ok(())
}
