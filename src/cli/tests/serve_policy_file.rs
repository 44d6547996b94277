//! `pullgate serve`: changes of the policy file and their log.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use common::daemon::Daemon;
use common::{file, run};
use serde_json::json;

fn fifo(path: impl AsRef<Path>) {
    assert!(Command::new("mkfifo").arg(path.as_ref()).status().unwrap().success());
}

fn allows(daemon: &Daemon) -> bool {
    daemon.post("/v1/decide", &json!({"reference": "alpine"})).1["decision"] == "allow"
}

fn counts(daemon: &Daemon, line: &str) -> bool {
    daemon.get("/metrics").1.lines().any(|found| found == line)
}

/// Replaces a file atomically.
fn put(path: &str, text: &str) {
    fs::rename(file("new", text), path).unwrap();
}

#[test]
fn a_file_that_is_gone_is_missed_once_and_welcome_back() {
    let path = file("json", r#"{"whitelist": []}"#);
    let daemon = Daemon::start(&["--policy", &path, "--no-dns"]);
    fs::remove_file(&path).unwrap();
    daemon.says("the old one stays in effect");
    daemon.says("no such file");
    daemon.waits_for(|daemon| counts(daemon, "pullgate_policy_stale 1"));
    assert!(!allows(&daemon));
    // The file is polled all the time and reported once.
    thread::sleep(Duration::from_millis(1_500));
    assert!(counts(&daemon, r#"pullgate_policy_loads_total{outcome="failed"} 1"#));

    put(&path, r#"{"whitelist": ["docker.io"]}"#);
    daemon.waits_for(allows);
    assert!(counts(&daemon, "pullgate_policy_stale 0"));
    let between = daemon.heard("there is a new policy");
    assert!(!between.iter().any(|line| line.contains("ERROR")), "{between:#?}");
}

#[test]
fn a_file_that_cannot_be_read_is_spoken_of_once() {
    let path = file("json", r#"{"whitelist": []}"#);
    for blocked in [
        |path: &str| fs::create_dir(path).unwrap(),
        |path: &str| fifo(path),
        |path: &str| {
            symlink("/dev/null", path).unwrap();
        },
    ] {
        put(&path, r#"{"whitelist": []}"#);
        let daemon = Daemon::start(&["--policy", &path, "--no-dns"]);
        fs::remove_file(&path).unwrap();
        blocked(&path);
        daemon.says("the old one stays in effect");
        daemon.waits_for(|daemon| counts(daemon, "pullgate_policy_stale 1"));
        thread::sleep(Duration::from_millis(1_500));
        assert!(counts(&daemon, r#"pullgate_policy_loads_total{outcome="failed"} 1"#));
        // An explicit reload reports it again.
        daemon.signal("HUP");
        daemon.waits_for(|daemon| counts(daemon, r#"pullgate_policy_loads_total{outcome="failed"} 2"#));

        let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
        put(&path, r#"{"whitelist": ["docker.io"]}"#);
        daemon.waits_for(allows);
        assert!(counts(&daemon, "pullgate_policy_stale 0"));
        assert_eq!(daemon.stop().0, Some(0));
    }
}

#[test]
fn policy_that_cannot_be_read_again_is_refused_at_the_start() {
    let pipe = file("fifo", "");
    fs::remove_file(&pipe).unwrap();
    fifo(&pipe);
    for (policy, said) in [("-", "standard input"), (&*pipe, "a pipe or a device"), ("/dev/null", "a pipe or a device")]
    {
        let ran = run(&["serve", "--listen", "127.0.0.1:0", "--policy", policy]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        ran.complains(&[said, "give the path of a file"]);
    }
}

#[test]
fn whitelist_mode_is_in_the_metrics() {
    let path = file("toml", "whitelist = []\ninsecure = []\n");
    let daemon = Daemon::start(&["--policy", &path, "--no-dns"]);
    assert!(counts(&daemon, "pullgate_policy_whitelist_mode 1"));
    // A file truncated before its whitelist, to a comment: it is no policy.
    put(&path, "# which registries we may use\n");
    daemon.says("the old one stays in effect");
    daemon.says("the policy is empty");
    assert!(counts(&daemon, "pullgate_policy_whitelist_mode 1") && !allows(&daemon));
    // It may be intended, and is logged as a warning.
    put(&path, "insecure = []\n");
    daemon.says("whitelist mode is off now");
    assert!(counts(&daemon, "pullgate_policy_whitelist_mode 0"));
    put(&path, "whitelist = []\n");
    daemon.waits_for(|daemon| counts(daemon, "pullgate_policy_whitelist_mode 1"));
}

#[test]
fn policy_of_an_earlier_time_and_the_same_size_is_taken() {
    let (first, second) = (r#"{"whitelist": ["docker.io"]}"#, r#"{"whitelist": ["other.com"]}"#);
    let path = file("json", first);
    let daemon = Daemon::start(&["--policy", &path, "--no-dns"]);
    assert!(allows(&daemon));
    let set_time = |path: &str, time: SystemTime| {
        fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
    };
    // A clock that went back, or an archive that keeps times.
    let older = file("new", second);
    set_time(&older, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    fs::rename(&older, &path).unwrap();
    daemon.waits_for(|daemon| !allows(daemon));
    // In place, and with the time that the file had before.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, first).unwrap();
    set_time(&path, modified);
    daemon.waits_for(allows);
    assert!(counts(&daemon, "pullgate_policy_stale 0"));
}
