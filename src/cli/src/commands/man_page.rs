//! `pullgate completions` and `pullgate man`: what goes with an installation.

use std::fs;
use std::path::Path;

use clap::builder::Resettable;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::args::Cli;
use crate::error::CliError;
use crate::output::OutputWriter;

/// Writes the completion script of a shell.
pub fn write_completions(shell: Shell) -> Result<(), CliError> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    // To memory first: a pipe that breaks halfway is a panic there.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let mut output = OutputWriter::for_programs();
    output.text(&String::from_utf8_lossy(&script))?;
    output.flush()
}

/// Writes the manual page of the program, or all pages to a directory.
pub fn write_man_pages(directory: Option<&Path>) -> Result<(), CliError> {
    let mut program = Cli::command();
    program.build();
    let Some(directory) = directory else {
        let mut output = OutputWriter::for_programs();
        output.text(&render_page(&program)?)?;
        return output.flush();
    };
    for command in std::iter::once(&program).chain(program.get_subcommands()) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        let path = directory.join(format!("{name}.1"));
        fs::write(&path, render_page(command)?)
            .map_err(|error| CliError::from_write(&format!("`{}`", path.display()), &error))?;
    }
    Ok(())
}

/// One page. What follows the help on the terminal becomes the sections that manual pages have for it.
fn render_page(command: &Command) -> Result<String, CliError> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone().after_help(Resettable::Reset)).manual("pullgate");
    let mut page = Vec::new();
    man.render(&mut page).and_then(|()| render_sections(&after).to_writer(&mut page)).map_err(page_error)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// The text after the help: paragraphs, and sections that begin with a line such as `EXAMPLES:`.
fn render_sections(text: &str) -> Roff {
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

fn page_error(error: std::io::Error) -> CliError {
    CliError::from_write("the manual page", &error)
}
