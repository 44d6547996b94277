//! The chart, over the manifests that it must equal.

use std::fs;
use std::path::Path;

use crate::common::cluster::Cluster;

/// Applies the chart, as Helm renders it, and requires that no object changes.
pub fn apply(cluster: &Cluster) {
    let rendered = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/kubernetes/chart/plain.yaml");
    let chart = fs::read_to_string(rendered).unwrap();
    let installed = cluster.sandbox().folder().join("manifests/overlays/plain/ca-bundle.yaml");
    let authority = |text: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with("caBundle: "));
        line.expect("the webhook has an authority").to_owned()
    };
    // The authority of the test's certificate, in place of that of the chart's values.
    let chart = chart.replace(&authority(&chart), &authority(&fs::read_to_string(installed).unwrap()));
    let difference = cluster.kubectl_with(&["diff", "--filename=-"], &chart).succeeds();
    assert_eq!(difference, "");
    let applied = cluster.kubectl_with(&["apply", "--filename=-"], &chart).succeeds();
    assert_eq!(applied.lines().count(), chart.matches("\nkind: ").count(), "{applied}");
}
