//! The scripts of `deploy/git`, in a repository with a policy.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{ProgramRun, run_command};
use tempfile::TempDir;

const BEFORE: &str = "whitelist = [\"docker.io/library\", \"quay.io\"]\n";
const NARROWER: &str = "whitelist = [\"docker.io/library\"]\n";
const WIDER: &str = "whitelist = [\"docker.io/library\", \"quay.io\", \"ghcr.io\"]\n";
const WRONG: &str = "whitelist = [\"10.2.9.*\"]\n";

struct Repository(TempDir);

impl Repository {
    /// Creates a repository with one commit of a policy.
    fn new() -> Self {
        let new = Self(tempfile::tempdir().unwrap());
        new.write("policy.toml", BEFORE);
        new.git(&["init", "--quiet"]);
        new.git(&["add", "policy.toml"]);
        let author = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        new.git(&[&author[..], &["commit", "--quiet", "--message", "A policy"]].concat());
        new
    }

    fn write(&self, name: &str, policy: &str) {
        fs::write(self.0.path().join(name), policy).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        let status = Command::new("git").arg("-C").arg(self.0.path()).args(arguments).status();
        assert!(status.unwrap().success(), "{arguments:?}");
    }

    fn run(&self, script: &str, arguments: &[&str], environment: &[(&str, &str)]) -> ProgramRun {
        let program = Path::new(env!("CARGO_BIN_EXE_pullgate")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/git").join(script);
        let mut command = Command::new(script);
        command.current_dir(self.0.path()).env("PATH", path).env_remove("PULLGATE_ALLOW_WIDER");
        command.envs(environment.iter().copied());
        run_command(command, arguments, "")
    }
}

#[test]
fn a_change_that_is_wider_fails_unless_it_is_meant() {
    let repository = Repository::new();
    let compare =
        |environment: &[(&str, &str)]| repository.run("compare-policies.sh", &["HEAD", "policy.toml"], environment);
    assert_eq!(compare(&[]).code, Some(0));
    repository.write("policy.toml", NARROWER);
    let ran = compare(&[]);
    ran.says(&["policy.toml, since HEAD:", "newly denied", "quay.io"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    repository.write("policy.toml", WIDER);
    let ran = compare(&[]);
    ran.says(&["newly allowed", "ghcr.io"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(compare(&[("PULLGATE_ALLOW_WIDER", "1")]).code, Some(0));
    repository.write("policy.toml", WRONG);
    assert_eq!(compare(&[("PULLGATE_ALLOW_WIDER", "1")]).code, Some(1));
}

#[test]
fn a_policy_that_is_new_is_checked() {
    let repository = Repository::new();
    let compare = || repository.run("compare-policies.sh", &["HEAD", "new policy.toml", "policy.toml"], &[]);
    repository.write("new policy.toml", NARROWER);
    let ran = compare();
    ran.says(&["new policy.toml is new", "policy.toml, since HEAD:"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    repository.write("new policy.toml", WRONG);
    assert_eq!(compare().code, Some(1));
}

#[test]
fn every_policy_is_checked() {
    let repository = Repository::new();
    let check = || repository.run("check-policies.sh", &["wrong.toml", "policy.toml"], &[]);
    repository.write("wrong.toml", BEFORE);
    assert_eq!(check().code, Some(0));
    repository.write("wrong.toml", WRONG);
    let ran = check();
    ran.says(&["wrong.toml does not load", "policy.toml loads"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}
