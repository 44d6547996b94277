//! The tests of `pullgate export`, `import` and `doctor`.

mod common;

use std::fs;
use std::path::Path;

use common::{file, run, run_with};
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
    assert_eq!(run(&["doctor", "--for", "kubernetes", "--policy", &policy]).code, Some(2));
    assert_eq!(run(&["doctor", "--for", "docker", "--policy", "nowhere.toml"]).code, Some(2));
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
