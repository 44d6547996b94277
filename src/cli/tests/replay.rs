//! `pullgate replay`: what another policy would have decided.

mod common;

use std::io::Write;
use std::os::unix::net::UnixStream;

use common::daemon::{Daemon, talk};
use common::{ProgramRun, file, run, run_with};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// A record as the daemon writes it.
fn record(time: &str, members: Value) -> String {
    let mut record = json!({"time": time, "frontend": "docker", "user": "", "action": "pull", "kind": "image"});
    record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    format!("{record}\n")
}

fn allowed(time: &str, reference: &str) -> String {
    let attempts = json!([{"scheme": "https", "port": 443, "verified": true}]);
    let members = json!({"reference": reference, "decision": "allow", "reason": "matched", "entry": "*.corp.test",
        "attempts": attempts, "user": "alice"});
    record(time, members)
}

fn denied(time: &str, reference: &str) -> String {
    record(time, json!({"reference": reference, "decision": "deny", "enforced": false, "reason": "not-whitelisted"}))
}

const POLICY: &str = r#"{"whitelist": ["quay.test", "a.corp.test"], "insecure": ["lab.corp.test"]}"#;

fn replay(policy: &str, records: &str, options: &[&str]) -> ProgramRun {
    let (policy, records) = (file("json", policy), file("jsonl", records));
    run(&[&["replay", "--policy", &policy, &records], options].concat())
}

#[test]
fn each_kind_of_difference_is_a_table() {
    let records = [
        allowed("2026-10-01T08:00:00Z", "b.corp.test/x:1"),
        allowed("2026-10-31T23:59:59.999Z", "b.corp.test/x:1"),
        allowed("2026-10-02T08:00:00Z", "b.corp.test/y"),
        denied("2026-10-03T08:00:00Z", "quay.test/x"),
        allowed("2026-10-04T08:00:00Z", "lab.corp.test/x"),
        allowed("2026-10-05T08:00:00Z", "a.corp.test/x"),
    ]
    .concat();
    let ran = replay(POLICY, &records, &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(2), ""), "{ran:?}");
    ran.says(&[
        "now denied, and allowed on record: 3 records of 1 registry\n",
        "RECORDS",
        "3",
        "b.corp.test",
        "2026-10-01 08:00",
        "2026-10-31 23:59",
        "alice",
        "b.corp.test/x:1 and 1 more",
        "allowed by `*.corp.test`",
        "not-whitelisted",
        "now allowed, and denied on record: 1 record of 1 registry\n",
        "quay.test",
        "docker",
        "not-whitelisted",
        "allowed by `quay.test`",
        "reached otherwise: 1 record of 1 registry\n",
        "verified HTTPS on 443",
        "unverified HTTPS on 443, then plain HTTP on 80, less safe",
        "6 records of 5 distinct requests from 2026-10-01 08:00 to 2026-10-31 23:59 UTC; 1 decided as before\n",
        "wider: ",
    ]);
    let report = &replay(POLICY, &records, &["--json"]).json()[0];
    assert_eq!((&report["verdict"], &report["records"], &report["requests"]), (&json!("wider"), &json!(6), &json!(5)));
    let first = &report["changes"][0];
    assert_eq!((&first["change"], &first["registry"]), (&json!("newly-denied"), &json!("b.corp.test")));
    assert_eq!(first["examples"][0]["before"]["attempts"][0]["verified"], true);
    assert_eq!(report["changes"][1]["notEnforced"], 1);
}

#[test]
fn exit_code_is_that_of_compare() {
    let record = allowed("2026-10-01T08:00:00Z", "a.corp.test/x");
    for (policy, code, says) in [
        (r#"{"whitelist": ["a.corp.test"]}"#, 0, "same decisions: "),
        (r#"{"whitelist": []}"#, 1, "not wider: "),
        (r#"{"insecure": ["a.corp.test"]}"#, 2, "wider: "),
    ] {
        let ran = replay(policy, &record, &[]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        ran.says(&[says]);
    }
    let unverified = record.replace("\"verified\":true", "\"verified\":false");
    assert_eq!(replay(r#"{"whitelist": ["a.corp.test"]}"#, &unverified, &[]).code, Some(1));
    let policy = file("json", POLICY);
    for (arguments, says) in [
        (&["replay", "--policy", &*policy, "/nowhere/audit.jsonl"] as &[&str], "cannot read the record"),
        (&["replay", "--policy", "/nowhere/policy.json", &policy], "policy"),
        (&["replay", "--policy", &file("json", r#"{"whitelist": ["h r"]}"#), &policy], "the policy does not load"),
        (&["replay", "--policy", &policy], "Usage: pullgate replay"),
        (&["replay", &policy], "Usage: pullgate replay"),
        (&["replay", "--policy", "-", "-"], "standard input can be read once only"),
        (&["replay", "--policy", &policy, &file("log", "no record\n{}\n")], "nothing was replayed"),
    ] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{ran:?}");
        ran.complains(&[says]);
    }
    assert_eq!(run(&["replay", "--help"]).code, Some(0));
}

#[test]
fn rotated_and_compressed_records_and_standard_input_are_one_record() {
    let policy = file("json", r#"{"whitelist": []}"#);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(allowed("2026-09-01T08:00:00Z", "a.corp.test/x").as_bytes()).unwrap();
    let member = encoder.finish().unwrap();
    // Two members, under a name that does not tell.
    let rotated = file("1", [member.clone(), member].concat());
    let current = file("jsonl", allowed("2026-10-02T08:00:00Z", "a.corp.test/x"));
    let input = allowed("2026-10-03T08:00:00Z", "a.corp.test/x");
    let ran = run_with(&["replay", "--policy", &policy, "--json", &current, "-", &rotated], &input);
    let report = &ran.json()[0];
    assert_eq!((ran.code, &report["records"], &report["requests"]), (Some(1), &json!(4), &json!(1)), "{ran:?}");
    let row = &report["changes"][0];
    assert_eq!((&row["first"], &row["last"]), (&json!("2026-09-01T08:00:00Z"), &json!("2026-10-03T08:00:00Z")));
    let zstd = file("zst", b"\x28\xb5\x2f\xfd rest");
    let ran = run(&["replay", "--policy", &policy, &zstd]);
    assert_eq!(ran.code, Some(3));
    ran.complains(&["Zstandard", "zstd -dc FILE | pullgate replay"]);
}

#[test]
fn what_is_no_record_is_said_with_its_place() {
    let good = allowed("2026-10-01T08:00:00Z", "a.corp.test/x");
    let text = format!("{good}INFO the daemon says \u{1b}[31msomething\n\n{good}{}", &good[..60]);
    let ran = replay(r#"{"whitelist": ["a.corp.test"]}"#, &text, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.complains(&[
        "warning: 1 line is no record: it is line 2 of `",
        "warning: 1 input is cut off: it is line 5 of `",
    ]);
    // What a hostile record says reaches no terminal as it is.
    let hostile = record(
        "2026-10-01T08:00:00Z",
        json!({"reference": "evil.test/\u{1b}[2J", "decision": "allow", "reason": "matched",
        "user": "\u{202e}root\n", "entry": "\u{7}"}),
    );
    let ran = replay(r#"{"whitelist": []}"#, &hostile, &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{ran:?}");
}

#[test]
fn missing_dns_answers_are_a_group_of_their_own() {
    let answers = json!([{"kind": "reverse", "subject": "10.0.0.1", "answers": ["a.corp.test"]},
        {"kind": "forward", "subject": "a.corp.test", "answers": ["10.0.0.1"]}]);
    let with = |more: Value| {
        let mut members = json!({"reference": "10.0.0.1/x", "decision": "deny", "reason": "not-whitelisted"});
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record("2026-10-01T08:00:00Z", members)
    };
    let policy = r#"{"whitelist": ["*.corp.test"]}"#;
    let ran = replay(policy, &with(json!({})), &[]);
    assert_eq!(ran.code, Some(2));
    ran.says(&[
        "undecided, since it depends on DNS and the answers are not on record: 1 record",
        "needs the names of 10.0.0.1",
    ]);
    let ran = replay(policy, &with(json!({"dnsAnswers": answers})), &[]);
    ran.says(&["now allowed, and denied on record", "allowed by `*.corp.test`"]);
    // Of an older version.
    let ran = replay(policy, &with(json!({"dnsAnswers": "caller"})), &[]);
    ran.says(&["undecided"]);
}

#[test]
fn record_of_a_real_daemon_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("plugin.sock");
    let policy = file(
        "json",
        r#"{"whitelist": ["*.corp.test", "docker.io"], "insecure": ["lab.corp.test"],
            "projects": {"team": {"whitelist": ["team.test"]}}, "unlisted_projects": "global"}"#,
    );
    let arguments = ["--policy", &policy, "--no-dns", "--docker-enforcement", "audit", "--docker-project", "team"];
    let plugin_socket = socket.display().to_string();
    let daemon = Daemon::start(&[&arguments[..], &["--docker-socket", &plugin_socket]].concat());
    for image in ["a.corp.test/x", "lab.corp.test/x", "team.test/x", "evil.test/x", "user:secret@evil.test/x"] {
        let call = json!({
            "RequestMethod": "POST", "RequestUri": format!("/images/create?fromImage={image}&tag=1"),
            "RequestHeaders": {"Content-Length": "0"}, "User": "alice",
        });
        let plugin = UnixStream::connect(&socket).unwrap();
        talk(plugin, "POST /AuthZPlugin.AuthZReq", "plugin", &[], call.to_string());
    }
    let answers = json!([{"kind": "reverse", "subject": "10.0.0.1", "answers": ["a.corp.test"]},
        {"kind": "forward", "subject": "a.corp.test", "answers": ["10.0.0.1"]}]);
    daemon.post("/v1/decide", &json!({"reference": "10.0.0.1/x", "dnsAnswers": answers}));
    daemon.post("/v1/decide", &json!({"reference": "a.corp.test", "kind": "registry"}));
    let (_, audit) = daemon.stop_and_read();
    assert!(!audit.contains("secret"), "{audit}");
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of =
        |reference: &str| lines.iter().find(|line| line["reference"] == reference).unwrap_or_else(|| panic!("{audit}"));
    assert_eq!(of("lab.corp.test/x:1")["attempts"][1], json!({"scheme": "http", "port": 80, "verified": false}));
    assert_eq!((&of("team.test/x:1")["project"], &of("a.corp.test")["kind"]), (&json!("team"), &json!("registry")));
    assert_eq!(of("10.0.0.1/x")["dnsAnswers"], answers);
    // By its own policy nothing changes, DNS answers, projects and denials without effect included.
    let audit = file("jsonl", audit);
    let ran = run(&["replay", "--policy", &policy, &audit]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.says(&["7 records of 7 distinct requests"]);
    let new = file("json", r#"{"whitelist": ["*.corp.test", "evil.test"], "projects": {"team": {}}}"#);
    let ran = run(&["replay", "--policy", &new, "--json", &audit]);
    let changes = ran.json()[0]["changes"].clone();
    let shown: Vec<_> = changes
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["change"].as_str().unwrap(), row["registry"].as_str().unwrap()))
        .collect();
    let expected =
        [("newly-denied", "team.test"), ("newly-allowed", "evil.test"), ("reached-otherwise", "lab.corp.test")];
    assert_eq!((ran.code, shown.as_slice()), (Some(2), expected.as_slice()), "{ran:?}");
    let ran = run(&["replay", "--policy", &new, "--admissions-only", "--json", &audit]);
    assert_eq!((&ran.json()[0]["records"], &ran.json()[0]["excluded"]), (&json!(5), &json!(2)));
}
