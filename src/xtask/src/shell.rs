//! Runs other programs, in the folder of the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use wait_timeout::ChildExt;
use xshell::{Cmd, Shell, cmd};

/// Returns the folder of the workspace.
pub fn root() -> PathBuf {
    // `cargo xtask` is always compiled in the checkout that it works on.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf()
}

/// Returns the folder of what cargo builds.
pub fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Returns a shell in the folder of the workspace.
pub fn shell() -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(root());
    Ok(shell)
}

/// Returns the cargo that started this program.
pub fn cargo(shell: &Shell) -> Cmd<'_> {
    shell.cmd(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns the command without the variables that `cargo run` and rustup set for their own toolchain.
pub fn without_toolchain(command: Cmd<'_>) -> Cmd<'_> {
    const VARIABLES: [&str; 10] = [
        "CARGO",
        "CARGO_BUILD_RUSTC",
        "CARGO_BUILD_RUSTC_WRAPPER",
        "LD_LIBRARY_PATH",
        "RUSTC",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTUP_TOOLCHAIN",
        "RUST_RECURSION_COUNT",
    ];
    VARIABLES.into_iter().fold(command, Cmd::env_remove)
}

/// Runs a program, and kills it after `limit`.
///
/// # Errors
///
/// If the program cannot be started, fails, or has not ended within the limit.
pub fn run_within(limit: Duration, command: Cmd<'_>) -> Result<()> {
    let text = command.to_string();
    eprintln!("$ {text}");
    let mut child = Command::from(command).spawn().with_context(|| format!("cannot start `{text}`"))?;
    match child.wait_timeout(limit)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{text}` failed ({status})"),
        None => {
            child.kill()?;
            child.wait()?;
            bail!("`{text}` gave no answer within {} s", limit.as_secs())
        }
    }
}

/// Returns whether a program of this name can be started.
pub fn exists(shell: &Shell, name: &str) -> bool {
    cmd!(shell, "{name} --version").quiet().ignore_stdout().ignore_stderr().ignore_status().run().is_ok()
}

/// Returns whether cargo has a subcommand of this name.
pub fn exists_subcommand(shell: &Shell, name: &str) -> bool {
    cargo(shell).args([name, "--version"]).quiet().ignore_stdout().ignore_stderr().run().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_program_is_killed() {
        let shell = shell().unwrap();
        let error = run_within(Duration::from_millis(100), cmd!(shell, "sleep 60")).unwrap_err().to_string();
        assert_eq!(error, "`sleep 60` gave no answer within 0 s");
    }

    #[test]
    fn failure_names_the_program() {
        let shell = shell().unwrap();
        let error = run_within(Duration::from_secs(60), cmd!(shell, "false")).unwrap_err().to_string();
        assert!(error.starts_with("`false` failed ("), "{error}");
    }

    #[test]
    fn unknown_program_does_not_exist() {
        let shell = shell().unwrap();
        assert!(exists(&shell, "cargo") && !exists(&shell, "pullgate-no-such-program"));
    }
}
