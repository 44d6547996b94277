//! `cargo xtask test`: everything that can be built, checked and tested, in order.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, exists, output, program, root, run};
use crate::{debian, generate, module};

/// A step: what it is called, and what it does.
type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("programs", programs),
    ("module", || module::build(None, false)),
    ("generated files", || generate::generate(true)),
    ("formatting", || run(cargo().args(["fmt", "--all", "--check"]))),
    ("lints", lints),
    ("documentation", documentation),
    ("tests in Node", node),
    ("docker-registry", registry),
    ("tests", || run(cargo().args(["test", "--workspace", "--release"]))),
];

/// Takes every step, in order, up to the first that fails.
pub fn test() -> Result<()> {
    for (index, (name, step)) in STEPS.iter().enumerate() {
        let start = Instant::now();
        println!("== {} of {}: {name}", index + 1, STEPS.len());
        step().with_context(|| format!("the step `{name}` failed"))?;
        println!("== {name}: passed in {:.1} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// What the tests run, so that what is missing is said before anything is built.
fn programs() -> Result<()> {
    const NEEDED: [(&str, &[&str], &str); 3] = [
        ("node", &["--version"], "install Node.js 20 or later"),
        ("openssl", &["version"], "install OpenSSL 3"),
        ("python3", &["-m", "pip", "--version"], "install Python 3.9 or later, with pip"),
    ];
    for (name, arguments, advice) in NEEDED {
        if output(program(name).args(arguments)).is_err() {
            bail!("`{name} {}` does not work: {advice}", arguments.join(" "));
        }
    }
    Ok(())
}

fn lints() -> Result<()> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--release", "--", "--deny", "warnings"]))
}

fn documentation() -> Result<()> {
    let mut command = cargo();
    command.args(["doc", "--workspace", "--no-deps", "--release"]);
    run(command.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// Sees to the registry that the host's tests connect to.
fn registry() -> Result<()> {
    if exists("docker-registry") {
        return Ok(());
    }
    debian::install(&["docker-registry"]).context("`docker-registry` is missing: install the registry of that name")
}

fn node() -> Result<()> {
    let mut files: Vec<PathBuf> = root()
        .join("tests/node")
        .read_dir()?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    run(program("node").arg("--test").args(files))
}
