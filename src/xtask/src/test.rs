//! `cargo xtask test`: everything that can be built, checked and tested, in order.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use xshell::cmd;

use crate::shell::{cargo, exists, root, run_within, shell};
use crate::steps::{self, NotRun, Step};
use crate::{api_server, apt, binary, dependencies, engines, helm, module, node, npm, release, supply_chain, web};

const STEPS: &[Step] = &[
    ("programs", install_tools),
    ("module", module::build_default),
    ("page", web::build),
    ("program", binary::build),
    ("formatting", formatting),
    ("dependencies", dependencies::check),
    ("crates in another workspace", release::crates::check),
    ("crates of others", crates_of_others),
    ("lints", lints),
    ("documentation", documentation),
    ("tests in Node", node_tests),
    ("tests", tests),
    ("tests with the compiler", compiler_tests),
    ("Docker Engine 28 and containerd 2.1", newer_engines),
    ("Helm chart", helm::check),
    ("manifests for Kubernetes", manifests),
    ("API server of Kubernetes", kubernetes_tests),
    ("npm package", npm_package),
    ("other hosts", other_hosts),
    ("page in Chromium", browser),
];

/// Takes all steps.
pub fn test() -> Result<()> {
    npm::prefetch();
    binary::prefetch();
    steps::take(STEPS)
}

/// A program that the tests run.
struct RequiredTool {
    /// A command that succeeds where the program works.
    probe: &'static str,
    /// Debian's package.
    package: &'static str,
    /// The remedy elsewhere.
    otherwise: &'static str,
}

const REQUIRED_TOOLS: &[RequiredTool] = &[
    RequiredTool { probe: "openssl version", package: "openssl", otherwise: "OpenSSL 3" },
    RequiredTool {
        probe: "python3 -m pip --version",
        package: "python3-pip",
        otherwise: "Python 3.10 or later, with pip",
    },
    RequiredTool { probe: "chromium --version", package: "chromium", otherwise: "Chromium" },
    RequiredTool {
        probe: "docker-registry --version",
        package: "docker-registry",
        otherwise: "the registry of that name",
    },
    RequiredTool { probe: "dockerd --version", package: "docker.io", otherwise: "Docker Engine" },
    RequiredTool { probe: "ip -Version", package: "iproute2", otherwise: "iproute2" },
    RequiredTool { probe: "nginx -v", package: "nginx-light", otherwise: "nginx" },
    RequiredTool { probe: "htpasswd -nbB user password", package: "apache2-utils", otherwise: "htpasswd" },
    RequiredTool { probe: "dnsmasq --version", package: "dnsmasq-base", otherwise: "dnsmasq" },
    RequiredTool { probe: "skopeo --version", package: "skopeo", otherwise: "skopeo" },
    RequiredTool { probe: "podman --version", package: "podman", otherwise: "Podman" },
    RequiredTool { probe: "buildah --version", package: "buildah", otherwise: "Buildah" },
    RequiredTool { probe: "systemd-analyze --version", package: "systemd", otherwise: "systemd" },
];

/// Installs the missing programs that the tests run, before anything is built.
fn install_tools() -> Result<()> {
    node::check()?;
    let sh = shell()?;
    for RequiredTool { probe, package, otherwise } in REQUIRED_TOOLS {
        let (program, arguments) = probe.split_once(' ').unwrap_or((probe, ""));
        let probing = sh.cmd(program).args(arguments.split_whitespace()).quiet().ignore_stdout().ignore_stderr();
        if probing.run().is_err() {
            let remedy = || format!("`{probe}` does not work: install {otherwise}");
            apt::install(&[package]).with_context(remedy)?;
        }
    }
    Ok(())
}

fn formatting() -> Result<()> {
    let sh = shell()?;
    cargo(&sh).args(["fmt", "--all", "--check"]).run()?;
    // A workspace of its own.
    cargo(&sh).args(["fmt", "--manifest-path", "benches/runner/Cargo.toml", "--check"]).run()?;
    Ok(())
}

/// Holds the crates of others against `deny.toml`, and writes the bills of materials.
fn crates_of_others() -> Result<()> {
    supply_chain::check()?;
    supply_chain::sbom::run()
}

/// The features that no shipped program has.
const COMPILER_FEATURE: &str = "pullgate-host/compiler,pullgate-benches/compiler";

/// Returns arguments for all that is compiled with the features of the program's dependencies, so that cargo need not
/// compile these dependencies again.
pub fn program_packages() -> [&'static str; 6] {
    ["--release", "--workspace", "--exclude", "xtask", "--exclude", "pullgate-module"]
}

/// Returns arguments for all else.
fn tool_packages() -> [&'static str; 6] {
    ["--profile", "xtask", "--package", "xtask", "--package", "pullgate-module"]
}

fn lints() -> Result<()> {
    let sh = shell()?;
    let clippy = || cargo(&sh).args(["clippy", "--all-targets"]);
    let deny = ["--", "--deny", "warnings"];
    clippy().args(program_packages()).args(["--features", COMPILER_FEATURE]).args(deny).run()?;
    clippy().args(tool_packages()).args(deny).run()?;
    Ok(())
}

fn documentation() -> Result<()> {
    let sh = shell()?;
    let doc = || cargo(&sh).args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings");
    doc().args(program_packages()).args(["--features", COMPILER_FEATURE]).run()?;
    doc().args(tool_packages()).run()?;
    Ok(())
}

/// Runs the tests of Rust.
fn tests() -> Result<()> {
    let sh = shell()?;
    let test = || cargo(&sh).arg("test");
    test().args(["--profile", "xtask", "--package", "xtask"]).run()?;
    test().args(program_packages()).run()?;
    // Of the ignored tests this one has something to read now.
    if std::env::var_os("PULLGATE_PEER_VECTORS").is_some_and(|folder| !folder.is_empty()) {
        test().args(program_packages()).args(["--test", "peers", "--", "--ignored"]).run()?;
    }
    Ok(())
}

/// Runs the tests of components that are compiled at run time, and counts their instructions.
fn compiler_tests() -> Result<()> {
    let sh = shell()?;
    let test = cargo(&sh).arg("test").args(program_packages()).args(["--features", COMPILER_FEATURE]);
    test.args(["--test", "compiler", "--test", "failures", "--test", "counts"]).run()?;
    Ok(())
}

/// Runs the tests under the newer Docker Engine and containerd.
fn newer_engines() -> Result<()> {
    engines::fetch()?;
    ignored_tests("docker", "")?;
    ignored_tests("engines", "")?;
    ignored_tests("tutorials", "newer")
}

/// Runs the tests under a real API server. `kubectl` is there from the check of the manifests.
fn kubernetes_tests() -> Result<()> {
    api_server::rebuild()?;
    ignored_tests("api_server", "")?;
    ignored_tests("tutorials", "kubernetes")
}

/// Runs the tests of a file that are ignored where a program is missing that only `cargo xtask` brings, those with
/// `name` in their names.
fn ignored_tests(test: &str, name: &str) -> Result<()> {
    let sh = shell()?;
    // All packages, so that none is compiled again with other features.
    let command = cargo(&sh).arg("test").args(program_packages());
    command.args(["--test", test, "--", "--ignored", "--nocapture", name]).run()?;
    Ok(())
}

/// Checks the manifests, and the chart as it is rendered against them.
fn manifests() -> Result<()> {
    let sh = shell()?;
    cmd!(sh, "python3 tests/kubernetes/check.py").run()?;
    Ok(())
}

fn node_tests() -> Result<()> {
    let mut files: Vec<PathBuf> = root()
        .join("tests/node")
        .read_dir()?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    let sh = shell()?;
    cmd!(sh, "node --test {files...}").run()?;
    Ok(())
}

/// Tests the package as installed from npm. The first installation of its tools takes a gigabyte, and is not in the
/// time limit.
fn npm_package() -> Result<()> {
    const TIMEOUT: Duration = Duration::from_secs(480);
    let sh = shell()?;
    cmd!(sh, "node tests/npm/run.mjs --install").run()?;
    run_within(TIMEOUT, cmd!(sh, "node tests/npm/run.mjs"))
}

/// Tests the examples of hosts in other languages. Python's environment, Go's modules and npm's packages are set up by the
/// test itself.
fn other_hosts() -> Result<()> {
    const TIMEOUT: Duration = Duration::from_secs(300);
    let sh = shell()?;
    if !exists(&sh, "go") {
        return Err(NotRun("there is no Go: install Go 1.25 or later".to_owned()).into());
    }
    run_within(TIMEOUT, cmd!(sh, "node --test tests/hosts/run.mjs"))
}

/// Tests the built page in Chromium, with the program beside it.
fn browser() -> Result<()> {
    const TIMEOUT: Duration = Duration::from_secs(900);
    binary::build()?;
    let sh = shell()?;
    run_within(TIMEOUT, cmd!(sh, "node tests/browser/run.mjs --built"))
}
