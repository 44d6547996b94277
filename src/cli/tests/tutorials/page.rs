//! A page as steps, which its fences are.
//!
//! | fence | |
//! |---|---|
//! | `console` | each line after `$ ` is a command, which a `\` at its end continues, and below it is what it prints |
//! | `console daemon` | the same of a command that goes on; `^C` alone ends the one that was started last |
//! | `console cluster` | commands that need an API server |
//! | `console nodes` | commands that need nodes: the test does what nodes would |
//! | `console fails`, `console cluster fails` | commands whose exit code is not 0 |
//! | `text page` | each line after `> ` is an action in the page of a browser, and below it is what the page shows |
//! | another one | a file, where the paragraph before it ends with its name and a colon; else nothing to be run |
//!
//! In what is printed `...` on a line of its own stands for any lines, and within a line for any text.

use thiserror::Error;

/// The place of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Machine,
    /// A machine whose `kubectl` reaches an API server.
    Cluster,
    /// The nodes of a cluster.
    Nodes,
}

/// A command, or an action in a browser, with the lines that it shows.
#[derive(Debug)]
pub struct Exchange {
    pub input: String,
    pub output: Vec<String>,
}

/// A part of a page that is run.
#[derive(Debug)]
pub enum Step {
    File { name: String, text: String },
    Command { exchange: Exchange, place: Place, fails: bool },
    Daemon { exchange: Exchange },
    Interrupt,
    Browser { exchanges: Vec<Exchange> },
}

/// Returns the steps of a page.
pub fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut paragraph) = (Vec::new(), String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            paragraph = if line.is_empty() { paragraph } else { line.to_owned() };
            continue;
        };
        let fence: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        if let Some((place, fails)) = commands(kind) {
            let exchanges = exchanges("$ ", &fence).into_iter();
            steps.extend(exchanges.map(|exchange| Step::Command { exchange, place, fails }));
            continue;
        }
        match kind {
            "console daemon" if fence == ["^C"] => steps.push(Step::Interrupt),
            "console daemon" => {
                steps.extend(exchanges("$ ", &fence).into_iter().map(|exchange| Step::Daemon { exchange }));
            }
            "text page" => steps.push(Step::Browser { exchanges: exchanges("> ", &fence) }),
            _ => {
                let name = paragraph.strip_suffix("`:").and_then(|before| Some(before.rsplit_once('`')?.1));
                steps.extend(name.map(|name| Step::File { name: name.to_owned(), text: fence.join("\n") + "\n" }));
            }
        }
    }
    steps
}

/// Returns the place of the commands of a fence, and whether they fail.
fn commands(kind: &str) -> Option<(Place, bool)> {
    Some(match kind {
        "console" => (Place::Machine, false),
        "console fails" => (Place::Machine, true),
        "console cluster" => (Place::Cluster, false),
        "console cluster fails" => (Place::Cluster, true),
        "console nodes" => (Place::Nodes, false),
        _ => return None,
    })
}

/// Returns what is entered in a fence, after a prompt, each with the lines below it.
fn exchanges(prompt: &str, fence: &[&str]) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    for line in fence {
        match (line.strip_prefix(prompt), exchanges.last_mut()) {
            (Some(input), _) => exchanges.push(Exchange { input: input.to_owned(), output: Vec::new() }),
            (None, Some(exchange)) if exchange.output.is_empty() && exchange.input.ends_with('\\') => {
                exchange.input += &format!("\n{line}");
            }
            (None, Some(exchange)) => exchange.output.push((*line).to_owned()),
            (None, None) => panic!("{line}: nothing was entered before it"),
        }
    }
    exchanges
}

/// The line in which an output differs from the expected one.
#[derive(Debug, Error)]
pub enum LineDifference {
    #[error("`{0}` is not there")]
    Missing(String),
    #[error("`{0}` is there besides")]
    Unexpected(String),
}

/// Compares the lines of an output with the expected ones.
///
/// # Errors
///
/// The first line in which they differ.
pub fn compare(actual: &str, expected: &[String]) -> Result<(), LineDifference> {
    let mut rest: Vec<&str> = actual.lines().map(str::trim_end).collect();
    let mut may_skip = false;
    for line in expected {
        if line == "..." {
            may_skip = true;
            continue;
        }
        let found = rest.iter().position(|actual| is_line(line, actual));
        let position =
            found.filter(|position| may_skip || *position == 0).ok_or_else(|| LineDifference::Missing(line.clone()))?;
        rest.drain(..=position);
        may_skip = false;
    }
    match rest.first() {
        Some(line) if !may_skip => Err(LineDifference::Unexpected((*line).to_owned())),
        _ => Ok(()),
    }
}

/// Returns whether a line is the expected one, in which `...` stands for any text.
fn is_line(expected: &str, actual: &str) -> bool {
    let Some((start, after)) = expected.split_once("...") else { return expected == actual };
    let Some(rest) = actual.strip_prefix(start) else { return false };
    let mut ends = rest.char_indices().map(|(end, _)| end).chain([rest.len()]);
    ends.any(|end| is_line(after, &rest[end..]))
}

#[test]
fn lines_are_compared_with_what_is_left_out() {
    let is_same = |actual: &str, expected: &[&str]| {
        compare(actual, &expected.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()).is_ok()
    };
    assert!(is_same("a\nb\nc", &["a", "...", "c"]));
    assert!(is_same("a\nb  \nc", &["a", "b", "..."]));
    assert!(is_same("took 12 ms at 3", &["took ... ms at ..."]));
    assert!(!is_same("a\nb", &["a"]));
    assert!(!is_same("a\nb", &["b"]));
    assert!(!is_same("", &["a"]));
    assert!(!is_same("took 12 s", &["took ... ms"]));
    assert!(!is_same("ab", &["ab...ab"]));
}

#[test]
fn fences_become_steps() {
    let page = "`a` goes into `b.toml`:\n\n```toml\nx = 1\n```\n```console\n$ one \\\n  more\nout\n$ two\n```\n\
                ```console daemon\n$ serve\nready\n```\n```console daemon\n^C\n```\nAs `x` has it:\n```yaml\nx\n```\n\
                ```text page\n> press Add\nadded\n```\n```console cluster fails\n$ kubectl\n```\n";
    let steps = format!("{:?}", steps(page));
    let expected = "[File { name: \"b.toml\", text: \"x = 1\\n\" }, \
        Command { exchange: Exchange { input: \"one \\\\\\n  more\", output: [\"out\"] }, place: Machine, fails: false }, \
        Command { exchange: Exchange { input: \"two\", output: [] }, place: Machine, fails: false }, \
        Daemon { exchange: Exchange { input: \"serve\", output: [\"ready\"] } }, Interrupt, \
        Browser { exchanges: [Exchange { input: \"press Add\", output: [\"added\"] }] }, \
        Command { exchange: Exchange { input: \"kubectl\", output: [] }, place: Cluster, fails: true }]";
    assert_eq!(steps, expected);
}
