//! One decision, natively and through the component under wasmtime: image reference in, decision out.
//!
//! `cargo bench -p pullgate-benches --bench decide`

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pullgate::{Policy, Request};
use pullgate_benches::{ALLOWED, ALLOWED_BY_PATTERN, DENIED, evaluator, policy, with_patterns};

/// The number of requests of `decide-many`.
const MANY: usize = 100;

fn decide(criterion: &mut Criterion) {
    for entries in [4, 1_000_000] {
        let plain = policy(entries);
        for (kind, document) in
            [("", plain.clone()), ("patterns/", with_patterns(&policy(entries.saturating_sub(1_000))))]
        {
            let native = Policy::load(&document, 0).unwrap().policy;
            let evaluator = evaluator(&document);
            let by_pattern = Some(ALLOWED_BY_PATTERN).filter(|_| !kind.is_empty());
            for (name, reference) in ALLOWED.into_iter().chain(DENIED).chain(by_pattern) {
                let request = Request { reference, ..Request::default() };
                assert_eq!(native.decide(&request), evaluator.decide_offline(&request));
                let many = [request; MANY];
                let mut group = criterion.benchmark_group(format!("{kind}{name}/{entries}"));
                group.bench_function("native", |bench| bench.iter(|| native.decide(black_box(&request))));
                group.bench_function("module", |bench| bench.iter(|| evaluator.decide_offline(black_box(&request))));
                group.throughput(Throughput::Elements(MANY as u64));
                group.bench_function("module-many", |bench| {
                    bench.iter(|| evaluator.decide_many_offline(black_box(&many)))
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = decide
}
criterion_main!(benches);
