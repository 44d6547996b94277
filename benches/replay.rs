//! A million lines of an audit record, decided again by another policy in the module: with the repetition of a cluster,
//! and with 100,000 distinct requests, of which most change.
//!
//! `cargo bench -p pullgate-benches --bench replay`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use pullgate::{Decision, Request, Response};
use pullgate_benches::audit_line;
use pullgate_host::{EvaluatorOptions, Module, PolicyEvaluator};
use pullgate_replay::{PolicyDecider, RecordReader, ReplayReport};

const LINES: u64 = 1_000_000;

/// A policy in the module.
struct ModulePolicy(PolicyEvaluator);

impl PolicyDecider for ModulePolicy {
    fn decide_many(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        self.0.decide_many_offline(requests)
    }

    fn registry(&self, request: &Request<'_>) -> Option<String> {
        let response: Response<'static> = serde_json::from_str(&self.0.decide_text_offline(request)).unwrap();
        response.registry.map(Into::into)
    }
}

fn replay(criterion: &mut Criterion) {
    let module = Module::built_in().unwrap();
    let load = |document: &str| ModulePolicy(module.load(document, 0, EvaluatorOptions::default()).unwrap().0);
    // The policy of the record, and one that denies most of it.
    let same = load(r#"{"whitelist":["*.example.com"],"insecure":["10.2.2.0/24"]}"#);
    let narrower = load(r#"{"whitelist":["10.2.2.0/24"]}"#);
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10);
    for (name, distinct, policy, most) in [
        ("1000-requests", 1_000, &same, 0),
        ("1000-requests-denied", 1_000, &narrower, 500_000),
        ("100000-requests-denied", 100_000, &narrower, 500_000),
    ] {
        let path = write_record(name, distinct);
        let changed = |report: &ReplayReport| report.changes.iter().map(|row| row.records).sum::<u64>();
        let report = run(&path, policy);
        assert_eq!(report.records, LINES);
        assert!(report.requests <= distinct && report.requests > distinct / 2, "{}", report.requests);
        assert!(changed(&report) >= most && (most > 0) == (changed(&report) > 0), "{}", changed(&report));
        group.bench_function(name, |bench| bench.iter(|| run(&path, policy)));
        std::fs::remove_file(path).unwrap();
    }
}

fn run(path: &Path, policy: &ModulePolicy) -> ReplayReport {
    let mut reader = RecordReader::new(false);
    reader.read("record", File::open(path).unwrap(), |_, _| ()).unwrap();
    reader.finish().replay(policy)
}

fn write_record(name: &str, distinct: u64) -> PathBuf {
    let path = std::env::temp_dir().join(format!("pullgate-{}-{name}.jsonl", std::process::id()));
    let mut file = BufWriter::new(File::create(&path).unwrap());
    for number in 0..LINES {
        writeln!(file, "{}", audit_line(number, distinct)).unwrap();
    }
    file.into_inner().unwrap();
    path
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(20)).warm_up_time(Duration::from_millis(500));
    targets = replay
}
criterion_main!(benches);
