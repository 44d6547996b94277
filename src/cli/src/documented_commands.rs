//! The commands of all pages: the command line takes each of them, and none is run. The tests `tutorials` compare what they
//! do.

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory;

use crate::args::Cli;

#[test]
fn documented_commands_are_taken() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let listed = Command::new("git").arg("-C").arg(&repository).args(["ls-files", "*.md"]).output().unwrap();
    let pages = String::from_utf8(listed.stdout).unwrap();
    let (mut count, mut refused) = (0, Vec::new());
    for page in pages.lines() {
        for command in documented(&fs::read_to_string(repository.join(page)).unwrap()) {
            if let Err(error) = parse(&command) {
                refused.push(format!("{page}: {command}\n{error}"));
            }
            count += 1;
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(count > 100, "{count} commands");
}

#[test]
fn commands_are_found_and_read_as_a_shell_does() {
    let page = "pullgate check prose\n```console\n$ sudo pullgate check 'a b' > /etc/x # why\n$ cat x | pullgate check \\\n  \
                - < y\npullgate probe <REGISTRY>\nUsage: pullgate check\npullgate check a && pullgate compare a b\n```\n";
    let commands = documented(page);
    let words: Vec<Vec<String>> = commands.iter().map(|command| words(command).unwrap()).collect();
    assert_eq!(
        words,
        [vec!["pullgate", "check", "a b"], vec!["pullgate", "check", "-"], vec!["pullgate", "check", "a"]]
    );
    for refused in ["pullgate chekc a", "pullgate check --no-such-flag a", "pullgate narrow a", "pullgate check 'a"] {
        assert!(parse(refused).is_err(), "{refused}");
    }
}

/// Parses a command without running it.
///
/// # Errors
///
/// The words that are no command line.
fn parse(command: &str) -> Result<(), clap::Error> {
    let words =
        words(command).ok_or_else(|| clap::Error::raw(clap::error::ErrorKind::InvalidValue, "an open quote"))?;
    match Cli::command().try_get_matches_from(words) {
        // The help that a command asks for is an error too.
        Err(error) if error.use_stderr() => Err(error),
        _ => Ok(()),
    }
}

/// Returns the words of a command up to its first pipe, redirection or end, as a shell splits them. `None` for an open
/// quote.
fn words(command: &str) -> Option<Vec<String>> {
    let is_operator = |word: &str| word == "<" || word.starts_with(['>', '|', '&', ';']);
    Some(shlex::split(command)?.into_iter().take_while(|word| !is_operator(word)).collect())
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
        let has_placeholder = |word: &str| word.starts_with('[') || word.len() > 1 && word.starts_with('<');
        if !command.split(' ').any(has_placeholder) {
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
