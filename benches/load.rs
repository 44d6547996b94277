//! Loading a policy, natively and through the component under wasmtime.
//!
//! `cargo bench -p pullgate-benches --bench load`

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pullgate::Policy;
use pullgate_benches::policy;
use pullgate_host::{EvaluatorOptions, Module};

fn load(criterion: &mut Criterion) {
    let module = Module::built_in().unwrap();
    for entries in [4, 1_000, 100_000] {
        let document = policy(entries);
        let mut group = criterion.benchmark_group(format!("load/{entries}"));
        group.sample_size(10);
        // Dropping the policy is not part of it.
        let input = || document.as_str();
        group.bench_function("native", |bench| {
            bench.iter_batched(
                input,
                |document| Policy::load(black_box(document), 0).unwrap(),
                BatchSize::PerIteration,
            );
        });
        group.bench_function("module", |bench| {
            let load = |document: &str| module.load(black_box(document), 0, EvaluatorOptions::default()).unwrap();
            bench.iter_batched(input, load, BatchSize::PerIteration);
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(500));
    targets = load
}
criterion_main!(benches);
