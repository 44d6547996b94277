//! `cargo xtask`: builds the module, runs the project and tests it.

mod apt;
mod binary;
mod bindgen;
mod build_stamp;
mod codegen;
mod command;
mod component;
mod deb;
mod module;
mod node;
mod npm;
mod run;
mod test;
mod toolchain;
mod wasm_opt;
mod wasm_sections;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::toolchain::Way;

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
    /// Builds the module and the page, into `www/dist`.
    Page,
    /// Builds the Debian package, into `target/debian`.
    Deb,
    /// Writes the files that come from the table of finding codes.
    Generate {
        /// Writes nothing, and fails where a file is not as it should be.
        #[arg(long)]
        check: bool,
    },
    /// Builds what is missing, starts the daemon with an example policy, and opens its page.
    Run,
    /// Builds, checks and tests everything.
    Test,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Module { way, force } => module::build(way, force),
        Task::Page => module::build(None, false).and_then(|()| web::build()),
        Task::Deb => deb::build(),
        Task::Generate { check } => codegen::generate(check),
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
