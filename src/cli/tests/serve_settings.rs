//! `pullgate serve`: the settings that say what a denial does, whose requests they are, and which policies are taken.

mod common;

use std::fs;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use common::daemon::{Daemon, TEST_TIMEOUT, TOKEN, talk};
use common::file;
use serde_json::{Value, json};

/// Runs the daemon with settings that it must refuse. Returns the error.
fn refused(arguments: &[&str]) -> String {
    let ran = common::run(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
    assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
    ran.stderr.clone()
}

#[test]
fn a_required_whitelist_is_missed_at_the_start() {
    let config = file("toml", "require_whitelist = true\n");
    for policy in [
        file("toml", "insecure = ['a.example']\n"),
        file("json", "{}"),
        // The whitelist of a project is not that of the others.
        file("json", r#"{"projects": {"p": {"whitelist": []}}}"#),
    ] {
        for setting in [&["--require-whitelist"][..], &["--config", &config]] {
            let error = refused(&[&["--policy", &policy], setting].concat());
            assert!(error.contains("no `whitelist`") && error.contains("require_whitelist"), "{error}");
            assert!(error.contains("write `whitelist = [...]`"), "{error}");
        }
        drop(Daemon::start(&["--policy", &policy, "--no-dns"]));
    }
    let empty = file("json", r#"{"whitelist": []}"#);
    drop(Daemon::start(&["--policy", &empty, "--no-dns", "--require-whitelist"]));
}

#[test]
fn a_required_whitelist_is_not_lost_by_a_reload() {
    let whole = "match_resolved_addresses = false\ninsecure = []\nwhitelist = [\"good.example\"]\n";
    let (path, token) = (file("toml", whole), file("token", TOKEN));
    let daemon = Daemon::start(&["--policy", &path, "--no-dns", "--require-whitelist"]);
    let decision = || daemon.post("/v1/decide", &json!({"reference": "evil.example/x"})).1["decision"].clone();
    let stale = || daemon.get("/metrics").1.lines().any(|line| line == "pullgate_policy_stale 1");
    // Cut off in place, after each of its bytes.
    for end in [33, 48, 60] {
        fs::write(&path, &whole[..end]).unwrap();
        daemon.signal("HUP");
        daemon.waits_for(|_| stale());
        assert_eq!(decision(), "deny", "{end}");
        fs::write(&path, whole).unwrap();
        daemon.signal("HUP");
        daemon.waits_for(|_| !stale());
    }
    daemon.says("`require_whitelist` refuses that");
    drop(daemon);

    let path = file("json", r#"{"whitelist": ["good.example"]}"#);
    let daemon = Daemon::start(&[
        "--policy",
        &path,
        "--no-dns",
        "--require-whitelist",
        "--token-file",
        &token,
        "--allow-policy-updates",
    ]);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let put = |body: &str| daemon.ask("PUT /v1/policy", &[&bearer], body);
    let (status, text) = put(r#"{"insecure": ["a.example"]}"#);
    let error: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &error["code"]), (422, &json!("policy-refused")), "{text}");
    assert!(error["message"].as_str().unwrap().contains("require_whitelist"), "{text}");
    assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"whitelist": ["good.example"]}"#);
    assert_eq!(put(r#"{"whitelist": []}"#).0, 200);
    let (_, about) = daemon.get("/v1/daemon");
    assert!(about.contains(r#""requireWhitelist":true,"allowPolicyUpdates":true"#), "{about}");
}

#[test]
fn audit_is_said_at_the_start_and_by_the_api() {
    let config = file("toml", "containerd_enforcement = 'audit'\nkubernetes_enforcement = 'audit'\n");
    let flags = ["--no-dns", "--config", &config, "--docker-enforcement", "audit", "--kubernetes-enforcement", "deny"];
    let (daemon, said) = Daemon::start_and_see("127.0.0.1:0", &flags, "NOTHING IS ENFORCED for containerd");
    assert!(said.contains("WARN") && said.contains("`containerd_enforcement` is `audit`"), "{said}");
    let about: Value = serde_json::from_str(&daemon.get("/v1/daemon").1).unwrap();
    assert_eq!(about["enforcement"], json!({"docker": "audit", "containerd": "audit", "kubernetes": "deny"}));
    assert_eq!(about["frontends"], json!(["containerd"]));
    let metrics = daemon.get("/metrics").1;
    for line in [
        r#"pullgate_enforcement{frontend="docker"} 0"#,
        r#"pullgate_enforcement{frontend="containerd"} 0"#,
        r#"pullgate_enforcement{frontend="kubernetes"} 1"#,
    ] {
        assert!(metrics.contains(line), "no `{line}` in\n{metrics}");
    }
    let daemon = Daemon::start(&["--no-dns"]);
    let about: Value = serde_json::from_str(&daemon.get("/v1/daemon").1).unwrap();
    assert_eq!(about["enforcement"], json!({"docker": "deny", "containerd": "deny", "kubernetes": "deny"}));
    assert_eq!(about["requireWhitelist"], false);
    assert_eq!(about["allowPolicyUpdates"], false);
}

/// Waits for a unix socket and sends one request.
fn ask_socket(path: &std::path::Path, line: &str, body: &str) -> (u16, String) {
    let end = Instant::now() + TEST_TIMEOUT;
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return talk(stream, line, "pullgate", &[], body),
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn denials_in_audit_are_recorded_as_not_enforced() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let policy = file("json", r#"{"whitelist": ["good.example"]}"#);
    let path = socket.display().to_string();
    let daemon =
        Daemon::start(&["--policy", &policy, "--no-dns", "--docker-socket", &path, "--docker-enforcement", "audit"]);
    let headers = json!({"Content-Length": "0"});
    for image in ["evil.example/a", "good.example/a"] {
        let call = json!({
            "RequestMethod": "POST", "RequestUri": format!("/images/create?fromImage={image}"), "RequestHeaders": headers
        });
        let (status, reply) = ask_socket(&socket, "POST /AuthZPlugin.AuthZReq", &call.to_string());
        assert_eq!((status, reply.as_str()), (200, r#"{"Allow":true}"#), "{image}");
    }
    // An answer of the API admits nothing, and is not changed.
    let (_, answer) = daemon.post("/v1/decide", &json!({"reference": "evil.example/a"}));
    assert_eq!(answer["decision"], "deny");
    let (_, audit) = daemon.stop();
    let recorded: Vec<_> =
        audit.iter().map(|record| (&record["frontend"], &record["decision"], record.get("enforced"))).collect();
    assert_eq!(
        recorded,
        [
            (&json!("docker"), &json!("deny"), Some(&json!(false))),
            (&json!("docker"), &json!("allow"), None),
            (&json!("api"), &json!("deny"), None),
        ]
    );
    assert!(audit[0]["text"].as_str().unwrap().contains("evil.example"), "{audit:?}");
}

#[test]
fn a_host_belongs_to_a_project() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let policy = file("json", r#"{"whitelist": [], "projects": {"team-a": {"whitelist": ["a.example"]}}}"#);
    let config = file("toml", "docker_project = 'team-a'\n");
    let path = socket.display().to_string();
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns", "--config", &config, "--docker-socket", &path]);
    let call = json!({
        "RequestMethod": "POST", "RequestUri": "/images/create?fromImage=a.example/x",
        "RequestHeaders": {"Content-Length": "0"}
    });
    let (_, reply) = ask_socket(&socket, "POST /AuthZPlugin.AuthZReq", &call.to_string());
    assert_eq!(reply, r#"{"Allow":true}"#);
    let (_, audit) = daemon.stop();
    assert_eq!((&audit[0]["project"], &audit[0]["decision"]), (&json!("team-a"), &json!("allow")));

    let flags = ["--policy", &policy, "--no-dns", "--docker-project", "team-b"];
    let (_, said) = Daemon::start_and_see("127.0.0.1:0", &flags, "the policy has no project of this name");
    assert!(said.contains("docker_project") && said.contains("team-b"), "{said}");
}

#[test]
fn names_in_settings_are_checked() {
    let (empty, blank) = (file("toml", "containerd_project = ''\n"), file("toml", "kubernetes_open_images = ['']\n"));
    let (text, mode) =
        (file("toml", "kubernetes_open_images = 'auto'\n"), file("toml", "docker_enforcement = 'warn'\n"));
    for (arguments, said) in [
        (["--docker-project", ""], "a project has a name"),
        (["--config", &empty], "a project has a name"),
        (["--kubernetes-open-images", " "], "such as `auto`"),
        (["--config", &blank], "such as `auto`"),
        (["--config", &text], "expected a sequence"),
        (["--docker-creates", "allow"], "decide"),
        (["--containerd-enforcement", "off"], "audit"),
        (["--config", &mode], "audit"),
    ] {
        let error = refused(&arguments);
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}
