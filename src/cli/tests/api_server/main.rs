//! A real API server of Kubernetes, with the manifests of `deploy/kubernetes` applied to it, and the webhooks of a
//! running daemon.
//!
//! `cargo xtask api-server` builds the server, and `tests/kubernetes/check.py` fetches `kubectl`. There are neither
//! nodes nor controllers: admission needs none, and no object makes others. The test needs root besides, and Debian's
//! packages `iproute2` and `openssl`.

mod admission_policy;
mod chart;
#[path = "../common/mod.rs"]
mod common;
mod image_policy;
mod validating_webhook;

use std::time::Instant;

use common::cluster::Cluster;

#[test]
#[ignore = "needs the API server that `cargo xtask api-server` builds"]
fn cluster_admits_what_the_policy_allows_and_nothing_else() {
    let start = Instant::now();
    let say = |what: &str| println!("{:6.1} s  {what}", start.elapsed().as_secs_f64());
    let mut cluster = Cluster::start();
    say(&cluster.version());
    cluster.install();
    say("the manifests are applied, and the webhook answers");
    chart::apply(&cluster);
    say("the chart is applied over them, and changes nothing");
    validating_webhook::creations(&mut cluster);
    say("created by every kind");
    validating_webhook::changes(&mut cluster);
    say("updated, scaled, debugged, deleted, and tried without effect");
    validating_webhook::tighter_policy(&mut cluster);
    say("a tighter policy, and its warnings");
    validating_webhook::projects(&mut cluster);
    say("projects by namespace");
    validating_webhook::failure(&mut cluster);
    say("the daemon stopped, and started again");
    validating_webhook::audit(&cluster);
    say("the audit log of the API server");
    image_policy::run(&mut cluster);
    say("the image policy webhook");
}

#[test]
#[ignore = "needs the API server that `cargo xtask api-server` builds"]
fn exported_admission_policy_decides_as_the_policy_does() {
    admission_policy::run(&Cluster::start());
}
