//! `pullgate`: decides which container registries may be used and how, and checks the policies that say so.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod dns_answers;
#[cfg(test)]
mod documented_commands;
mod error;
mod help;
mod output;
mod render;
mod runtime_notes;

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Style};
use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::args::{Cli, Command};
use crate::commands::{
    ca, check, compare, decide, doctor, export, image_verifier, import, man_page, module, probe, replay, serve,
};
use crate::error::CliError;
use crate::output::{BAD_STYLE, eprint_styled, escape_lines_for_terminal, styled};

/// Exit code: a reference is denied or undecided, or there are errors.
const EXIT_DENIED: u8 = 1;
/// Exit code: the command failed.
const EXIT_ERROR: u8 = 2;
/// Exit code of `compare` and `replay` for a failure, since 1 and 2 are kinds of difference.
const EXIT_COMPARE_ERROR: u8 = 3;

fn main() -> ExitCode {
    if let Some(arguments) = image_verifier::verifier_args(std::env::args_os()) {
        return ExitCode::from(if image_verifier::run(&arguments) { 0 } else { EXIT_DENIED });
    }
    let (cli, matches) = match parse_command_line() {
        Ok(parsed) => parsed,
        Err(error) => return print_clap_error(&error),
    };
    match run(&cli, &matches) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            print_error(failure, &matches);
            ExitCode::from(match cli.command {
                Command::Compare(_) | Command::Replay(_) => EXIT_COMPARE_ERROR,
                _ => EXIT_ERROR,
            })
        }
    }
}

/// Parses the command line.
fn parse_command_line() -> Result<(Cli, ArgMatches), clap::Error> {
    let matches = Cli::command().try_get_matches()?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut Cli::command()))?;
    Ok((cli, matches))
}

/// Prints the error of the command line, or the requested help.
fn print_clap_error(error: &clap::Error) -> ExitCode {
    // A failed write cannot be reported anywhere.
    let _ = error.print();
    // The command is always the first argument.
    let command = std::env::args_os().nth(1).unwrap_or_default();
    match error.use_stderr() {
        // For a verifier success means that the image may be pulled.
        false if command == "image-verifier" => ExitCode::from(EXIT_DENIED),
        false => ExitCode::SUCCESS,
        true if command == "compare" || command == "replay" => ExitCode::from(EXIT_COMPARE_ERROR),
        true => ExitCode::from(EXIT_ERROR),
    }
}

/// Runs the command. Returns the exit code.
fn run(cli: &Cli, matches: &ArgMatches) -> Result<u8, CliError> {
    let (_, matches) = matches.subcommand().unwrap_or(("", matches));
    let good = match &cli.command {
        Command::Compare(arguments) => return compare::run(arguments),
        Command::Replay(arguments) => return replay::run(arguments),
        Command::Narrow(arguments) => compare::narrow(arguments),
        Command::Decide(ask) => decide::run(ask, matches, decide::DecideMode::Decide),
        Command::Explain(ask) => decide::run(ask, matches, decide::DecideMode::Explain),
        Command::Probe(arguments) => probe::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Ca(arguments) => ca::run(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Doctor(arguments) => doctor::run(arguments),
        Command::Serve(arguments) => serve::run(arguments).map(|()| true),
        Command::ImageVerifier { arguments } => Ok(image_verifier::run(arguments)),
        Command::Module(arguments) => module::run(arguments).map(|()| true),
        Command::Completions { shell } => man_page::write_completions(*shell).map(|()| true),
        Command::Man { directory } => man_page::write_man_pages(directory.as_deref()).map(|()| true),
    }?;
    Ok(if good { 0 } else { EXIT_DENIED })
}

fn print_error(failure: CliError, matches: &ArgMatches) {
    const HELP_STYLE: Style = AnsiColor::Cyan.on_default().bold();
    match failure {
        CliError::Usage(message) => {
            let mut program = Cli::command();
            program.build();
            let command = matches.subcommand_name().and_then(|name| program.find_subcommand_mut(name));
            if let Some(command) = command {
                // A failed write to standard error cannot be reported.
                let _ = command.error(ErrorKind::MissingRequiredArgument, message).print();
            }
        }
        CliError::Failed { message, help } => {
            eprint_styled(format!("{}: {}", styled(BAD_STYLE, "error"), escape_lines_for_terminal(&message)));
            if let Some(help) = help {
                eprint_styled(format!("{}: {}", styled(HELP_STYLE, "help"), escape_lines_for_terminal(&help)));
            }
        }
        CliError::AlreadyReported | CliError::BrokenPipe => {}
    }
}
