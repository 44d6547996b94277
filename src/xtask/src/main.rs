//! `cargo xtask`: builds the module, runs the project and tests it.

#![forbid(unsafe_code)]

mod api_server;
mod apt;
mod bench;
mod binary;
mod bindgen;
mod book;
mod build_stamp;
mod codegen;
mod component;
mod deb;
mod dependencies;
mod dist;
mod engines;
mod fuzz;
mod helm;
mod machine;
mod markdown;
mod miri;
mod module;
mod module_parts;
mod mutants;
mod node;
mod npm;
mod promises;
mod release;
mod run;
mod shell;
mod steps;
mod supply_chain;
mod test;
mod toolchain;
mod wasm_opt;
mod wasm_sections;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use crate::toolchain::Toolchain;

/// Builds, runs and tests pullgate.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct XtaskArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the module for npm and the component for hosts, into `pkg/dist`.
    Module {
        /// The toolchain for WebAssembly; the first that this machine has when absent.
        #[arg(long)]
        toolchain: Option<Toolchain>,
        /// Builds even when nothing changed.
        #[arg(long)]
        force: bool,
        /// Writes the sizes of its parts into `docs/benchmarks.md`.
        #[arg(long)]
        parts: bool,
        /// Builds it again in another folder, and compares every byte.
        #[arg(long)]
        reproduce: bool,
    },
    /// Builds the module and the page, into `www/dist`.
    Web {
        /// Builds the page for a static host, without a daemon, into this folder instead.
        #[arg(long = "static", value_name = "DIR")]
        static_folder: Option<PathBuf>,
    },
    /// Builds the Debian package, into `target/debian`.
    Deb,
    /// Writes the files that are generated: from the table of finding codes, and the pages of `docs/reference`.
    Codegen,
    /// Builds the documentation as a site, into `target/book`.
    Book,
    /// Fetches the newer Docker Engine and containerd that the tests run, into `target/engines`.
    Engines,
    /// Builds the API server of Kubernetes that the tests run, into `target/kubernetes`.
    ApiServer,
    /// Fuzzes targets on nightly, with coverage.
    Fuzz {
        /// The targets; all when there are none.
        targets: Vec<String>,
        /// The time for each target, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Tests the tests: each mutant of the rules must make one fail.
    Mutants {
        /// Tests mutants of the frontends for Docker and Kubernetes in their place, after `cargo xtask web`.
        #[arg(long)]
        frontends: bool,
        /// Tests a few mutants only: others every day.
        #[arg(long)]
        sample: bool,
        /// Tests those only that one of these regular expressions matches, such as `src/policy/src/decision`.
        patterns: Vec<String>,
    },
    /// Runs the unit tests of the rules under Miri, on nightly.
    Miri {
        /// Parts of the names of the tests to run; all when absent.
        filters: Vec<String>,
    },
    /// Holds the crates of others against `deny.toml` and the advisories, npm packages against theirs, and writes the
    /// bills of materials into `target/sbom`.
    SupplyChain,
    /// Makes everything that a release has, and checks it, in `target/release-VERSION`.
    Release {
        /// Publishes nothing. There is no other way yet: `docs/releasing.md` has the steps that follow.
        #[arg(long, required = true)]
        dry_run: bool,
        /// The private key to sign with, Ed25519 in PEM; one that is made for this run when absent.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Builds Helm, which renders the chart, into `target/helm`.
    Helm,
    /// Builds what is missing, starts the daemon with an example policy, and opens its page.
    Run,
    /// Builds, checks and tests everything.
    Test,
    /// Measures times and memory beside other programs, and writes them into `docs/benchmarks.md`.
    Bench {
        /// The groups to measure; all when absent.
        #[arg(value_name = "GROUP", value_parser = PossibleValuesParser::new(bench::GROUPS.map(|group| group.name)))]
        groups: Vec<String>,
        /// Only shows that everything works: small policies, few turns, nothing written but `target/bench`.
        #[arg(long)]
        quick: bool,
    },
}

fn main() -> ExitCode {
    let result = match XtaskArgs::parse().task {
        Task::Module { toolchain, force, parts, reproduce } => build_module(toolchain, force, parts, reproduce),
        Task::Web { static_folder: None } => web::build_all(),
        Task::Web { static_folder: Some(folder) } => web::build_static(&folder),
        Task::Deb => deb::build(),
        Task::Codegen => codegen::run(),
        Task::Book => book::build(),
        Task::Engines => engines::fetch(),
        Task::ApiServer => api_server::build(),
        Task::Fuzz { targets, seconds } => fuzz::run(&targets, seconds),
        Task::Mutants { frontends, sample, patterns } => {
            mutants::run(if frontends { &mutants::FRONTENDS } else { &mutants::RULES }, sample, &patterns)
        }
        Task::Miri { filters } => miri::run(&filters),
        Task::SupplyChain => supply_chain::run(),
        Task::Release { dry_run: _, key } => release::dry_run(key),
        Task::Helm => helm::build(),
        Task::Run => run::run(),
        Task::Test => test::test(),
        Task::Bench { groups, quick } => bench::run(&groups, quick),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn build_module(toolchain: Option<Toolchain>, force: bool, parts: bool, reproduce: bool) -> anyhow::Result<()> {
    module::build(toolchain, force)?;
    if parts {
        module_parts::write()?;
    }
    if reproduce {
        module::reproduce()?;
    }
    Ok(())
}
