//! Fuzzing with libFuzzer: the targets of `fuzz`, each for a while, from the seeds and from what earlier runs found.

use std::fs;

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::shell::{cargo, exists_subcommand, root, shell, without_toolchain};

/// The version of cargo-fuzz that is known to work.
const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// The time that one input may take, in seconds.
const INPUT_TIMEOUT_SECS: u32 = 20;

/// Fuzzes targets, all if none is named. Needs a nightly toolchain for the instrumentation.
///
/// # Errors
///
/// If an input breaks a property. It is in `fuzz/artifacts` then, and belongs into `fuzz/regressions`.
pub fn run(targets: &[String], seconds: u32) -> Result<()> {
    let sh = shell()?;
    if !exists_subcommand(&sh, "fuzz") {
        cargo(&sh).args(["install", "cargo-fuzz", "--version", CARGO_FUZZ_VERSION, "--locked"]).run()?;
    }
    let corpus = root().join("fuzz/corpus");
    cargo(&sh)
        .args(["run", "--profile", "xtask", "--package", "pullgate-properties", "--example", "seeds", "--"])
        .arg(&corpus)
        .run()?;
    let known = names()?;
    if let Some(unknown) = targets.iter().find(|target| !known.contains(target)) {
        bail!("there is no target `{unknown}`: write one of {}", known.join(", "));
    }
    let chosen = if targets.is_empty() { &known } else { targets };
    for target in chosen {
        let regressions = root().join("fuzz/regressions").join(target);
        let time = format!("-max_total_time={seconds}");
        let timeout = format!("-timeout={INPUT_TIMEOUT_SECS}");
        let folder = corpus.join(target);
        let mut run = without_toolchain(cmd!(sh, "cargo +nightly fuzz run {target} {folder}"));
        if regressions.exists() {
            run = run.arg(regressions);
        }
        run.args(["--", &time, &timeout, "-max_len=8192", "-rss_limit_mb=4096", "-print_final_stats=1"]).run()?;
    }
    Ok(())
}

/// Returns the names of the targets, which are the files of `fuzz/fuzz_targets`.
fn names() -> Result<Vec<String>> {
    let files = fs::read_dir(root().join("fuzz/fuzz_targets")).context("cannot read fuzz/fuzz_targets")?;
    let mut names = Vec::new();
    for file in files {
        let path = file?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
