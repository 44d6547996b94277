//! The scenarios of the `ImagePolicyWebhook`, with the files of `deploy/kubernetes/image-policy`.

use std::fs;

use serde_json::json;

use crate::common::cluster::Cluster;
use crate::common::repository;

/// The start of a denial by this webhook.
const DENIAL: &str = "image policy webhook backend denied one or more images: ";

/// Starts the API server with the webhook of its own configuration, in place of the one in the cluster.
pub fn run(cluster: &mut Cluster) {
    cluster.kubectl(&["delete", "validatingwebhookconfiguration", "pullgate"]).succeeds();
    let folder = cluster.sandbox().folder().to_owned();
    let manifest = |name: &str| fs::read_to_string(repository("deploy/kubernetes/image-policy").join(name)).unwrap();
    // The paths and the address are the administrator's to fill in.
    let here = folder.display().to_string();
    let kubeconfig = manifest("kubeconfig.yaml")
        .replace("https://10.96.0.42:443/", "https://10.77.0.1:8443/")
        .replace("/etc/kubernetes/pullgate/ca.crt", &format!("{here}/manifests/overlays/plain/ca.crt"));
    let kubeconfig = cluster.sandbox().write("image-policy/kubeconfig.yaml", &kubeconfig);
    let configuration = manifest("admission-configuration.yaml")
        .replace("/etc/kubernetes/pullgate/kubeconfig.yaml", &kubeconfig.display().to_string());
    let configuration = cluster.sandbox().write("image-policy/configuration.yaml", &configuration);
    cluster.set_policy(&json!({ "whitelist": ["registry.k8s.io"] }));
    cluster.restart(&[
        "--enable-admission-plugins=ImagePolicyWebhook",
        &format!("--admission-control-config-file={}", configuration.display()),
    ]);

    cluster.kubectl(&["run", "policy", "--image=registry.k8s.io/pause:3.10"]).succeeds();
    cluster.kubectl(&["run", "bad", "--image=evil.test/app:1"]).fails(&["Forbidden", DENIAL, "evil.test"]);
    // Only pods are asked about, and every namespace.
    cluster.kubectl(&["create", "deployment", "bad", "--image=evil.test/app:1"]).succeeds();
    let exempt = ["run", "bad", "--namespace=kube-system", "--image=evil.test/app:2"];
    cluster.kubectl(&exempt).fails(&[DENIAL]);
    cluster.stop_daemon();
    cluster.kubectl(&["run", "later", "--image=registry.k8s.io/pause:3.9"]).fails(&["Forbidden"]);
    cluster.start_daemon();
    cluster.kubectl(&["run", "later", "--image=registry.k8s.io/pause:3.8"]).succeeds();
}
