//! Loading a policy, natively and through the component under wasmtime.

use std::hint::black_box;

use anyhow::{Context, Result, ensure};
use pullgate::Policy;
use pullgate_benches::policy;
use pullgate_host::{EvaluatorOptions, Module};

use crate::Settings;
use crate::memory;
use crate::stopwatch::{Repeated, repeated_without_drop};
use crate::table::{Cell, Table};

const COLUMNS: [&str; 5] = ["entries", "native, ms", "wasmtime, ms", "of native", "bytes an entry and instance"];

/// The number of entries from which on the memory of an entry can be told from that of an instance without any.
const MIN_WEIGHED_ENTRIES: u32 = 10_000;

/// Measures loading at several sizes. The document is in memory, and dropping the policy is not part of it.
pub fn measure(settings: &Settings) -> Result<Table> {
    let mut table = Table::new("loading", &COLUMNS);
    let module = Module::built_in()?;
    let sizes: &[u32] = if settings.is_quick { &[4, 1_000] } else { &[4, 1_000, 100_000, 999_000] };
    for &entries in sizes {
        let document = policy(entries);
        let document = document.as_str();
        ensure!(Policy::load(document, 0).is_ok(), "the policy of {entries} entries does not load");
        let before = resident_bytes()?;
        let loaded = module.load(document, 0, EvaluatorOptions::default());
        ensure!(loaded.is_ok(), "the module does not load it");
        let bytes = (resident_bytes()? - before) / f64::from(entries);
        drop(loaded);
        let mut calls: [Repeated<'_>; 2] = [
            repeated_without_drop(|| Policy::load(black_box(document), 0)),
            repeated_without_drop(|| module.load(black_box(document), 0, EvaluatorOptions::default())),
        ];
        let times = settings.stopwatch.measure(&mut calls);
        let (native, wasmtime) = (times[0] / 1e6, times[1] / 1e6);
        let bytes = (entries >= MIN_WEIGHED_ENTRIES).then_some(bytes);
        let times = [native, wasmtime, wasmtime / native].map(Cell::from);
        table.rows.push([Cell::from(entries)].into_iter().chain(times).chain([bytes.into()]).collect());
    }
    Ok(table)
}

/// Returns the memory of this process. That of an instance is mapped for it alone, with the text for further instances.
fn resident_bytes() -> Result<f64> {
    memory::size("self", "VmRSS").context("the kernel does not tell the memory of a process")
}
