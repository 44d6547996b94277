//! Rule P3 in every command that loads a policy: the same documents load, and no certificate's date keeps one from it.

mod common;

use std::fs;
use std::process::Stdio;

use common::daemon::{Daemon, TOKEN};
use common::{ProgramRun, file, program, run};
use pullgate_tests::vectors;
use serde_json::Value;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A case of rule P3: its name, the document, and whether it loads.
type LoadCase = (String, String, bool);

/// Returns the cases of rule P3. They hold at any time, since time keeps nothing from loading.
fn cases() -> Vec<LoadCase> {
    let all = vectors::all().into_iter().filter(|case| case.rule.iter().any(|rule| rule == "P3"));
    let cases = all.filter_map(|case| Some((case.name.clone(), case.document()?.to_owned(), case.expect.loads?)));
    let cases: Vec<LoadCase> = cases.collect();
    assert!([true, false].iter().all(|loads| cases.iter().filter(|case| case.2 == *loads).count() > 5));
    cases
}

#[test]
fn every_command_loads_the_same_documents() {
    for (name, document, loads) in cases() {
        let path = file("json", &document);
        let ran = run(&["check", &path]);
        let verdict = ran.stdout.lines().last().unwrap_or_default().strip_prefix(&path).unwrap_or_default();
        let expected = if loads { " loads" } else { " does not load" };
        assert!(verdict.starts_with(expected), "{name}: {ran:?}");
        let ran = run(&["check", "--json", &path]);
        assert_eq!(ran.json()[0].get("canonical").is_some(), loads, "{name}: {ran:?}");

        let is_loaded = |ran: ProgramRun, refused: i32| assert_eq!(ran.code != Some(refused), loads, "{name}: {ran:?}");
        for command in ["decide", "explain"] {
            is_loaded(run(&[command, "--no-dns", "--policy", &path, "docker.io/library/alpine"]), 2);
        }
        is_loaded(run(&["probe", "--policy", &path, "127.0.0.1:1"]), 2);
        is_loaded(run(&["narrow", &path, &path]), 2);
        is_loaded(run(&["compare", &path, &path]), 3);
        assert_eq!(verifies(&path), loads, "{name}");
        starts(&path, loads);
    }
}

/// Returns whether the image verifier decides by a policy.
fn verifies(policy: &str) -> bool {
    let settings = file("toml", format!("policy = '{policy}'"));
    let mut verifier = program();
    verifier.args(["image-verifier", "-name", "docker.io/library/alpine:1", "-digest", DIGEST]);
    verifier.env("PULLGATE_SOCKET", "/nonexistent/pullgate.sock").env("PULLGATE_IMAGE_VERIFIER_CONFIG", settings);
    let said = String::from_utf8(verifier.stdin(Stdio::null()).output().unwrap().stdout).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    !said.contains(&format!("in `{policy}`"))
}

/// Asserts that the daemon starts with a policy, or says why not.
fn starts(policy: &str, loads: bool) {
    if loads {
        drop(Daemon::start(&["--policy", policy, "--no-dns"]));
    } else {
        let ran = run(&["serve", "--policy", policy, "--no-dns", "--listen", "127.0.0.1:0"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        ran.complains(&["error["]);
    }
}

/// A policy with a certificate that has expired is taken, kept, given out, and started with again.
#[test]
fn a_policy_with_an_expired_certificate_lives_in_the_daemon() {
    let expired = include_str!("../../../tests/certificates/expired.pem");
    let policy = |host: &str| {
        serde_json::json!({"whitelist": [host], "certificate_authorities": [{"pem": expired}]}).to_string()
    };
    let path = file("json", policy("a.example"));
    let token = file("token", TOKEN);
    let arguments = ["--policy", &path, "--no-dns", "--token-file", &token, "--allow-policy-updates"];
    let (daemon, _) = Daemon::start_and_see("127.0.0.1:0", &arguments, "error[certificate-expired]");
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let current = |daemon: &Daemon| -> Value {
        let (status, text) = daemon.ask("GET /v1/policy", &[&bearer], "");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let host = |daemon: &Daemon| current(daemon)["policy"]["whitelist"][0].as_str().unwrap().to_owned();
    assert_eq!(current(&daemon)["policy"]["certificate_authorities"][0]["pem"], expired);
    let matches = format!("If-Match: \"{}\"", current(&daemon)["sha256"].as_str().unwrap());
    assert_eq!(daemon.ask("PUT /v1/policy", &[&bearer, &matches], &policy("b.example")).0, 200);
    assert_eq!(host(&daemon), "b.example");
    assert_eq!(daemon.ask("PUT /v1/policy", &[&bearer, &matches], &policy("a.example")).0, 412, "it has another tag");
    assert_eq!(fs::read_to_string(&path).unwrap(), policy("b.example"));
    fs::write(&path, policy("c.example")).unwrap();
    daemon.signal("HUP");
    daemon.waits_for(|daemon| host(daemon) == "c.example");
    assert!(!daemon.get("/metrics").1.contains(r#"outcome="failed""#));
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(host(&Daemon::start(&arguments)), "c.example");
}
