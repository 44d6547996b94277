//! Mutation tests: cargo-mutants changes one thing in the rules, and a test beside the code or a vector must fail.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::shell::{cargo, exists_subcommand, shell};

/// The version of cargo-mutants that is known to work.
const CARGO_MUTANTS_VERSION: &str = "27.1.0";

/// The number of samples that all mutants make.
const SAMPLES: u64 = 400;

const SECONDS_PER_DAY: u64 = 86_400;

/// Tests the mutants of the files that `.cargo/mutants.toml` names, or those that a pattern matches by path, place and
/// name; or a sample, another one each day.
///
/// # Errors
///
/// If a mutant survives that `.cargo/mutants.toml` does not except.
pub fn run(sample: bool, patterns: &[String]) -> Result<()> {
    let sh = shell()?;
    if !exists_subcommand(&sh, "mutants") {
        cargo(&sh).args(["install", "cargo-mutants", "--version", CARGO_MUTANTS_VERSION, "--locked"]).run()?;
    }
    let mut command = cargo(&sh).args(["mutants", "--no-shuffle", "--output", "target"]);
    for pattern in patterns {
        command = command.args(["--re", pattern]);
    }
    if sample {
        let day = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / SECONDS_PER_DAY;
        command = command.args(["--shard", &format!("{}/{SAMPLES}", day % SAMPLES)]);
    }
    command.run()?;
    Ok(())
}
