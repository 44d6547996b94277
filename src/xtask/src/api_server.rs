//! The API server of Kubernetes for tests, built of public Go modules: `tests/kubernetes/apiserver`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use xshell::cmd;

use crate::shell::{exists, root, shell, target};
use crate::steps::NotRun;

/// The sources, with the versions of the modules.
const SOURCES: &str = "tests/kubernetes/apiserver";

/// Returns the path of the program.
fn program() -> PathBuf {
    target().join("kubernetes/apiserver")
}

/// Builds the program again, if it has been built once: the first build takes longer than all other steps of the tests.
///
/// # Errors
///
/// [`NotRun`] if it has never been built, or if Go is missing or too old.
pub fn rebuild() -> Result<()> {
    if !program().exists() {
        let remedy = "`cargo xtask api-server` builds it first, which takes 14 minutes of one processor";
        return Err(NotRun(format!("it is not built: {remedy}")).into());
    }
    build()
}

/// Builds the program, `target/kubernetes/apiserver`. Go keeps what it compiled, so that only the first build takes
/// long.
///
/// # Errors
///
/// [`NotRun`] if Go is missing or too old.
pub fn build() -> Result<()> {
    let sh = shell()?;
    let sources = root().join(SOURCES);
    let modules = fs::read_to_string(sources.join("go.mod"))?;
    let oldest =
        modules.lines().find_map(|line| line.strip_prefix("go ")).context("`go.mod` names no version of Go")?;
    if !exists(&sh, "go") {
        return Err(NotRun(format!("Go is missing: install Go {oldest} or later")).into());
    }
    let found = cmd!(sh, "go env GOVERSION").quiet().read()?;
    if version_numbers(&found) < version_numbers(oldest) {
        return Err(NotRun(format!(
            "Go is too old, `go env GOVERSION` prints `{found}`: install Go {oldest} or later"
        ))
        .into());
    }
    let version = kubernetes_version(&modules).context("`go.mod` names no version of Kubernetes")?;
    println!("{found}, Kubernetes {version}");
    sh.change_dir(sources);
    let program = program();
    // Without symbols the program is smaller by a third. Clients take no server without a version.
    let flags = format!("-ldflags=-s -w -X k8s.io/component-base/version.gitVersion={version}");
    cmd!(sh, "go build -mod=readonly -trimpath {flags} -o {program} .").run()?;
    Ok(())
}

/// Returns the numbers of a version such as `go1.26.8`, for comparison.
fn version_numbers(version: &str) -> Vec<u32> {
    let numbers = version.trim_start_matches("go").split('.');
    // A candidate, `go1.27rc1`, counts as its release.
    let leading = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    numbers.map_while(leading).collect()
}

/// Returns the required version of Kubernetes in `go.mod`.
fn kubernetes_version(modules: &str) -> Option<&str> {
    modules.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_compared_by_number() {
        for (older, newer) in
            [("go1.9.9", "1.26.0"), ("go1.25.12", "go1.26"), ("1.26.0", "go1.27rc1"), ("1.26.0", "go1.26.8")]
        {
            assert!(version_numbers(older) < version_numbers(newer), "{older} {newer}");
        }
    }

    #[test]
    fn modules_name_the_version_of_kubernetes() {
        let modules = fs::read_to_string(root().join(SOURCES).join("go.mod")).unwrap();
        assert!(kubernetes_version(&modules).is_some_and(|version| version.starts_with("v1.")), "{modules}");
    }
}
