//! A secret planted in every input: the commands that read it repeat it nowhere (rules C3 and E11).

mod common;

use std::fs;
use std::path::Path;

use common::{file, run};
use serde_json::json;

const PASSWORD: &str = "hunter2s3cret";
/// A line of a private key. No part of it is a word of any output.
const KEY_LINE: &str = "MHcCAQEEIHunter2SecretKeyMaterialHunter2SecretKeyMaterialHunter2AA";

fn private_key() -> String {
    format!("-----BEGIN EC PRIVATE KEY-----\n{KEY_LINE}\n-----END EC PRIVATE KEY-----\n")
}

#[track_caller]
fn run_silently(arguments: &[&str]) {
    let ran = run(arguments);
    let shown = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!shown.contains(PASSWORD), "{arguments:?} repeats the password: {shown}");
    assert!(!shown.contains(&KEY_LINE[..20]), "{arguments:?} repeats the key: {shown}");
    // It ran, and had something to say.
    assert!(ran.code.is_some() && !shown.is_empty(), "{arguments:?}: {ran:?}");
}

/// Returns policies with the secret in entries, in certificates, and on lines that do not parse.
fn policies() -> Vec<String> {
    let key = private_key();
    vec![
        file(
            "toml",
            format!(
                "whitelist = [\"https://user:{PASSWORD}@h.corp\", \"user:{PASSWORD}@b.corp:5000/x\", \
                 \"c.corp/x?token={PASSWORD}\", \"d.corp#{PASSWORD}\"]\n"
            ),
        ),
        file(
            "json",
            json!({"whitelist": [format!("user:{PASSWORD}@h.corp")], "certificate_authorities": [{"pem": key}]})
                .to_string(),
        ),
        file("toml", format!("certificate_authorities = [{{ pem = \"\"\"{key}\"\"\" }}]\n")),
        // Members that no policy has.
        file(
            "json",
            json!({"whitelist": [], "password": PASSWORD, "auth": {"token": [PASSWORD]}, "projects": {"p": {"key": key}}})
                .to_string(),
        ),
        file(
            "toml",
            format!(
                "whitelist = [\"x y\"]\npassword = \"{PASSWORD}\"\nlogin = {{ token = '{PASSWORD}' }}\n\
                 key = '''{key}'''\n"
            ),
        ),
        // A member twice, and strings in three quotes.
        file("json", format!("{{\"whitelist\": [], \"password\"\n: \"{PASSWORD}\", \"password\": \"{PASSWORD}\"}}")),
        file("toml", format!("whitelist = []\nlogin = \"\"\"it\"s, {PASSWORD}\"\"\"\nkey = '''it's, {PASSWORD}'''\n")),
        // Another program's file.
        file("json", json!({"auths": {"h.corp": {"auth": PASSWORD}}}).to_string()),
        // These do not parse.
        file("toml", format!("password = \"{PASSWORD}\"\npassword = \"{PASSWORD}\"\n")),
        file("json", format!("{{\"whitelist\": [] \"password\": \"{PASSWORD}\", \"auth\": [\"{PASSWORD}\"]}}")),
        file("json", format!("{{\"auth\": {{\"token\": \"it\"s, {PASSWORD}\"}}}}")),
        file("toml", format!("whitelist = [\"user:{PASSWORD}@a.corp\n")),
        file("json", format!("{{\"whitelist\":[\"https://a.corp/x?token={PASSWORD}\" \"b.corp\"]}}")),
        file("json", json!({"certificate_authorities": [{"pem": key}]}).to_string().replace("}]}", "}],\"x\":")),
    ]
}

fn references() -> Vec<String> {
    let digest = "0".repeat(64);
    vec![
        format!("user:{PASSWORD}@h.corp/x"),
        format!("https://user:{PASSWORD}@h.corp/x"),
        format!("user:{PASSWORD}@h.corp/x@sha256:{digest}"),
        format!("h.corp/x?token={PASSWORD}"),
        format!("h.corp/x#{PASSWORD}"),
        format!("h.corp/x:{PASSWORD}@"),
    ]
}

/// Returns audit records about the references, and a line that is none.
fn records() -> String {
    let record = |reference: &String| {
        let members = json!({"time": "2026-10-01T10:00:00Z", "frontend": "docker", "user": "u", "reference": reference,
            "kind": "image", "decision": "deny", "reason": "not-whitelisted"});
        format!("{members}\n")
    };
    let lines: String = references().iter().map(record).collect();
    file("jsonl", format!("{lines}{{\"password\":\"{PASSWORD}\"\n"))
}

#[test]
fn secret_of_a_policy_is_repeated_by_no_command() {
    let good = file("json", r#"{"whitelist":["a.corp"]}"#);
    for policy in &policies() {
        for arguments in [
            &["check", policy][..],
            &["check", "--json", policy],
            &["decide", "--policy", policy, "x"],
            &["explain", "--policy", policy, "x"],
            &["compare", policy, &good],
            &["compare", "--json", &good, policy],
            &["narrow", &good, policy],
            &["export", "--to", "docker", "--policy", policy],
            &["doctor", "--for", "docker", "--policy", policy],
            &["replay", "--policy", policy, &records()],
            &["probe", "--policy", policy, "h.corp"],
        ] {
            run_silently(arguments);
        }
    }
}

#[test]
fn secret_of_an_argument_or_a_record_is_repeated_by_no_command() {
    let (good, records) = (file("json", r#"{"whitelist":["a.corp"]}"#), records());
    for reference in &references() {
        for arguments in [
            &["decide", "--policy", &good, reference][..],
            &["decide", "--json", "--policy", &good, reference],
            &["explain", "--policy", &good, reference],
            &["explain", "--json", "--policy", &good, reference],
            &["check", "--entry", reference],
            &["check", "--json", "--entry", reference],
            &["decide", "--whitelist-registry", reference, "x"],
            &["decide", "--insecure-registry", reference, "x"],
            &["probe", "--policy", &good, reference],
        ] {
            run_silently(arguments);
        }
    }
    let key = file("pem", private_key());
    run_silently(&["ca", &key]);
    run_silently(&["ca", "--json", &key]);
    run_silently(&["decide", "--registry-ca", &key, "x"]);
    run_silently(&["replay", "--policy", &good, &records]);
    run_silently(&["replay", "--json", "--policy", &good, &records]);
}

#[test]
fn secret_of_settings_is_imported_and_diagnosed_without_being_repeated() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: String| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let url = format!("https://u:{PASSWORD}@m.corp");
    let name = format!("u:{PASSWORD}@h.corp");
    write("etc/docker/daemon.json", json!({"registry-mirrors": [url], "insecure-registries": [name, url]}).to_string());
    write(
        "etc/containerd/certs.d/h.corp/hosts.toml",
        format!(
            "server = \"{url}\"\n[host.\"{url}\"]\n[host.\"{url}\".header]\nauthorization = [\"Basic {PASSWORD}\"]\n"
        ),
    );
    write(
        "etc/containerd/config.toml",
        format!(
            "[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"h.corp\".auth]\npassword = \"{PASSWORD}\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"h.corp\"]\nendpoint = [\"{url}\"]\n"
        ),
    );
    write(
        "etc/containers/registries.conf",
        format!(
            "unqualified-search-registries = [\"{name}\"]\n[[registry]]\nprefix = \"{name}\"\nlocation = \"{name}\"\n\
             insecure = true\n"
        ),
    );
    let accept = json!([{"type": "insecureAcceptAnything"}]);
    let scopes = json!({"docker": {(name.clone()): accept}});
    write("etc/containers/policy.json", json!({"default": [{"type": "reject"}], "transports": scopes}).to_string());
    write(
        "etc/rancher/k3s/registries.yaml",
        format!(
            "mirrors:\n  h.corp:\n    endpoint: [\"{url}\"]\nconfigs:\n  h.corp:\n    auth: {{username: u, password: \
             {PASSWORD}}}\n"
        ),
    );
    let lists = write("list", format!("{name}\n{url}/x\nh.corp/x?token={PASSWORD}\n"));
    let options = write("options", format!("--whitelist-registry {name} --password {PASSWORD}\n"));
    let rest = write("vch.json", json!({"registry": {"whitelist": [name], "password": PASSWORD}}).to_string());
    let folder = |path: &str| root.path().join(path).display().to_string();
    for (source, path) in [
        ("docker", folder("etc/docker")),
        ("containerd", folder("etc/containerd")),
        ("containers", folder("etc/containers")),
        ("k3s", folder("etc/rancher/k3s")),
        ("list", lists),
        ("vic-machine", options),
        ("vch", rest),
    ] {
        run_silently(&["import", "--from", source, &path]);
        run_silently(&["import", "--json", "--from", source, &path]);
    }
    let good = file("json", r#"{"whitelist":["a.corp"]}"#);
    let root = folder("");
    for target in ["docker", "containerd", "containers", "k3s"] {
        run_silently(&["doctor", "--for", target, "--policy", &good, "--root", &root]);
    }
}
