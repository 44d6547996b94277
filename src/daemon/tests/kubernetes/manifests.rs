//! The manifests of `deploy/kubernetes` use existing flags, paths, and times. Their Kubernetes side is checked by
//! `tests/kubernetes/check.py`.

use std::fs;

use clap::Parser;
use pullgate_daemon::frontends::kubernetes::{DECISION_TIMEOUT, IMAGE_POLICY_PATH, VALIDATE_PATH};
use pullgate_daemon::{PolicyStore, Settings};
use pullgate_host::{EvaluatorOptions, Module};
use pullgate_source::PolicyFile;

use super::webhook::repository_dir;

/// The relevant part of the `pullgate` command line.
#[derive(Parser)]
enum Program {
    Serve(Serve),
}

#[derive(clap::Args)]
struct Serve {
    #[command(flatten)]
    settings: Settings,
}

fn manifest(name: &str) -> String {
    fs::read_to_string(repository_dir().join("deploy/kubernetes").join(name)).unwrap()
}

/// Returns the value of the first member of this name.
fn member(manifest: &str, name: &str) -> String {
    let opening = format!("{name}: ");
    let mut lines = manifest.lines().map(|line| line.trim_start().trim_start_matches("- "));
    let line = lines.find_map(|line| line.strip_prefix(&opening));
    line.unwrap_or_else(|| panic!("no `{name}`")).trim().to_owned()
}

/// Returns the settings of the deployment, with further arguments.
fn settings(more: &[&str]) -> Settings {
    let deployment = manifest("base/deployment.yaml");
    let lines = deployment.lines().map(str::trim).skip_while(|line| *line != "args:").skip(1);
    let arguments = lines.map_while(|line| line.strip_prefix("- ")).take_while(|line| !line.starts_with("name:"));
    let arguments = std::iter::once("pullgate").chain(arguments).chain(more.iter().copied());
    let Program::Serve(Serve { settings }) = Program::try_parse_from(arguments).unwrap();
    settings
}

#[test]
fn the_overlay_of_client_certificates_requires_them() {
    let patch = manifest("overlays/client-certificate/client-ca.yaml");
    let argument = patch.lines().find_map(|line| line.trim().strip_prefix("value: --")).unwrap();
    let settings = settings(&[&format!("--{argument}")]);
    assert!(settings.check().is_ok());
    let path = settings.client_ca.unwrap();
    assert!(patch.contains(&format!("mountPath: {}", path.parent().unwrap().display())));
}

#[test]
fn the_arguments_are_settings_of_the_daemon() {
    let deployment = manifest("base/deployment.yaml");
    let settings = settings(&[]);
    let listen = settings.kubernetes_listen.unwrap();
    assert!(listen.ip().is_unspecified());
    assert_eq!(listen.port().to_string(), member(&deployment, "containerPort"));
    assert!(settings.policy.is_some() && settings.tls_certificate.is_some() && settings.tls_key.is_some());
    // A replica never allows every registry, and refuses what it denies.
    assert!(settings.require_whitelist && settings.kubernetes_enforcement.is_none());
    // Nothing but the webhooks is reachable from outside of the pod.
    assert!(settings.listen.is_none() && settings.docker_socket.is_none() && !settings.allow_policy_updates);
}

#[test]
fn the_webhooks_are_where_the_manifests_say() {
    let webhook = manifest("base/webhook.yaml");
    assert_eq!(member(&webhook, "path"), VALIDATE_PATH);
    let seconds: u64 = member(&webhook, "timeoutSeconds").parse().unwrap();
    assert!(DECISION_TIMEOUT.as_secs() < seconds, "the API server would not hear why");
    let server = member(&manifest("image-policy/kubeconfig.yaml"), "server");
    assert!(server.starts_with("https://") && server.ends_with(IMAGE_POLICY_PATH), "{server}");
}

#[test]
fn the_policy_has_no_errors() {
    let policy: toml::Value = toml::from_str(&manifest("base/policy.toml")).unwrap();
    let json = serde_json::to_string(&policy).unwrap();
    let (policies, _) =
        PolicyStore::load(Module::built_in().unwrap(), PolicyFile::built_in(json), EvaluatorOptions::default())
            .unwrap();
    assert!(policies.current().in_whitelist_mode(None));
}
