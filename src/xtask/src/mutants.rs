//! Mutation tests: cargo-mutants changes one thing in the rules or in a frontend, and a test must fail.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::shell::{cargo, exists_subcommand, shell};

/// The version of cargo-mutants that is known to work.
const CARGO_MUTANTS_VERSION: &str = "27.1.0";

const SECONDS_PER_DAY: u64 = 86_400;

/// The mutants of a part of the code, and the tests that must catch them.
pub struct MutantSet {
    /// The configuration: the files, the tests, and the mutants that are excepted.
    config: &'static str,
    /// The number of samples that all mutants of the set make.
    samples: u64,
}

/// The mutants of the rules.
pub const RULES: MutantSet = MutantSet { config: ".cargo/mutants.toml", samples: 400 };

/// The mutants of the frontends for Docker and Kubernetes.
pub const FRONTENDS: MutantSet = MutantSet { config: ".cargo/mutants-frontends.toml", samples: 60 };

/// Tests the mutants of a set, or those that a pattern matches by path, place and name; or a sample, another one each
/// day.
///
/// # Errors
///
/// If a mutant survives that the configuration does not except.
pub fn run(set: &MutantSet, sample: bool, patterns: &[String]) -> Result<()> {
    let sh = shell()?;
    if !exists_subcommand(&sh, "mutants") {
        cargo(&sh).args(["install", "cargo-mutants", "--version", CARGO_MUTANTS_VERSION, "--locked"]).run()?;
    }
    let mut command = cargo(&sh).args(["mutants", "--config", set.config, "--no-shuffle", "--output", "target"]);
    for pattern in patterns {
        command = command.args(["--re", pattern]);
    }
    if sample {
        let day = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / SECONDS_PER_DAY;
        command = command.args(["--shard", &format!("{}/{}", day % set.samples, set.samples)]);
    }
    command.run()?;
    Ok(())
}
