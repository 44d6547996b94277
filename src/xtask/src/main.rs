//! `cargo xtask`: builds the module, runs the project and tests it.

mod bindgen;
mod command;
mod component;
mod debian;
mod generate;
mod module;
mod npm;
mod optimise;
mod precompile;
mod record;
mod run;
mod sections;
mod test;
mod way;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::way::Way;

/// Builds, runs and tests pullgate.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the module for npm and the component for hosts, into `pkg/dist`.
    Module {
        /// How to get a compiler for WebAssembly; found out by itself when absent.
        #[arg(long)]
        way: Option<Way>,
        /// Builds even when nothing changed.
        #[arg(long)]
        force: bool,
    },
    /// Writes the files that come from the table of finding codes.
    Generate {
        /// Writes nothing, and fails where a file is not as it should be.
        #[arg(long)]
        check: bool,
    },
    /// Builds what is missing and decides the first worked example on some images.
    Run,
    /// Builds, checks and tests everything.
    Test,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Module { way, force } => module::build(way, force),
        Task::Generate { check } => generate::generate(check),
        Task::Run => run::run(),
        Task::Test => test::test(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
