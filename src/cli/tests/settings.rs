//! The tests of `pullgate export`, `import` and `doctor`.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::daemon::Daemon;
use common::{ProgramRun, file, run, run_in, run_with};
use serde_json::{Value, json};

const TARGETS: [&str; 8] =
    ["docker", "containerd", "containers", "k3s", "openshift", "kubernetes", "vic-machine", "vch"];

const POLICY: &str = "whitelist = [\"harbor.corp.example:5443\"]\ninsecure = [\"10.77.0.1:5000\", \"10.2.0.0/16\"]\n";

fn authority() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/certificates/ca.pem");
    path.display().to_string()
}

#[test]
fn every_target_is_exported_and_imported_again() {
    let policy = file("toml", POLICY);
    for target in TARGETS {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().display().to_string();
        let exported =
            run(&["export", "--to", target, "--policy", &policy, "--rc", &authority(), "--out", &out, "--json"]);
        assert_eq!(exported.code, Some(0), "{target}: {exported:?}");
        let report = &exported.json()[0];
        let entries = report["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 4, "{target}: {report}");
        assert!(
            entries.iter().all(|entry| entry["fidelity"] == "equal" || entry["reason"].is_string()),
            "{target}: {report}"
        );
        assert_eq!(report["written"].as_array().unwrap().len(), report["files"].as_array().unwrap().len());
        let imported = run(&["import", "--from", target, &out]);
        assert!(matches!(imported.code, Some(0 | 1)), "{target}: {imported:?}");
        let again = file("toml", &imported.stdout);
        let checked = run(&["check", &again]);
        assert_eq!(checked.code, Some(0), "{target}: {}\n{checked:?}", imported.stdout);
        assert!(imported.stdout.contains("10.77.0.1:5000"), "{target}: {imported:?}");
    }
}

#[test]
fn an_export_keeps_what_is_there_and_says_what_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("etc/docker/daemon.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{\n  \"log-driver\": \"journald\",\n  \"insecure-registries\": [\"evil.example\"]\n}\n").unwrap();
    let out = folder.path().display().to_string();
    let policy = file("toml", POLICY);
    let ran = run(&["export", "--to", "docker", "--policy", &policy, "--out", &out]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.says(&["written: ", "/etc/docker/daemon.json, its other members kept"]);
    ran.complains(&[
        "by-pullgate whitelist `harbor.corp.example:5443`",
        "equal insecure `10.77.0.1:5000`",
        "narrower insecure `10.2.0.0/16`: ",
    ]);
    let settings: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(
        settings,
        json!({
            "log-driver": "journald",
            "insecure-registries": ["10.77.0.1:5000"],
            "authorization-plugins": ["pullgate"],
        })
    );
    fs::write(&path, "{\n\"a\": 1,\n}").unwrap();
    let ran = run(&["export", "--to", "docker", "--policy", &policy, "--out", &out]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.complains(&["`/etc/docker/daemon.json` does not parse", "line 2"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\n\"a\": 1,\n}");
}

#[test]
fn nothing_wider_is_exported_unless_it_is_allowed() {
    let wildcard = file("toml", "whitelist = [\"*.example.com:5000\"]\n");
    let ran = run(&["export", "--to", "containers", "--policy", &wildcard]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.complains(&["narrower whitelist `*.example.com:5000`", "`--allow-wider` writes `*.example.com`"]);
    assert!(!ran.stdout.contains("example.com"), "{ran:?}");
    let ran = run(&["export", "--to", "containers", "--policy", &wildcard, "--allow-wider"]);
    ran.says(&["\"*.example.com\""]);
    ran.complains(&["wider whitelist `*.example.com:5000`"]);
    // An empty whitelist is none to VIC.
    let empty = file("toml", "whitelist = []\n");
    let ran = run(&["export", "--to", "vic-machine", "--policy", &empty]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    ran.complains(&["nothing is exported: whitelist mode needs an entry"]);
    let blocked = file("toml", "blocked = [\"10.0.0.0/8\"]\n");
    let ran = run(&["export", "--to", "containers", "--policy", &blocked]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn a_single_file_is_printed_as_it_is() {
    let policy = file("toml", POLICY);
    let ran = run(&["export", "--to", "vic-machine", "--policy", &policy]);
    assert_eq!(
        ran.stdout,
        "--whitelist-registry harbor.corp.example:5443 \\\n--insecure-registry 10.77.0.1:5000 \\\n--insecure-registry \
        10.2.0.0/16\n"
    );
    let ran = run(&["export", "--to", "kubernetes", "--policy", &policy]);
    assert!(ran.stdout.starts_with("apiVersion: admissionregistration.k8s.io/v1\n"), "{ran:?}");
}

#[test]
fn api_answers_what_the_command_line_prints() {
    let policy = file("json", r#"{"whitelist": ["harbor.corp.example:5443"], "insecure": ["10.77.0.1:5000"]}"#);
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns"]);
    for target in TARGETS {
        let printed = run(&["export", "--to", target, "--policy", &policy, "--json"]).json().remove(0);
        let (status, answer) = daemon.post("/v1/export", &json!({ "target": target }));
        assert_eq!((status, &answer), (200, &printed), "{target}");
        if ["docker", "containerd", "containers", "k3s"].contains(&target) {
            let gate = "127.0.0.1:8733";
            let printed =
                run(&["export", "--to", target, "--policy", &policy, "--gate", gate, "--json"]).json().remove(0);
            let (status, answer) = daemon.post("/v1/export", &json!({ "target": target, "gate": gate }));
            assert_eq!((status, &answer), (200, &printed), "{target}");
            assert!(answer["files"].to_string().contains(&format!("http://{gate}")), "{answer}");
        }
        let document: Value = serde_json::from_str(&fs::read_to_string(&policy).unwrap()).unwrap();
        let (_, answer) = daemon.post("/v1/export", &json!({ "target": target, "policy": document }));
        assert_eq!(answer, printed, "{target}");

        let files = answer["files"].as_array().unwrap().iter().filter(|file| file["text"].is_string());
        let files: Vec<_> = files.map(|file| json!({ "path": file["path"], "text": file["text"] })).collect();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().display().to_string();
        run(&["export", "--to", target, "--policy", &policy, "--out", &out]);
        let paths: Vec<_> = files.iter().map(|file| format!("{out}{}", file["path"].as_str().unwrap())).collect();
        let printed =
            run(&[&["import", "--from", target, "--json"], &paths.iter().map(String::as_str).collect::<Vec<_>>()[..]]
                .concat());
        let files: Vec<_> =
            files.iter().zip(&paths).map(|(file, path)| json!({ "path": path, "text": file["text"] })).collect();
        let (status, answer) = daemon.post("/v1/import", &json!({ "source": target, "files": files }));
        assert_eq!((status, &answer), (200, &printed.json()[0]), "{target}");
        assert!(answer["toml"].as_str().unwrap().contains("10.77.0.1:5000"), "{answer}");
    }
}

#[test]
fn api_takes_files_that_are_there_and_tells_programs_by_their_content() {
    let policy = file("json", r#"{"insecure": ["10.77.0.1:5000"], "projects": {"team": {"insecure": ["h:1"]}}}"#);
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns"]);
    let daemon_json = json!({ "path": "/etc/docker/daemon.json", "text": "{\"log-driver\": \"journald\"}" });
    let (_, answer) = daemon.post("/v1/export", &json!({ "target": "docker", "files": [daemon_json] }));
    let file = &answer["files"][0];
    assert_eq!((&file["merged"], &file["mode"]), (&json!(true), &json!(0o644)), "{answer}");
    assert!(file["text"].as_str().unwrap().contains("journald"), "{answer}");
    assert!(answer["notes"].to_string().contains("name a project"), "{answer}");
    let (_, answer) = daemon.post("/v1/export", &json!({ "target": "docker", "project": "team" }));
    assert!(answer["files"][0]["text"].as_str().unwrap().contains("h:1"), "{answer}");
    let wildcard = json!({ "target": "containers", "policy": { "whitelist": ["*.example.com:5000"] } });
    assert_eq!(daemon.post("/v1/export", &wildcard).1["fidelity"], "narrower");
    let wider = json!({ "target": "containers", "policy": wildcard["policy"], "allowWider": true });
    assert_eq!(daemon.post("/v1/export", &wider).1["fidelity"], "wider");

    let import = |files: &[(&str, &str)]| {
        let files: Vec<_> = files.iter().map(|(path, text)| json!({ "path": path, "text": text })).collect();
        daemon.post("/v1/import", &json!({ "files": files }))
    };
    let desktop = r#"{"enabled": true, "standard_registries": [{"id": "DockerHub", "allowed": true}],
        "custom_registries": [{"address": "https://h.example", "allowed": true}]}"#;
    for (files, source, whitelist) in [
        (&[("daemon.json", r#"{"insecure-registries": ["h:1"]}"#)][..], "docker", json!(null)),
        (&[("registries.yaml", "mirrors: {}\n")], "k3s", json!(null)),
        (&[("ram.json", desktop)], "docker-desktop", json!(["docker.io", "h.example"])),
        (&[("list", "# ours\nquay.io\nghcr.io\n")], "list", json!(["quay.io", "ghcr.io"])),
        (&[("list.json", r#"["quay.io"]"#)], "list", json!(["quay.io"])),
    ] {
        let (status, answer) = import(files);
        assert_eq!((status, &answer["source"]), (200, &json!(source)), "{answer}");
        assert_eq!(answer["policy"].get("whitelist").unwrap_or(&Value::Null), &whitelist, "{answer}");
    }
    let both = [("daemon.json", r#"{"insecure-registries": []}"#), ("registries.yaml", "mirrors: {}\n")];
    assert_eq!(import(&both).1["code"], "source-ambiguous");
    assert_eq!(import(&[("x", "two words\n")]).1["code"], "source-unknown");
}

#[test]
fn api_refuses_what_it_cannot_export_or_import() {
    let policy = file("json", r#"{"whitelist": [], "projects": {"team": {}}}"#);
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns"]);
    let file = |path: &str, text: &str| json!({ "path": path, "text": text });
    let many = vec!["a"; 10_001].join("\n");
    let too_many: Vec<_> = (0..1_001).map(|number| file(&format!("/{number}"), "")).collect();
    let entries: Vec<_> = (0..10_001).map(|number| format!("h{number}.example")).collect();
    for (path, request, status, code) in [
        ("/v1/export", json!({}), 400, "bad-request"),
        ("/v1/export", json!([]), 400, "bad-request"),
        ("/v1/export", json!({ "target": "dockerd" }), 400, "bad-request"),
        ("/v1/export", json!({ "target": "docker", "allow_wider": true }), 400, "bad-request"),
        ("/v1/export", json!({ "target": "docker", "project": "nobody" }), 400, "bad-request"),
        ("/v1/export", json!({ "target": "docker", "files": [file("a.json", "")] }), 400, "bad-request"),
        ("/v1/export", json!({ "target": "docker", "files": [file("/a", ""), file("/a", "")] }), 400, "bad-request"),
        ("/v1/export", json!({ "target": "docker", "files": too_many }), 400, "bad-request"),
        ("/v1/export", json!({ "target": "docker", "policy": { "whitelist": ["h:0"] } }), 422, "policy-refused"),
        ("/v1/export", json!({ "target": "vic-machine" }), 422, "wider"),
        ("/v1/export", json!({ "target": "docker", "gate": "127.0.0.1" }), 400, "bad-request"),
        ("/v1/export", json!({ "target": "openshift", "gate": "127.0.0.1:8733" }), 422, "export-refused"),
        (
            "/v1/export",
            json!({ "target": "docker", "files": [file("/etc/docker/daemon.json", "{")] }),
            422,
            "export-refused",
        ),
        ("/v1/export", json!({ "target": "docker", "policy": { "whitelist": entries } }), 413, "too-large"),
        ("/v1/export", json!({ "target": "docker", "files": [file("/a", &many)] }), 413, "too-large"),
        ("/v1/import", json!({ "files": [] }), 400, "bad-request"),
        ("/v1/import", json!({ "source": "dockerd", "files": [file("a", "")] }), 400, "bad-request"),
        ("/v1/import", json!({ "source": "list", "files": [file("a", &many)] }), 413, "too-large"),
        ("/v1/import", json!({ "source": "list", "files": [file("a", &"x".repeat(3 << 20))] }), 413, "too-large"),
    ] {
        let (found, answer) = daemon.post(path, &request);
        let request: String = request.to_string().chars().take(200).collect();
        assert_eq!((found, answer["code"].as_str()), (status, Some(code)), "{request}: {answer}");
        assert!(answer["message"].is_string());
    }
    // Within the limits, however many findings there are.
    let ports = (0..3_000).map(|number| format!("\"h{number}:80\""));
    let text = format!("{{\"insecure-registries\": [{}]}}", ports.collect::<Vec<_>>().join(","));
    let (status, answer) = daemon.post("/v1/import", &json!({ "files": [file("daemon.json", &text)] }));
    assert_eq!((status, answer["findings"].as_array().unwrap().len()), (200, 3_000));
    assert_eq!(daemon.post("/v1/decide", &json!({ "reference": "alpine" })).0, 200);
}

#[test]
fn an_import_has_origins_and_findings() {
    let text = "{\n\"insecure-registries\": [\"10.77.0.1:5000\",\n\"10.2.0.0/16\", \"bad_name:1\"]\n}";
    let path = file("json", text);
    let ran = run(&["import", "--from", "docker", &path]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says(&[
        "\"10.77.0.1:5000\",",
        &format!("# {path}:2 insecure-registries"),
        "\"10.2.0.0/16\"",
        &format!("# {path}:3"),
    ]);
    ran.complains(&["warning[network-names]", &format!("--> {path}:3"), "error[entry-invalid]"]);
    let ran = run_with(&["import", "--from", "list", "--json", "-"], "quay.io # public\n10.0.0.0/8\n");
    assert_eq!((ran.code, &ran.json()[0]["policy"]["whitelist"]), (Some(0), &json!(["quay.io", "10.0.0.0/8"])));
    let ran = run(&["import", "--from", "docker", "nowhere.json"]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(run(&["import", "--json", &path]).json()[0]["source"], "docker");
    let ran = run(&["import", &file("txt", "two words")]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.complains(&["no program is known by the content", "`--from SOURCE`"]);
}

#[test]
fn the_doctor_ends_by_what_it_finds() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display().to_string();
    let policy = file("toml", POLICY);
    let doctor =
        |more: &[&str]| run(&[&["doctor", "--for", "docker", "--policy", &policy, "--root", &root], more].concat());
    let ran = doctor(&[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says(&[
        "silent[plugin-missing]: ",
        "--> /etc/docker/daemon.json",
        "mend: ",
        "fails[insecure-missing]",
        "2 disagreements, 1 of them silent",
    ]);
    let ran = doctor(&["--json"]);
    assert_eq!(ran.json()[0]["disagreements"][0]["code"], "plugin-missing");
    assert_eq!(run(&["export", "--to", "docker", "--policy", &policy, "--out", &root]).code, Some(0));
    let ran = doctor(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.says(&["the settings agree with the policy"]);
    assert_eq!(doctor(&["--json"]).json()[0], json!({ "agrees": true, "disagreements": [] }));
    assert_eq!(run(&["doctor", "--for", "docker", "--policy", &policy, "--root", "/nowhere"]).code, Some(2));
    let ran = run(&["doctor", "--for", "kubernetes", "--policy", &policy]);
    assert_eq!(ran.code, Some(2));
    ran.complains(&["`kubernetes` has no settings on this host", "give the files that have them"]);
    assert_eq!(run(&["doctor", "--for", "docker", "--policy", &policy, "x.json"]).code, Some(2));
    assert_eq!(run(&["doctor", "--for", "docker", "--policy", "nowhere.toml"]).code, Some(2));
}

#[test]
fn doctor_compares_files_of_clusters_and_virtual_container_hosts() {
    let policy = file("toml", "whitelist = [\"harbor.corp.example:5443\"]\ninsecure = [\"10.77.0.1:5000\"]\n");
    for target in ["openshift", "kubernetes", "vic-machine", "vch"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().display().to_string();
        assert_eq!(run(&["export", "--to", target, "--policy", &policy, "--out", &out]).code, Some(0));
        let ran = run(&["doctor", "--for", target, "--policy", &policy, &out]);
        assert_eq!(ran.code, Some(0), "{target}: {ran:?}");
        let other = file("toml", "whitelist = []\n");
        let ran = run(&["doctor", "--for", target, "--policy", &other, &out, "--json"]);
        let report = &ran.json()[0];
        assert_eq!((ran.code, &report["agrees"]), (Some(1), &json!(false)), "{target}: {report}");
        let found = report["disagreements"].as_array().unwrap();
        assert!(
            found.iter().any(|each| each["code"] == "access-wider" && each["line"].is_number()),
            "{target}: {report}"
        );
    }
    let ran = run_with(
        &["doctor", "--for", "vch", "--policy", &policy, "-"],
        r#"{"registry": {"whitelist": ["evil.example"], "insecure": ["10.77.0.1:5000"]}}"#,
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says(&["silent[access-wider]: images of `evil.example`", ":1 (vch)", "mend: ", "fails[access-missing]"]);
    let gate = ["doctor", "--for", "vch", "--policy", &policy, "--gate", "127.0.0.1:8733", "-"];
    assert_eq!(run(&gate).code, Some(2));
}

/// Runs `doctor --prove` with a program in place of the docker client: it says this of each image, given as `$2`.
fn prove(folder: &Path, policy: &str, script: &str) -> ProgramRun {
    let program = folder.join("docker");
    fs::write(&program, format!("#!/bin/sh\n{script}\nexit 1\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let root = folder.join("root").display().to_string();
    let gate = "127.0.0.1:8733";
    run(&["export", "--to", "docker", "--policy", policy, "--gate", gate, "--out", &root]);
    let path = format!("{}:/usr/bin:/bin", folder.display());
    run_in(
        &[("PATH", &path)],
        &["doctor", "--for", "docker", "--policy", policy, "--root", &root, "--gate", gate, "--prove"],
    )
}

#[test]
fn doctor_proves_the_way_through_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file("toml", "whitelist = [\"h.example/team\"]\n");
    let refused = "echo \"Error response from daemon: Get x: pullgate: access to registry is denied\" >&2";
    let ran = prove(folder.path(), &policy, refused);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.says(&["proved: `docker pull pullgate-gate-check.invalid/x:1` was refused by the gate", "Get x: pullgate: "]);

    let plugin = "Error response from daemon: authorization denied by plugin pullgate: access is denied";
    // An image that the policy allows gets past the plugin.
    let script = format!("case $2 in *.invalid/*) echo '{plugin}' >&2;; *) {refused};; esac");
    let ran = prove(folder.path(), &policy, &script);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.says(&["proved: `docker pull h.example:1/team/pullgate-gate-check:1`"]);
    let ran = prove(folder.path(), &policy, &format!("echo '{plugin}' >&2"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says(&["fails[gate-unproved]", "--> docker pull h.example:1/team", "`GET /v1/gate`"]);

    let ran = prove(folder.path(), &policy, "echo 'dial tcp: lookup x: no such host' >&2");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says(&["silent[gate-not-asked]", "but said: dial tcp: lookup x: no such host"]);

    fs::remove_file(folder.path().join("docker")).unwrap();
    let doctor = ["doctor", "--for", "docker", "--policy", &policy, "--gate", "127.0.0.1:8733", "--prove"];
    let ran = run_in(&[("PATH", &folder.path().display().to_string())], &doctor);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.complains(&["there is no program to pull with, of `docker`"]);
    let ran = run(&["doctor", "--for", "docker", "--policy", &policy, "--prove"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn a_check_of_settings_names_the_command_that_imports_them() {
    let path = file("json", r#"{"insecure-registries": ["h:5000"]}"#);
    let ran = run(&["check", &path]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says(&["error[document-foreign]", &format!("`pullgate import --from docker {path}` makes a policy of it")]);
    let command = format!("pullgate import --from docker {path}");
    assert_eq!(run(&["check", "--json", &path]).json()[0]["importCommand"], json!(command));
    let ran = run(&["check", "--json", &file("toml", POLICY)]);
    assert!(ran.json()[0].get("importCommand").is_none());
}
