//! The unit tests of the rules under Miri, which finds undefined behaviour: the rules have no unsafe code, and the crates
//! that they use have some.

use anyhow::Result;
use xshell::cmd;

use crate::shell::{shell, without_toolchain};

/// Runs the unit tests whose names have one of these texts in them, all if there is none. Needs a nightly toolchain with
/// the component `miri`.
///
/// # Errors
///
/// If a test fails, or does what no program may.
pub fn run(filters: &[String]) -> Result<()> {
    let sh = shell()?;
    // Tests read the vectors from their files.
    let command = cmd!(sh, "cargo +nightly miri test --package pullgate --lib -- {filters...}");
    without_toolchain(command).env("MIRIFLAGS", "-Zmiri-disable-isolation").run()?;
    Ok(())
}
