//! The admission policy that `pullgate export --to kubernetes` writes, in the API server.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use pullgate::{Decision, Policy, Request};
use serde_json::json;

use crate::cluster::{Cluster, KubectlOutcome};

/// The time within which the API server knows of a new policy.
const CONFIGURATION_TIMEOUT: Duration = Duration::from_secs(60);

/// The start of a denial.
const DENIAL: &str = "the policy of registries does not allow: ";

const IMAGES: [&str; 22] = [
    "alpine",
    "library/alpine:3",
    "team/app",
    "docker.io/alpine",
    "registry-1.docker.io/library/alpine",
    "docker.io:5000/library/alpine",
    "a.example.com/team/x:1",
    "A.Example.Com:0443/team/x",
    "a.example.com/team2/x",
    "a.example.com:5000/team/x",
    "x.eu.example.com/x",
    "x.eu.us.example.com/x",
    "b.example.net/x",
    "c.example.net/x",
    "example.net/x",
    "10.0.0.1/x",
    "10.0.0.2/x",
    "10.0.0.4/x",
    "10.0.0.010/x",
    "localhost:5000/x",
    "a_b.example.net/x",
    "c.example.net/X",
];

/// Compares the decisions of the API server with those of the policy.
pub fn run(cluster: &Cluster) {
    let policy = json!({
        "whitelist": ["docker.io/library", "a.example.com:443/team", "*.example.net", "10.0.0.0/30", "x.*.example.com"],
        "insecure": ["localhost:5000"],
        "blocked": ["10.0.0.2", "b.example.net"],
    });
    let file = cluster.sandbox().write("exported.json", &policy.to_string());
    let mut export = Command::new(env!("CARGO_BIN_EXE_pullgate"));
    let exported = export.args(["export", "--to", "kubernetes", "--policy"]).arg(file).output().unwrap();
    assert!(exported.status.success(), "{exported:?}");
    let objects = String::from_utf8(exported.stdout).unwrap();
    let applied = cluster.kubectl_with(&["apply", "--filename=-"], &objects).succeeds();
    // The API server checks the types of expressions, and warns.
    assert!(!applied.contains("Warning"), "{applied}");
    let start = Instant::now();
    while create(cluster, "evil.test/x").is_success {
        assert!(start.elapsed() < CONFIGURATION_TIMEOUT, "the policy has no effect");
        thread::sleep(Duration::from_millis(200));
    }
    let policy = Policy::load(&policy.to_string(), 0).unwrap().policy;
    for image in IMAGES {
        let outcome = create(cluster, image);
        match policy.decide(&Request { reference: image, ..Request::default() }) {
            Decision::Allow(_) => drop(outcome.succeeds()),
            _ => outcome.fails(&[DENIAL, image]),
        }
    }
    let deleted = cluster.kubectl_with(&["delete", "--filename=-"], &objects);
    deleted.succeeds();
}

/// Tries to create a pod, without effect.
fn create(cluster: &Cluster, image: &str) -> KubectlOutcome {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "any" },
        "spec": { "containers": [{ "name": "main", "image": image }] },
    });
    cluster.kubectl_with(&["create", "--dry-run=server", "--filename=-"], &pod.to_string())
}
