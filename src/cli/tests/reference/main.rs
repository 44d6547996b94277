//! The pages of `docs/reference`, which are made of what the program prints, of the daemon's description of its API and of
//! the module's interface.
//!
//! `cargo xtask codegen` writes them: it runs these tests with `PULLGATE_CODEGEN=write`.

#[path = "../common/mod.rs"]
mod common;
mod http_api;
mod metrics;
mod wit;

use std::fmt::Write;
use std::fs;

use common::daemon::Daemon;
use common::{repository, run_in};

const COMMAND_LINE: &str = "\
# The command line

What `pullgate --help`, and `pullgate COMMAND --help` for each command, print. `pullgate man` writes the same as manual
pages, and `pullgate completions` makes shells complete it. A test compares this page with the program.
";

#[test]
fn command_line_is_what_the_program_prints() {
    let mut page = COMMAND_LINE.to_owned();
    let general = help(&[]);
    let commands = general.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A description that goes on is indented more than a name.
    let names = commands.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = names.collect();
    assert!(names.contains(&"decide") && names.len() > 10, "{names:?}");
    write!(page, "\n## `pullgate`\n\n```text\n{general}```\n").unwrap();
    for name in names {
        write!(page, "\n## `pullgate {name}`\n\n```text\n{}```\n", help(&[name])).unwrap();
    }
    check("command-line.md", &page);
    // Longer lines would be wrapped into ragged ones.
    let texts = fs::read_to_string(repository("src/cli/src/help.rs")).unwrap();
    assert_eq!(texts.lines().find(|line| line.len() > 100), None);
}

#[test]
fn http_api_is_what_the_daemon_describes() {
    let (status, description) = Daemon::start(&[]).get("/v1/openapi.json");
    assert_eq!(status, 200, "{description}");
    check("http-api.md", &http_api::page(&serde_json::from_str(&description).unwrap()));
}

#[test]
fn interface_of_the_module_is_its_wit() {
    check("wit.md", &wit::page(&fs::read_to_string(repository("wit/pullgate.wit")).unwrap()));
}

/// Returns the help of a command.
fn help(command: &[&str]) -> String {
    // Lines of the same length in every terminal.
    let ran = run_in(&[("COLUMNS", "100")], &[command, &["--help"]].concat());
    // The image verifier ends with an error whatever else than containerd's arguments it is given.
    assert!(ran.code == Some(0) || command == ["image-verifier"], "{ran:?}");
    assert!(ran.stderr.is_empty() && ran.stdout.contains("Usage: "), "{ran:?}");
    ran.stdout
}

/// Compares a page with what it has to be, or writes it.
fn check(name: &str, page: &str) {
    let path = repository("docs/reference").join(name);
    if fs::read_to_string(&path).is_ok_and(|there| there == page) {
        return;
    }
    assert!(
        std::env::var_os("PULLGATE_CODEGEN").is_some(),
        "`docs/reference/{name}` is not what the source makes of it: run `cargo xtask codegen`"
    );
    fs::write(path, page).unwrap();
}
