//! Loading a policy, natively and through the component under wasmtime.

use std::hint::black_box;

use anyhow::{Result, ensure};
use pullgate::Policy;
use pullgate_benches::policy;
use pullgate_host::{EvaluatorOptions, Module};

use crate::Settings;
use crate::stopwatch::{Repeated, repeated_without_drop};
use crate::table::Table;

/// Measures loading at several sizes. The document is in memory, and dropping the policy is not part of it.
pub fn measure(settings: &Settings) -> Result<Table> {
    let mut table = Table::new("loading", &["entries", "native, ms", "wasmtime, ms", "of native"]);
    let module = Module::built_in()?;
    let sizes: &[u32] = if settings.is_quick { &[4, 1_000] } else { &[4, 1_000, 100_000, 999_000] };
    for &entries in sizes {
        let document = policy(entries);
        let document = document.as_str();
        ensure!(Policy::load(document, 0).is_ok(), "the policy of {entries} entries does not load");
        ensure!(module.load(document, 0, EvaluatorOptions::default()).is_ok(), "the module does not load it");
        let mut calls: [Repeated<'_>; 2] = [
            repeated_without_drop(|| Policy::load(black_box(document), 0)),
            repeated_without_drop(|| module.load(black_box(document), 0, EvaluatorOptions::default())),
        ];
        let times = settings.stopwatch.measure(&mut calls);
        let (native, wasmtime) = (times[0] / 1e6, times[1] / 1e6);
        table.rows.push(vec![entries.into(), native.into(), wasmtime.into(), (wasmtime / native).into()]);
    }
    Ok(table)
}
