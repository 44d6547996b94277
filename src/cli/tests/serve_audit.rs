//! `pullgate serve`: the file of the audit record.

mod common;

use std::fs;
use std::process::Command;

use common::daemon::Daemon;
use common::{file, run};
use serde_json::json;

fn dropped_records(daemon: &Daemon) -> u64 {
    let metrics = daemon.get("/metrics").1;
    let value = metrics.lines().find_map(|line| line.strip_prefix("pullgate_audit_records_dropped_total ")).unwrap();
    value.parse().unwrap()
}

#[test]
fn a_full_disk_costs_the_record_that_does_not_fit_and_no_other() {
    // That a file may not grow is an error for it then, and no signal.
    let mut deaf = Command::new("sh");
    deaf.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pullgate")]);
    let policy = file("json", r#"{"whitelist": ["docker.io"]}"#);
    let (daemon, _) = Daemon::start_as(deaf, "127.0.0.1:0", &["--policy", &policy, "--no-dns"], "");
    // Room for two short records, and not for a long one.
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
    // Each line is parsed here.
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
