//! `pullgate serve`: what comes before it serves.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::daemon::{Daemon, TEST_TIMEOUT};
use common::{file, run};
use serde_json::json;

/// Whether a process has a handler of its own for SIGHUP, as proc(5) has it: the lowest bit.
fn hears_hangup(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 == 1
}

#[test]
fn a_hangup_during_the_start_is_no_end() {
    // There is more to say about this policy than fits into a pipe, so until its log is read the daemon does not serve.
    let networks: Vec<String> = (0..2_000).map(|number| format!("10.{}.{}.1/24", number / 250, number % 250)).collect();
    let policy = file("json", json!({"whitelist": networks}).to_string());
    let mut child = Command::new(env!("CARGO_BIN_EXE_pullgate"))
        .args(["serve", "--no-dns", "--audit", "off", "--listen", "127.0.0.1:0", "--policy", &policy])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process = child.id();
    let end = Instant::now() + TEST_TIMEOUT;
    while !hears_hangup(process) {
        assert!(Instant::now() < end, "it does not hear");
        thread::sleep(Duration::from_millis(10));
    }
    let kill = |name: &str| Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap();
    assert!(kill("HUP").success());
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    for text in ["network-host-bits", "the page and the API are served", "the policy was read again"] {
        assert!(log.any(|line| line.contains(text)), "no `{text}`");
    }
    assert!(kill("TERM").success());
    // It must not wait for who reads.
    log.for_each(drop);
    assert!(child.wait().unwrap().success());
}

#[test]
fn whitelist_mode_off_is_said_at_the_start() {
    let policy = file("json", "{}");
    let said = "WARN pullgate_daemon::daemon: whitelist mode is off: every registry is allowed";
    Daemon::start_and_see("127.0.0.1:0", &["--no-dns", "--policy", &policy], said);
}

#[test]
fn system_errors_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let (socket, taken) = (format!("unix:{}/api.sock", file("txt", "")), TcpListener::bind("127.0.0.1:0").unwrap());
    let taken = taken.local_addr().unwrap().to_string();
    let start = ["serve", "--no-dns", "--audit", "off"];
    let missing = "no such file or directory";
    for (arguments, said) in [
        (
            vec!["serve", "--config", "/nowhere/a.toml"],
            format!("cannot read the settings `/nowhere/a.toml`: {missing}"),
        ),
        (vec!["serve", "--no-dns", "--audit", "/nowhere/a"], format!("cannot be opened, `/nowhere/a`: {missing}")),
        (
            [&start[..], &["--tls-certificate", "/nowhere/tls.crt", "--tls-key", "/nowhere/tls.key"]].concat(),
            format!("cannot read `/nowhere/tls.crt`: {missing}"),
        ),
        (
            [&start[..], &["--token-file", folder]].concat(),
            format!("cannot read the token file `{folder}`: is a directory"),
        ),
        ([&start[..], &["--listen", &taken]].concat(), format!("cannot listen on `{taken}`: address already in use")),
        ([&start[..], &["--listen", &socket]].concat(), "is no directory: file exists".to_owned()),
    ] {
        let ran = run(&arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        ran.complains(&[&format!("{said}\n")]);
    }
}
