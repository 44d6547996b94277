//! Measures decisions, loading, starting and admission in one process, beside other policy engines where there are some.
//!
//! `pullgate-bench-runner [--quick] PROGRAM PEERS GROUP...` prints one JSON array of tables; PEERS is a folder with other
//! programs, as far as they could be built. `cargo xtask bench` builds it, runs it, and writes the tables down.
//! `pullgate-bench-runner --inputs ENTRIES` prints what the benchmarks in Node.js measure.

#![forbid(unsafe_code)]

mod admission;
mod decisions;
mod engines;
mod loading;
mod memory;
mod process;
mod stopwatch;
mod table;

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::stopwatch::Stopwatch;
use crate::table::Table;

/// Settings of a run.
pub struct Settings {
    /// True for a run that only shows that everything works.
    pub is_quick: bool,
    /// The program `pullgate`.
    pub program: PathBuf,
    /// The folder of other programs: `benches/peers`, built.
    pub peers: PathBuf,
    pub stopwatch: Stopwatch,
}

type Group = fn(&Settings) -> Result<Table>;

/// The groups, by the names of their tables.
const GROUPS: [(&str, Group); 6] = [
    ("decisions", decisions::measure),
    ("engines", engines::measure),
    ("loading", loading::measure),
    ("command-line", process::command_line),
    ("start", process::start),
    ("admission", admission::measure),
];

fn main() -> Result<()> {
    let mut arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [option, entries] = arguments.as_slice()
        && option == "--inputs"
    {
        println!("{}", engines::inputs(entries.parse()?)?);
        return Ok(());
    }
    let is_quick = arguments.first().is_some_and(|argument| argument == "--quick");
    if is_quick {
        arguments.remove(0);
    }
    let mut arguments = arguments.into_iter();
    let (Some(program), Some(peers)) = (arguments.next(), arguments.next()) else {
        bail!("usage: pullgate-bench-runner [--quick] PROGRAM PEERS GROUP...")
    };
    let stopwatch = Stopwatch::new(is_quick);
    let settings = Settings { is_quick, program: program.into(), peers: peers.into(), stopwatch };
    let mut tables = Vec::new();
    for wanted in arguments {
        let Some((name, measure)) = GROUPS.iter().find(|(name, _)| *name == wanted) else {
            bail!("there is no group `{wanted}`");
        };
        eprintln!("measuring {name}");
        tables.push(measure(&settings)?);
    }
    println!("{}", serde_json::to_string(&tables)?);
    Ok(())
}
