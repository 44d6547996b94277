//! `cargo xtask run`: the first worked example, decided on the command line.

use anyhow::{Context, Result, bail};

use crate::command::{cargo, run as run_program};
use crate::module;

/// The policy, in `docs/examples`.
const POLICY: &str = "docs/examples/worked-example-1.json";

/// References for every answer that the policy gives.
const REFERENCES: [&str; 8] = [
    "10.2.40.40/library/nginx:1.27",
    "10.2.40.40:443/library/nginx:1.27",
    "10.2.40.40:5000/library/nginx:1.27",
    "10.2.2.5/team/app:2.0",
    "registry.example.com/team/app:2.0",
    "example.com/team/app:2.0",
    "192.168.100.207:5000/tools/scanner",
    "alpine:3.20",
];

/// Builds what is missing and shows what the policy of the first worked example says of some images.
pub fn run() -> Result<()> {
    module::build(None, false)?;
    run_program(cargo().args(["build", "--release", "--package", "pullgate-cli"]))?;
    println!("\npullgate decide --policy {POLICY} --no-dns {}\n", REFERENCES.join(" "));
    let mut decide = cargo();
    decide.args(["run", "--quiet", "--release", "--package", "pullgate-cli", "--"]);
    decide.args(["decide", "--policy", POLICY, "--no-dns"]).args(REFERENCES);
    let status = decide.status().context("cannot start cargo")?;
    // 1 says that some were denied, which is what the example is there to show.
    match status.code() {
        Some(0 | 1) => Ok(()),
        _ => bail!("`pullgate decide` failed ({status})"),
    }
}
