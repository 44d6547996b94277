//! The admission policy that `pullgate export --to kubernetes` writes, in the API server.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use pullgate::{Decision, Policy, Request};
use serde_json::{Value, json};

use crate::common::cluster::{Cluster, KubectlOutcome};
use crate::validating_webhook::{WORKLOADS, pod, workload};

/// The time within which the API server knows of a new policy.
const CONFIGURATION_TIMEOUT: Duration = Duration::from_secs(60);

/// The number of entries up to which an export says nothing of the API server's limits of cost.
const MANY_ENTRIES: usize = 1_000;

/// The number of images of one pod that are decided by so many entries.
const MANY_IMAGES: usize = 20;

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

/// An image that the policy denies.
const DENIED: &str = "evil.test/x";

/// Compares the decisions of the API server with those of the policy.
pub fn run(cluster: &Cluster) {
    let policy = json!({
        "whitelist": ["docker.io/library", "a.example.com:443/team", "*.example.net", "10.0.0.0/30", "x.*.example.com"],
        "insecure": ["localhost:5000"],
        "blocked": ["10.0.0.2", "b.example.net"],
    });
    let objects = apply(cluster, &policy, &[]);
    wait_for(cluster, || !create(cluster, DENIED).is_success);
    let decisions = Policy::load(&policy.to_string(), 0).unwrap().policy;
    for image in IMAGES {
        let outcome = create(cluster, image);
        match decisions.decide(&Request { reference: image, ..Request::default() }) {
            Decision::Allow(_) => drop(outcome.succeeds()),
            _ => outcome.fails(&[DENIAL, image]),
        }
    }
    doctor_agrees(cluster);
    every_place_counts(cluster);
    exempt_namespaces(cluster);
    cluster.kubectl_with(&["delete", "--filename=-"], &objects).succeeds();
    wait_for(cluster, || create(cluster, DENIED).is_success);
    project(cluster);
    many_entries(cluster);
}

/// Requires that the doctor finds nothing in what the API server made of the objects.
fn doctor_agrees(cluster: &Cluster) {
    let kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings";
    let objects = cluster.kubectl(&["get", kinds, "--output=yaml"]).succeeds();
    let objects = cluster.sandbox().write("objects.yaml", &objects);
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_pullgate"));
    doctor.args(["doctor", "--for", "kubernetes", "--policy"]).arg(cluster.sandbox().folder().join("exported.json"));
    let found = doctor.arg(objects).output().unwrap();
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout));
}

/// Exports a policy with these options, and applies the objects. Returns them.
fn apply(cluster: &Cluster, policy: &Value, options: &[&str]) -> String {
    let file = cluster.sandbox().write("exported.json", &policy.to_string());
    let mut export = Command::new(env!("CARGO_BIN_EXE_pullgate"));
    let exported =
        export.args(["export", "--to", "kubernetes"]).args(options).arg("--policy").arg(file).output().unwrap();
    assert!(exported.status.success(), "{exported:?}");
    let objects = String::from_utf8(exported.stdout).unwrap();
    let applied = cluster.kubectl_with(&["apply", "--filename=-"], &objects).succeeds();
    // The API server checks the types of expressions, and warns.
    assert!(!applied.contains("Warning"), "{applied}");
    objects
}

fn wait_for(cluster: &Cluster, is_done: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_done() {
        assert!(start.elapsed() < CONFIGURATION_TIMEOUT, "the policy has no effect: {}", cluster.version());
        thread::sleep(Duration::from_millis(200));
    }
}

/// Every image of an object counts, whatever its kind.
fn every_place_counts(cluster: &Cluster) {
    let try_out =
        |object: &Value| cluster.kubectl_with(&["create", "--dry-run=server", "--filename=-"], &object.to_string());
    for (kind, version) in WORKLOADS {
        try_out(&workload(kind, version, "any", "alpine")).succeeds();
        try_out(&workload(kind, version, "any", DENIED)).fails(&[DENIAL, DENIED]);
    }
    let container = |name: &str, image: &str| json!({ "name": name, "image": image });
    let with = |member: &str, value: Value| {
        let mut spec = json!({ "containers": [container("main", "alpine")] });
        spec[member] = value;
        try_out(&pod("any", &spec))
    };
    with("initContainers", json!([container("first", "alpine")])).succeeds();
    with("initContainers", json!([container("first", DENIED)])).fails(&[DENIAL, DENIED]);
    with("containers", json!([container("main", "alpine"), container("other", DENIED)])).fails(&[DENIAL, DENIED]);
    let volume =
        |image: &str| json!([{ "name": "data", "image": { "reference": image } }, { "name": "e", "emptyDir": {} }]);
    with("volumes", volume("alpine")).succeeds();
    with("volumes", volume(DENIED)).fails(&[DENIAL, DENIED]);
    cluster.apply(&pod("there", &json!({ "containers": [container("main", "alpine")] }))).succeeds();
    cluster.kubectl(&["set", "image", "pod/there", &format!("main={DENIED}")]).fails(&[DENIAL, DENIED]);
    cluster.kubectl(&["debug", "there", "--image", DENIED]).fails(&[DENIAL, DENIED]);
    cluster.kubectl(&["debug", "there", "--image", "busybox"]).succeeds();
    cluster.kubectl(&["delete", "pod/there", "--grace-period=0", "--force"]).succeeds();
}

fn exempt_namespaces(cluster: &Cluster) {
    let run = |namespace: &str| {
        cluster.kubectl(&["run", "any", "--namespace", namespace, "--image", DENIED, "--dry-run=server"])
    };
    run("kube-system").succeeds();
    run("default").fails(&[DENIAL, DENIED]);
}

/// The policy of a project is for its namespace alone.
fn project(cluster: &Cluster) {
    cluster.kubectl(&["create", "namespace", "team"]).succeeds();
    let policy = json!({ "whitelist": ["a.example.com"], "projects": { "team": { "whitelist": ["b.example.com"] } } });
    let objects = apply(cluster, &policy, &["--project", "team"]);
    let run = |namespace: &str, image: &str| {
        cluster.kubectl(&["run", "any", "--namespace", namespace, "--image", image, "--dry-run=server"])
    };
    wait_for(cluster, || !run("team", DENIED).is_success);
    run("team", "b.example.com/x").succeeds();
    run("default", DENIED).succeeds();
    cluster.kubectl_with(&["delete", "--filename=-"], &objects).succeeds();
    wait_for(cluster, || run("team", DENIED).is_success);
}

/// As many entries as an export takes without a note, for an object with many images.
fn many_entries(cluster: &Cluster) {
    let entries: Vec<_> = (0..MANY_ENTRIES).map(|number| format!("registry-{number}.example.com/team")).collect();
    let objects = apply(cluster, &json!({ "whitelist": entries }), &[]);
    wait_for(cluster, || !create(cluster, DENIED).is_success);
    let image = |number: usize| format!("registry-{}.example.com/team/app:1", number % MANY_ENTRIES);
    let containers = |last: &str| {
        let images = (0..MANY_IMAGES - 1).map(|number| image(MANY_ENTRIES - 1 - number)).chain([last.to_owned()]);
        let containers =
            images.enumerate().map(|(index, image)| json!({ "name": format!("c{index}"), "image": image }));
        pod("any", &json!({ "containers": containers.collect::<Vec<_>>() }))
    };
    let try_out =
        |object: &Value| cluster.kubectl_with(&["create", "--dry-run=server", "--filename=-"], &object.to_string());
    try_out(&containers(&image(0))).succeeds();
    try_out(&containers(DENIED)).fails(&[DENIAL, DENIED]);
    cluster.kubectl_with(&["delete", "--filename=-"], &objects).succeeds();
}

/// Tries to create a pod, without effect.
fn create(cluster: &Cluster, image: &str) -> KubectlOutcome {
    let pod = pod("any", &json!({ "containers": [{ "name": "main", "image": image }] }));
    cluster.kubectl_with(&["create", "--dry-run=server", "--filename=-"], &pod.to_string())
}
