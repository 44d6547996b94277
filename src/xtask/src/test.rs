//! `cargo xtask test`: everything that can be built, checked and tested, in order.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::command::{cargo, output, program, root, run, run_within};
use crate::{apt, binary, codegen, module, node, web};

/// A step: what it is called, and what it does.
type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("programs", programs),
    ("module", || module::build(None, false)),
    ("page", web::build),
    ("generated files", || codegen::generate(true)),
    ("formatting", || run(cargo().args(["fmt", "--all", "--check"]))),
    ("lints", lints),
    ("documentation", documentation),
    ("tests in Node", in_node),
    ("tests", tests),
    ("tests with the compiler", compiler_tests),
    ("manifests for Kubernetes", || run(program("python3").arg("tests/kubernetes/check.py"))),
    ("npm package", npm_package),
    ("page in Chromium", browser),
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

/// A program that the tests run: how to see that it works, Debian's package, and what to install elsewhere.
type Needed = (&'static str, &'static [&'static str], &'static str, &'static str);

const NEEDED: &[Needed] = &[
    ("openssl", &["version"], "openssl", "OpenSSL 3"),
    ("python3", &["-m", "pip", "--version"], "python3-pip", "Python 3.10 or later, with pip"),
    ("chromium", &["--version"], "chromium", "Chromium"),
    ("docker-registry", &["--version"], "docker-registry", "the registry of that name"),
    ("dockerd", &["--version"], "docker.io", "Docker Engine"),
    ("nginx", &["-v"], "nginx-light", "nginx"),
    ("htpasswd", &["-nbB", "user", "password"], "apache2-utils", "htpasswd"),
    ("dnsmasq", &["--version"], "dnsmasq-base", "dnsmasq"),
    ("skopeo", &["--version"], "skopeo", "skopeo"),
    ("systemd-analyze", &["--version"], "systemd", "systemd"),
];

/// Sees to the programs that the tests run, before anything is built: what is missing comes from Debian's packages.
fn programs() -> Result<()> {
    node::check()?;
    for (name, arguments, package, otherwise) in NEEDED {
        if output(program(name).args(*arguments)).is_err() {
            let why = || format!("`{name} {}` does not work: install {otherwise}", arguments.join(" "));
            apt::install(&[*package]).with_context(why)?;
        }
    }
    Ok(())
}

/// The feature that no shipped program has.
const COMPILER_FEATURE: &str = "pullgate-host/compiler";

fn lints() -> Result<()> {
    run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--release",
        "--features",
        COMPILER_FEATURE,
        "--",
        "--deny",
        "warnings",
    ]))
}

fn documentation() -> Result<()> {
    let mut command = cargo();
    command.args(["doc", "--workspace", "--no-deps", "--release"]);
    run(command.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// All tests of Rust. Those of the command line have built the program.
fn tests() -> Result<()> {
    let tests = || {
        let mut command = cargo();
        command.args(["test", "--workspace", "--release"]);
        command
    };
    run(&mut tests())?;
    binary::built()?;
    // Of what is ignored this one has something to read now.
    if std::env::var_os("PULLGATE_PEER_VECTORS").is_some_and(|folder| !folder.is_empty()) {
        run(tests().args(["--test", "peers", "--", "--ignored"]))?;
    }
    Ok(())
}

/// Runs the tests of components that are compiled at run time.
fn compiler_tests() -> Result<()> {
    let arguments = ["test", "--workspace", "--release", "--features", COMPILER_FEATURE];
    run(cargo().args(arguments).args(["--test", "compiler", "--test", "failures"]))
}

fn in_node() -> Result<()> {
    let mut files: Vec<PathBuf> = root()
        .join("tests/node")
        .read_dir()?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    run(program("node").arg("--test").args(files))
}

/// The package as its users have it. What it takes from npm the first time is half a gigabyte, and not in the limit.
fn npm_package() -> Result<()> {
    const LIMIT: Duration = Duration::from_secs(180);
    run(program("node").args(["tests/npm/run.mjs", "--install"]))?;
    run_within(LIMIT, program("node").arg("tests/npm/run.mjs"))
}

/// The page as its users have it, and the program beside it.
fn browser() -> Result<()> {
    const LIMIT: Duration = Duration::from_secs(600);
    binary::build()?;
    run_within(LIMIT, program("node").args(["tests/browser/run.mjs", "--built"]))
}
