//! Decisions beside general policy engines, each with the same entries in the form that its documentation teaches.
//!
//! The engines are given host, port and address of the registry, parsed already; pullgate is given the image reference,
//! and returns connection attempts and the reason beside the answer.

mod cedar;
mod common_expression;
pub mod entries;
pub mod rego;

use anyhow::{Result, ensure};
use pullgate::{Decision, Policy, Request};
use pullgate_benches::{ALLOWED, DENIED, evaluator, policy};
use serde_json::{Value, json};

use crate::Settings;
use crate::engines::cedar::{CedarForm, CedarPolicy};
use crate::engines::common_expression::CelPolicy;
use crate::engines::entries::{EntryLists, RegistryAccess};
use crate::engines::rego::RegoPolicy;
use crate::stopwatch::{Repeated, repeated};
use crate::table::Table;

/// A policy in an engine.
trait EnginePolicy {
    fn name(&self) -> &'static str;
    /// Decides as a caller would, from the registry's host on.
    fn is_allowed(&self, access: &RegistryAccess) -> Result<bool>;
}

const COLUMNS: [&str; 8] = [
    "engine",
    "entries",
    "allowed by an address, µs",
    "by a network, µs",
    "by a wildcard, µs",
    "denied, a slip of an entry, µs",
    "denied, Docker Hub, µs",
    "of wasmtime, geometric mean",
];

/// The names of pullgate's own rows, in order.
const OWN: [&str; 2] = ["pullgate, native", "pullgate, wasmtime"];

/// Measures all engines at 4 and 1,000 entries, in turns.
pub fn measure(settings: &Settings) -> Result<Table> {
    let mut table = Table::new("engines", &COLUMNS);
    for entries in [4, 1_000] {
        for row in measure_at(settings, entries)? {
            let mut cells = vec![row.name.into(), entries.into()];
            cells.extend(row.times.iter().map(|time| (time / 1e3).into()));
            cells.push(row.of_wasmtime.into());
            table.rows.push(cells);
        }
    }
    Ok(table)
}

struct EngineRow {
    name: &'static str,
    /// The times of the references, in nanoseconds.
    times: Vec<f64>,
    /// The geometric mean of the multiples of the module's times.
    of_wasmtime: f64,
}

fn measure_at(settings: &Settings, entries: u32) -> Result<Vec<EngineRow>> {
    let document = policy(entries);
    let native = load(&document)?;
    let module = evaluator(&document);
    let lists = EntryLists::parse(&document)?;
    let engines: [Box<dyn EnginePolicy>; 4] = [
        Box::new(CedarPolicy::new(&lists, CedarForm::PolicyPerEntry)?),
        Box::new(CedarPolicy::new(&lists, CedarForm::RegistryGroup)?),
        Box::new(RegoPolicy::new(&lists)?),
        Box::new(CelPolicy::new(&lists)?),
    ];
    let references: Vec<_> = references().map(|(_, reference)| reference).collect();
    let accesses: Vec<_> = references.iter().map(|reference| RegistryAccess::parse(reference)).collect();
    for (&reference, access) in references.iter().zip(&accesses) {
        let expected = is_allowed(&native, reference)?;
        for engine in &engines {
            ensure!(engine.is_allowed(access)? == expected, "{} decides {reference} differently", engine.name());
        }
    }

    let mut calls: Vec<Repeated<'_>> = Vec::new();
    for &reference in &references {
        let request = Request { reference, ..Request::default() };
        let native = &native;
        calls.push(repeated(move || native.decide(&request)));
    }
    for &reference in &references {
        let request = Request { reference, ..Request::default() };
        let module = &module;
        calls.push(repeated(move || module.decide_offline(&request)));
    }
    for engine in &engines {
        calls.extend(accesses.iter().map(|access| repeated(move || engine.is_allowed(access))));
    }
    let times = settings.stopwatch.measure(&mut calls);
    let rows: Vec<_> = times.chunks_exact(references.len()).collect();
    let names = OWN.into_iter().chain(engines.iter().map(|engine| engine.name()));
    let wasmtime = rows[1];
    let row = |(name, times): (_, &&[f64])| EngineRow {
        name,
        times: times.to_vec(),
        of_wasmtime: geometric_mean(times.iter().zip(wasmtime).map(|(time, module)| time / module)),
    };
    Ok(names.zip(&rows).map(row).collect())
}

/// Returns the policy, its forms for other engines, and the requests with their answers, for the benchmarks in Node.js.
pub fn inputs(entries: u32) -> Result<Value> {
    let document = policy(entries);
    let policy = load(&document)?;
    let lists = EntryLists::parse(&document)?;
    let accesses: Vec<_> = references()
        .map(|(name, reference)| {
            let RegistryAccess { host, port, address } = RegistryAccess::parse(reference);
            let is_allowed = is_allowed(&policy, reference)?;
            Ok(json!({
                "name": name,
                "reference": reference,
                "host": host,
                "port": port,
                "address": address,
                "allowed": is_allowed,
            }))
        })
        .collect::<Result<_>>()?;
    Ok(json!({
        "document": document,
        "cedarPolicies": CedarForm::PolicyPerEntry.policies(&lists)?,
        "regoData": rego::data(&lists),
        "accesses": accesses,
    }))
}

/// Returns the references that the engines decide, with the names of their columns.
fn references() -> impl Iterator<Item = (&'static str, &'static str)> {
    COLUMNS[2..]
        .iter()
        .map(|column| column.trim_end_matches(", µs"))
        .zip(ALLOWED.into_iter().chain(DENIED).map(|(_, reference)| reference))
}

fn load(document: &str) -> Result<Policy> {
    let loaded = Policy::load(document, 0).map_err(|findings| anyhow::anyhow!("{findings:?}"))?;
    Ok(loaded.policy)
}

/// Decides natively. A decision that depends on DNS is an error: other engines know no such thing.
fn is_allowed(policy: &Policy, reference: &str) -> Result<bool> {
    let decision = policy.decide(&Request { reference, ..Request::default() });
    ensure!(!matches!(decision, Decision::Lookup(_)), "{reference} depends on DNS");
    Ok(matches!(decision, Decision::Allow(_)))
}

fn geometric_mean(factors: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = factors.len() as f64;
    (factors.map(f64::ln).sum::<f64>() / count).exp()
}
