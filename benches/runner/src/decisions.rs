//! One decision: natively, through the component under wasmtime, and there with 100 requests in one call.

use anyhow::{Result, ensure};
use pullgate::{Decision, DnsAnswer, LookupKind, Policy, Request};
use pullgate_benches::{ALLOWED, ALLOWED_BY_PATTERN, DENIED, LOOKUP, evaluator, policy, with_patterns};
use pullgate_host::PolicyEvaluator;

use crate::Settings;
use crate::stopwatch::{Repeated, repeated};
use crate::table::Table;

/// The number of requests of `decide-many`.
const MANY: usize = 100;

const COLUMNS: [&str; 8] = [
    "request",
    "entries",
    "native, µs",
    "wasmtime, µs",
    "wasmtime of native",
    "`decide-many`, each, µs",
    "`decide-many` of native",
    "native, of 4 entries",
];

/// A policy, loaded natively and into the module.
struct LoadedPolicy {
    entries: u32,
    native: Policy,
    evaluator: PolicyEvaluator,
}

impl LoadedPolicy {
    fn new(entries: u32, document: &str) -> Result<Self> {
        let native = Policy::load(document, 0).map_err(|findings| anyhow::anyhow!("{findings:?}"))?.policy;
        Ok(Self { entries, native, evaluator: evaluator(document) })
    }
}

/// A request for one of the policies.
struct Case<'a> {
    name: &'a str,
    policy: &'a LoadedPolicy,
    request: Request<'a>,
}

/// Measures all decisions, in turns.
pub fn measure(settings: &Settings) -> Result<Table> {
    let sizes: &[u32] = if settings.is_quick { &[4, 1_000] } else { &[4, 1_000, 100_000, 1_000_000] };
    let plain =
        sizes.iter().map(|&entries| LoadedPolicy::new(entries, &policy(entries))).collect::<Result<Vec<_>>>()?;
    // The number of entries is that of the whole policy, with its 1,000 patterns.
    let patterns = &sizes[1..sizes.len().min(3)];
    let patterns = patterns
        .iter()
        .map(|&entries| LoadedPolicy::new(entries, &with_patterns(&policy(entries.saturating_sub(1_000).max(4)))))
        .collect::<Result<Vec<_>>>()?;

    let answers = dns_answers();
    let mut cases = Vec::new();
    let references = ALLOWED.into_iter().chain(DENIED).chain([LOOKUP]);
    for (name, reference) in references {
        let request = Request { reference, ..Request::default() };
        cases.extend(plain.iter().map(|policy| Case { name, policy, request }));
    }
    let request = Request { reference: LOOKUP.1, dns_answers: &answers, ..Request::default() };
    cases.extend(plain.iter().map(|policy| Case { name: "allow-by-dns", policy, request }));
    for (name, (_, reference)) in [
        ("allow-pattern", ALLOWED_BY_PATTERN),
        ("allow-address, with 1,000 patterns", ALLOWED[0]),
        ("deny-near, with 1,000 patterns", DENIED[0]),
    ] {
        let request = Request { reference, ..Request::default() };
        cases.extend(patterns.iter().map(|policy| Case { name, policy, request }));
    }
    table(settings, &cases)
}

/// Returns answers by which the address of the lookup is covered by a wildcard.
fn dns_answers() -> Vec<DnsAnswer> {
    let answer = |kind, subject: &str, answer: &str| DnsAnswer {
        kind,
        subject: subject.to_owned(),
        answers: vec![answer.to_owned()],
    };
    let (address, name) = ("10.2.40.40", "harbor.example.com");
    vec![answer(LookupKind::Reverse, address, name), answer(LookupKind::Forward, name, address)]
}

fn table(settings: &Settings, cases: &[Case<'_>]) -> Result<Table> {
    let many: Vec<_> = cases.iter().map(|case| [case.request; MANY]).collect();
    let mut calls: Vec<Repeated<'_>> = Vec::new();
    for (Case { name, policy, request }, many) in cases.iter().zip(&many) {
        let decision = policy.evaluator.decide_offline(request);
        ensure!(policy.native.decide(request) == decision, "the module decides {name} differently");
        let kind = match decision {
            Decision::Allow(_) => "allow",
            Decision::Deny(_) => "deny",
            Decision::Lookup(_) => "lookup",
        };
        ensure!(name.starts_with(kind), "{name} is decided as {kind}");
        calls.push(repeated(move || policy.native.decide(request)));
        calls.push(repeated(move || policy.evaluator.decide_offline(request)));
        calls.push(repeated(move || policy.evaluator.decide_many_offline(many)));
    }
    let times = settings.stopwatch.measure(&mut calls);
    let mut table = Table::new("decisions", &COLUMNS);
    let mut of_four = 0.0;
    for (case, times) in cases.iter().zip(times.chunks_exact(3)) {
        let (native, module, many) = (times[0], times[1], times[2] / MANY as f64);
        if case.policy.entries == 4 {
            of_four = native;
        }
        let of_four = (!case.name.contains("pattern")).then(|| native / of_four);
        table.rows.push(vec![
            case.name.into(),
            case.policy.entries.into(),
            (native / 1e3).into(),
            (module / 1e3).into(),
            (module / native).into(),
            (many / 1e3).into(),
            (many / native).into(),
            of_four.into(),
        ]);
    }
    Ok(table)
}
