//! `pullgate serve`: the file of the audit log.

mod common;

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use common::daemon::{Daemon, talk};
use common::{file, run};
use serde_json::json;

fn dropped_records(daemon: &Daemon) -> u64 {
    let metrics = daemon.get("/metrics").1;
    let value = metrics.lines().find_map(|line| line.strip_prefix("pullgate_audit_records_dropped_total ")).unwrap();
    value.parse().unwrap()
}

#[test]
fn a_full_disk_costs_the_record_that_does_not_fit_and_no_other() {
    // Exceeding the file size limit is then an error for it and not a signal.
    let mut deaf = Command::new("sh");
    deaf.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pullgate")]);
    let policy = file("json", r#"{"whitelist": ["docker.io"]}"#);
    let (daemon, _) = Daemon::start_as(deaf, "127.0.0.1:0", &["--policy", &policy, "--no-dns"], "");
    // Enough for two short records and not for a long one.
    let limited = Command::new("prlimit").args(["--fsize=1024:", "--pid", &daemon.process()]).status();
    assert!(limited.expect("util-linux is installed").success());
    let ask = |reference: &str| assert_eq!(daemon.post("/v1/decide", &json!({"reference": reference})).0, 200);
    ask("alpine:1");
    let long = format!("evil.example.com/{}", "long/".repeat(200));
    ask(&long);
    daemon.says("the audit record cannot be written");
    daemon.waits_for(|daemon| dropped_records(daemon) == 1);
    ask("alpine:2");
    ask(&long);
    daemon.waits_for(|daemon| dropped_records(daemon) == 2);
    // Every line is parsed here.
    let (code, audit) = daemon.stop();
    let kept: Vec<_> = audit.iter().map(|record| record["reference"].as_str().unwrap()).collect();
    assert_eq!((code, kept), (Some(0), vec!["alpine:1", "alpine:2"]));
}

#[test]
fn a_record_that_cannot_be_written_is_said_at_the_start() {
    let pipe = file("fifo", "");
    fs::remove_file(&pipe).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, said) in [(&*pipe, "nobody reads"), ("/nowhere/audit.jsonl", ": no such file or directory\n")] {
        let ran = run(&["serve", "--no-dns", "--listen", "127.0.0.1:0", "--audit", path]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        ran.complains(&["the audit record cannot be opened", path, said]);
    }
}

#[test]
fn a_flood_of_questions_is_recorded_up_to_its_rate_and_displaces_no_record_of_admission() {
    let policy = file("json", r#"{"whitelist": ["docker.io", "*.example.com"]}"#);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("plugin.sock");
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns", "--docker-socket", &socket.display().to_string()]);
    let questions = json!(vec![json!({"reference": "evil.example.net/x"}); 5_000]);
    assert_eq!(daemon.post("/v1/decide", &questions).0, 200);
    for number in 0..20 {
        let call = json!({
            "RequestMethod": "POST", "RequestUri": format!("/images/create?fromImage=evil.example.net/pull:{number}"),
            "RequestHeaders": {"Content-Length": "0"},
        });
        let plugin = UnixStream::connect(&socket).unwrap();
        talk(plugin, "POST /AuthZPlugin.AuthZReq", "plugin", &[], call.to_string());
    }
    let metrics = daemon.get("/metrics").1;
    // Some more than at once, since the questions take some time.
    let omitted = metrics.lines().find_map(|line| line.strip_prefix("pullgate_audit_records_omitted_total ")).unwrap();
    let omitted: usize = omitted.parse().unwrap();
    assert!((2_000..=4_000).contains(&omitted), "{omitted}");
    assert_eq!(dropped_records(&daemon), 0);
    thread::sleep(Duration::from_millis(50));
    let answers = json!([{"kind": "reverse", "subject": "203.0.113.66", "answers": ["a.example.com"]},
        {"kind": "forward", "subject": "a.example.com", "answers": ["203.0.113.66"]}]);
    let (_, answer) = daemon.post("/v1/decide", &json!({"reference": "203.0.113.66/x", "dnsAnswers": answers}));
    assert_eq!(answer["decision"], "allow");
    let (_, audit) = daemon.stop();
    let pulls: Vec<_> = audit.iter().filter(|record| record["frontend"] == "docker").collect();
    assert_eq!(pulls.len(), 20);
    assert!(pulls.iter().all(|record| record.get("admits").is_none() && record.get("dnsAnswersFrom").is_none()));
    let questions: Vec<_> = audit.iter().filter(|record| record["frontend"] == "api").collect();
    assert_eq!(questions.len() + omitted, 5_001);
    let told: u64 = questions.iter().filter_map(|record| record["omitted"].as_u64()).sum();
    assert_eq!(told, omitted as u64, "a record says how many are missing before it");
    let last = questions.last().unwrap();
    assert_eq!((&last["dnsAnswersFrom"], &last["admits"]), (&json!("caller"), &json!(false)), "{last}");
}
