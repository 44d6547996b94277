//! The commands of all pages: the program takes each of them. The tests `tutorials` compare what they do.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::repository;

/// Timeout of a command in seconds: one of them is a daemon.
const COMMAND_TIMEOUT_SECS: &str = "1";

/// The end of an error about the command line.
const USAGE_ERROR: &str = "For more information, try '--help'";

#[test]
fn documented_commands_are_taken() {
    let listed = Command::new("git").arg("-C").arg(repository(".")).args(["ls-files", "*.md"]).output().unwrap();
    let pages = String::from_utf8(listed.stdout).unwrap();
    // No file that they name is here, so that they end before they do anything.
    let folder = tempfile::tempdir().unwrap();
    let path = format!("{}:/usr/bin:/bin", Path::new(env!("CARGO_BIN_EXE_pullgate")).parent().unwrap().display());
    let (mut count, mut refused) = (0, Vec::new());
    for page in pages.lines() {
        for command in documented(&fs::read_to_string(repository(page)).unwrap()) {
            let mut shell = Command::new("timeout");
            shell.args([COMMAND_TIMEOUT_SECS, "sh", "-c", &command]).current_dir(folder.path()).env("PATH", &path);
            let ran = shell.stdin(std::process::Stdio::null()).output().unwrap();
            let errors = String::from_utf8(ran.stderr).unwrap();
            if errors.contains(USAGE_ERROR) {
                refused.push(format!("{page}: {command}\n{errors}"));
            }
            count += 1;
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(count > 100, "{count} commands");
}

/// Returns the commands in the fences of a page, each from the program's name on.
fn documented(page: &str) -> Vec<String> {
    let (mut commands, mut in_fence) = (Vec::new(), false);
    let mut lines = page.lines().map(str::trim_start);
    while let Some(line) = lines.next() {
        in_fence ^= line.starts_with("```");
        let Some(mut command) = command(line).filter(|_| in_fence) else { continue };
        while let Some(before) = command.strip_suffix('\\') {
            command = format!("{before}{}", lines.next().unwrap_or_default());
        }
        // Not the usage in a help, with its placeholders.
        if !command.contains(['[', '<']) {
            commands.push(command);
        }
    }
    commands
}

/// Returns the command of a line: at its start, or behind a pipe.
fn command(line: &str) -> Option<String> {
    let typed = line.strip_prefix("$ ").unwrap_or(line);
    let typed = typed.strip_prefix("sudo ").unwrap_or(typed);
    let typed =
        typed.split_once(" | ").map_or(typed, |(first, rest)| if rest.starts_with("pullgate ") { rest } else { first });
    typed.starts_with("pullgate ").then(|| typed.to_owned())
}
