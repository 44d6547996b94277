//! `pullgate completions` and `pullgate man`: what goes with an installation.

use std::fs;
use std::path::Path;

use clap::builder::Resettable;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::args::Cli;
use crate::error::Failure;
use crate::output::Output;

/// Writes the completion script of a shell.
pub fn completions(shell: Shell) -> Result<(), Failure> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    // To memory first: a pipe that breaks halfway is a panic there.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let mut output = Output::for_programs();
    output.text(&String::from_utf8_lossy(&script))?;
    output.flush()
}

/// Writes the manual page of the program, or all pages to a directory.
pub fn pages(directory: Option<&Path>) -> Result<(), Failure> {
    let mut program = Cli::command();
    program.build();
    let Some(directory) = directory else {
        let mut output = Output::for_programs();
        output.text(&page(&program)?)?;
        return output.flush();
    };
    for command in std::iter::once(&program).chain(program.get_subcommands()) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        let path = directory.join(format!("{name}.1"));
        fs::write(&path, page(command)?)
            .map_err(|error| Failure::of_writing(&format!("`{}`", path.display()), &error))?;
    }
    Ok(())
}

/// One page. What follows the help on the terminal becomes the sections that manual pages have for it.
fn page(command: &Command) -> Result<String, Failure> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone().after_help(Resettable::Reset)).manual("pullgate");
    let mut page = Vec::new();
    man.render(&mut page).and_then(|()| sections(&after).to_writer(&mut page)).map_err(unwritable)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// The text after the help: paragraphs, and sections that begin with a line such as `EXAMPLES:`.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    let mut title = "NOTES";
    for part in text.split("\n\n") {
        let mut lines = part.lines().peekable();
        let heading = lines.peek().and_then(|line| line.strip_suffix(':')).filter(|line| line.to_uppercase() == **line);
        match heading {
            Some(heading) => {
                title = heading;
                lines.next();
                roff.control("SH", [if title == "EXIT CODES" { "EXIT STATUS" } else { title }]);
            }
            None if title == "NOTES" => {
                roff.control("SH", [title]);
            }
            None => {
                roff.control("PP", []);
            }
        }
        let literal = title != "NOTES";
        if literal {
            roff.control("nf", []);
        }
        for line in lines {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        if literal {
            roff.control("fi", []);
        }
    }
    roff
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::of_writing("the manual page", &error)
}
