//! The module in Node: a process that reads the cases by itself and prints its answers.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

/// Runs a script of `tests/node` and gives the lines that it prints. Panics, with what the script said, where it fails.
pub fn run(script: &str, arguments: &[&str]) -> Vec<String> {
    let output = output(script, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`node {script}` failed ({}):\n{said}", output.status);
    let printed = String::from_utf8(output.stdout).expect("the script prints UTF-8");
    printed.lines().map(str::to_owned).collect()
}

fn output(script: &str, arguments: &[&str]) -> Output {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node").join(script);
    match Command::new("node").arg(path).args(arguments).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("`node` is not installed: install Node.js 20.19 or later, which runs the module as npm gives it out")
        }
        Err(error) => panic!("`node` does not run: {error}"),
    }
}
