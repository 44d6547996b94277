//! Two policies that differ in ten entries, compared natively and through the component under wasmtime.
//!
//! `cargo bench -p pullgate-benches --bench compare`

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use pullgate_benches::{changed, policy};
use pullgate_host::Module;

fn compare(criterion: &mut Criterion) {
    let module = Module::built_in().unwrap();
    for entries in [1_000, 100_000] {
        let old = policy(entries);
        for (name, resolves) in [("", false), ("-resolving", true)] {
            let [old, new] = [old.clone(), changed(&old)].map(|text| match resolves {
                true => text.replacen('{', r#"{"match_resolved_addresses":true,"#, 1),
                false => text,
            });
            assert!(!pullgate::compare(&old, &new, 0).unwrap().regions.is_empty());
            let mut group = criterion.benchmark_group(format!("compare{name}/{entries}"));
            group.sample_size(10);
            group.bench_function("native", |bench| bench.iter(|| pullgate::compare(black_box(&old), &new, 0).unwrap()));
            group.bench_function("module", |bench| {
                bench.iter(|| module.compare(black_box(&old), &new, 0).unwrap().unwrap());
            });
        }
        let mut group = criterion.benchmark_group(format!("compare-mode-off/{entries}"));
        group.sample_size(10);
        let off = old.replacen(r#""whitelist":"#, r#""image_fetch_proxy":"#, 1);
        group.bench_function("native", |bench| bench.iter(|| pullgate::compare(black_box(&old), &off, 0).unwrap()));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(500));
    targets = compare
}
criterion_main!(benches);
