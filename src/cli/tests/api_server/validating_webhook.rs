//! The scenarios of the `ValidatingWebhookConfiguration`.

use serde_json::{Value, json};

use crate::common::cluster::Cluster;

/// Images that the policy of the manifests allows.
const ALLOWED: &str = "registry.k8s.io/pause:3.10";
const ALSO_ALLOWED: &str = "nginx:1.29";

const DENIED: &str = "evil.test:5000/team/app:1";

/// The kinds of objects that have pods, with their versions.
pub const WORKLOADS: [(&str, &str); 8] = [
    ("Deployment", "apps/v1"),
    ("ReplicaSet", "apps/v1"),
    ("StatefulSet", "apps/v1"),
    ("DaemonSet", "apps/v1"),
    ("ReplicationController", "v1"),
    ("Job", "batch/v1"),
    ("CronJob", "batch/v1"),
    ("PodTemplate", "v1"),
];

/// The start of a denial.
const DENIAL: &str = "admission webhook \"images.pullgate.internal\" denied the request: ";

/// Every kind that the webhook is registered for, by its creation.
pub fn creations(cluster: &mut Cluster) {
    cluster.kubectl(&["run", "good", "--image", ALLOWED]).succeeds();
    cluster.kubectl(&["run", "hub", "--image", ALSO_ALLOWED]).succeeds();
    let denial = ["Error from server (Forbidden): ", DENIAL, "`evil.test:5000/team/app:1`", "container `bad`"];
    cluster.kubectl(&["run", "bad", "--image", DENIED]).fails(&denial);
    cluster.kubectl(&["run", "bad", "--image", "docker.io/evil/app"]).fails(&[DENIAL, "`library` only"]);
    for (kind, version) in WORKLOADS {
        let name = format!("good-{}", kind.to_lowercase());
        cluster.apply(&workload(kind, version, &name, ALLOWED)).succeeds();
        cluster.apply(&workload(kind, version, "bad", DENIED)).fails(&[DENIAL, DENIED]);
    }
    // Every image of a pod counts, wherever it stands.
    let container = |name: &str, image: &str| json!({ "name": name, "image": image });
    for (place, spec) in [
        (
            "init container `first`",
            json!({ "initContainers": [container("first", DENIED)], "containers": [container("main", ALLOWED)] }),
        ),
        ("container `second`", json!({ "containers": [container("main", ALLOWED), container("second", DENIED)] })),
        (
            "volume `data`",
            json!({
                "containers": [container("main", ALLOWED)],
                "volumes": [{ "name": "data", "image": { "reference": DENIED } }],
            }),
        ),
    ] {
        cluster.apply(&pod("bad", &spec)).fails(&[DENIAL, "1 of 2 images are refused", place]);
    }
    cluster.kubectl(&["get", "pod", "bad"]).fails(&["NotFound"]);
    // The namespaces that the configuration leaves out, by name.
    cluster.kubectl(&["run", "any", "--namespace=kube-system", "--image", DENIED]).succeeds();
    cluster.apply(&own_pod(cluster, "pullgate-1")).succeeds();
    // A label of one's own leaves nothing out.
    cluster.kubectl(&["create", "namespace", "other"]).succeeds();
    cluster.kubectl(&["label", "namespace", "other", "pullgate=off"]).succeeds();
    cluster.kubectl(&["run", "bad", "--namespace=other", "--image", DENIED]).fails(&[DENIAL]);
    let denials = |records: &[Value]| records.iter().filter(|record| record["decision"] == "deny").count();
    // Two of single pods, one of each kind, three of a pod's places, one of the other namespace.
    let records = cluster.daemon().records_until(|records| denials(records) >= 14);
    assert!(records.iter().all(|record| record["frontend"] == "kubernetes") && denials(&records) >= 14, "{records:#?}");
}

/// Changes of objects that exist.
pub fn changes(cluster: &mut Cluster) {
    let deployment = "deployment/good-deployment";
    cluster.kubectl(&["scale", deployment, "--replicas=3"]).succeeds();
    let replicas = cluster.kubectl(&["get", deployment, "--output=jsonpath={.spec.replicas}"]).succeeds();
    assert_eq!(replicas, "3");
    cluster.kubectl(&["set", "image", deployment, &format!("main={ALSO_ALLOWED}")]).succeeds();
    cluster.kubectl(&["set", "image", deployment, &format!("main={DENIED}")]).fails(&[DENIAL, DENIED]);
    let patch = json!({ "spec": { "template": { "spec": { "initContainers": [{ "name": "i", "image": DENIED }] } } } });
    cluster.kubectl(&["patch", deployment, "--patch", &patch.to_string()]).fails(&[DENIAL, "container `i`"]);
    let image = "--output=jsonpath={.spec.template.spec.containers[*].image}";
    assert_eq!(cluster.kubectl(&["get", deployment, image]).succeeds(), ALSO_ALLOWED);
    cluster.kubectl(&["set", "image", "pod/good", &format!("good={DENIED}")]).fails(&[DENIAL]);
    cluster.kubectl(&["label", "pod/good", "a=b"]).succeeds();

    // `kubectl debug` adds an ephemeral container, by a subresource of its own; or makes a copy of the pod.
    cluster.kubectl(&["debug", "good", "--image", DENIED]).fails(&[DENIAL, DENIED]);
    cluster.kubectl(&["debug", "good", "--image", ALSO_ALLOWED]).succeeds();
    cluster.kubectl(&["debug", "good", "--image", DENIED, "--copy-to=copy"]).fails(&[DENIAL, DENIED]);
    cluster.kubectl(&["debug", "good", "--image", ALSO_ALLOWED, "--copy-to=copy"]).succeeds();
    let images = "--output=jsonpath={.spec.ephemeralContainers[*].image}";
    assert_eq!(cluster.kubectl(&["get", "pod/good", images]).succeeds(), ALSO_ALLOWED);

    // Without effect: asked all the same, and nothing is there.
    cluster.kubectl(&["run", "dry", "--image", ALLOWED, "--dry-run=server"]).succeeds();
    cluster.kubectl(&["run", "dry", "--image", DENIED, "--dry-run=server"]).fails(&[DENIAL]);
    cluster.kubectl(&["get", "pod", "dry"]).fails(&["NotFound"]);

    cluster.kubectl(&["delete", "pod/copy", "--grace-period=0", "--force"]).succeeds();
    cluster.kubectl(&["delete", "deployment/good-deployment"]).succeeds();
}

/// An object from before a tighter policy can be changed, but for its images.
pub fn tighter_policy(cluster: &mut Cluster) {
    cluster.set_policy(&json!({ "whitelist": ["registry.k8s.io"] }));
    let outcome = cluster.kubectl(&["label", "pod/hub", "a=b"]);
    let warning = format!("Warning: would be refused now: `{ALSO_ALLOWED}`");
    assert!(outcome.text.contains(&warning), "no `{warning}` in {}", outcome.text);
    outcome.succeeds();
    let outcome = cluster.kubectl(&["label", "pod/good", "c=d"]);
    assert!(outcome.text.contains(&warning), "its ephemeral container is not allowed any more: {}", outcome.text);
    outcome.succeeds();
    cluster.kubectl(&["scale", "replicaset/good-replicaset", "--replicas=2"]).succeeds();
    cluster.kubectl(&["run", "hub2", "--image", ALSO_ALLOWED]).fails(&[DENIAL, ALSO_ALLOWED]);
    cluster.kubectl(&["delete", "pod/hub", "--grace-period=0", "--force"]).succeeds();
    cluster.kubectl(&["delete", "pod/good", "--grace-period=0", "--force"]).succeeds();
}

/// With projects in the policy, the namespace is the project.
pub fn projects(cluster: &mut Cluster) {
    for namespace in ["team-a", "team-b", "stranger"] {
        cluster.kubectl(&["create", "namespace", namespace]).succeeds();
    }
    cluster.set_policy(&json!({
        "whitelist": ["registry.k8s.io"],
        "projects": { "team-a": { "whitelist": ["a.test"] }, "team-b": {} },
    }));
    let run = |cluster: &Cluster, namespace: &str, image: &str| {
        cluster.kubectl(&["run", "x", "--namespace", namespace, "--image", image, "--dry-run=server"])
    };
    run(cluster, "team-a", "a.test/app:1").succeeds();
    run(cluster, "team-a", ALLOWED).succeeds();
    run(cluster, "team-b", ALLOWED).succeeds();
    run(cluster, "team-b", "a.test/app:1").fails(&[DENIAL, "a.test"]);
    run(cluster, "stranger", ALLOWED).fails(&[DENIAL, "stranger"]);
    let is_unknown = |record: &Value| record["reason"] == "unknown-project" && record["project"] == "stranger";
    let records = cluster.daemon().records_until(|records| records.iter().any(is_unknown));
    assert!(records.iter().any(is_unknown), "{records:#?}");
    cluster.set_policy(&json!({ "whitelist": ["registry.k8s.io", "docker.io/library"] }));
}

/// Without the daemon nothing is admitted, and what names no image goes on.
pub fn failure(cluster: &mut Cluster) {
    cluster.kubectl(&["run", "stays", "--image", ALLOWED]).succeeds();
    cluster.stop_daemon();
    let failure = ["failed calling webhook \"images.pullgate.internal\""];
    cluster.kubectl(&["run", "down", "--image", ALLOWED]).fails(&failure);
    cluster.kubectl(&["label", "pod/stays", "a=b"]).fails(&failure);
    cluster.kubectl(&["scale", "replicaset/good-replicaset", "--replicas=1"]).succeeds();
    cluster.kubectl(&["delete", "pod/stays", "--grace-period=0", "--force"]).succeeds();
    // Its own namespace: new replicas can start.
    cluster.apply(&own_pod(cluster, "pullgate-2")).succeeds();
    cluster.start_daemon();
    cluster.kubectl(&["run", "down", "--image", ALLOWED]).succeeds();
}

/// The annotations that the API server records.
pub fn audit(cluster: &Cluster) {
    let events = cluster.audit_events();
    let annotations =
        |event: &Value, name: &str| event["annotations"][format!("images.pullgate.internal/{name}")].clone();
    let find = |decision: &str| events.iter().find(|event| annotations(event, "decision") == decision);
    let denied = find("deny").expect("a denial");
    assert_eq!(annotations(denied, "reason"), "not-whitelisted", "{denied}");
    assert!(annotations(denied, "refused").as_str().is_some_and(|refused| refused.contains("evil.test")), "{denied}");
    let allowed = find("allow").expect("an admission");
    for name in ["policy", "generation", "module"] {
        assert!(annotations(allowed, name).is_string(), "{name}: {allowed}");
    }
}

/// Returns a pod of the daemon's Deployment, as a controller would make it. No policy lists its image.
fn own_pod(cluster: &Cluster, name: &str) -> Value {
    let get = ["get", "deployment", "pullgate", "--namespace=pullgate-system", "--output=json"];
    let deployment: Value = serde_json::from_str(&cluster.kubectl(&get).succeeds()).unwrap();
    let mut pod = pod(name, &deployment["spec"]["template"]["spec"]);
    pod["metadata"]["namespace"] = json!("pullgate-system");
    pod
}

/// Returns a workload of one container.
pub fn workload(kind: &str, version: &str, name: &str, image: &str) -> Value {
    let pod_spec = json!({ "containers": [{ "name": "main", "image": image }] });
    let template = json!({ "metadata": { "labels": { "app": name } }, "spec": pod_spec });
    let job = json!({ "template": { "spec": {
        "containers": [{ "name": "main", "image": image }],
        "restartPolicy": "Never",
    } } });
    let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } });
    match kind {
        "Job" => object["spec"] = job,
        "CronJob" => object["spec"] = json!({ "schedule": "0 0 1 1 *", "jobTemplate": { "spec": job } }),
        "PodTemplate" => object["template"] = template,
        "ReplicationController" => {
            object["spec"] = json!({ "replicas": 0, "selector": { "app": name }, "template": template });
        }
        _ => {
            object["spec"] = json!({ "selector": { "matchLabels": { "app": name } }, "template": template });
            if kind == "StatefulSet" {
                object["spec"]["serviceName"] = json!(name);
            }
        }
    }
    object
}

pub fn pod(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec })
}
