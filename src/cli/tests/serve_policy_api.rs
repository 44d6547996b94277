//! `pullgate serve`: policy updates over the API and their log.

mod common;

use std::io::Write;
use std::net::TcpStream;

use common::daemon::{Daemon, TOKEN};
use common::file;

fn counts(daemon: &Daemon, line: &str) -> bool {
    daemon.get("/metrics").1.lines().any(|found| found == line)
}

#[test]
fn a_policy_that_is_refused_is_no_failed_load_and_says_whose_it_was() {
    let path = file("json", r#"{"whitelist": []}"#);
    let token = file("token", TOKEN);
    let daemon = Daemon::start(&["--policy", &path, "--no-dns", "--token-file", &token, "--allow-policy-updates"]);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let put = |headers: &[&str], body: &str| daemon.ask("PUT /v1/policy", headers, body).0;
    let told = |status: &str| {
        let line = daemon.says(&format!("status={status}"));
        assert!(line.contains("peer=\"127.0.0.1:") && !line.contains(TOKEN), "{line}");
        line
    };
    assert_eq!(put(&["Authorization: Bearer someone-elses-guess"], "{}"), 401);
    let line = told("401");
    assert!(line.contains("WARN") && line.contains("unauthorized") && !line.contains("guess"), "{line}");
    assert_eq!(put(&[&bearer, "If-Match: \"0\""], "{}"), 412);
    told("412");
    assert_eq!(put(&[&bearer], r#"{"whitelist": ["h:0"]}"#), 422);
    let line = told("422");
    assert!(line.contains("port-invalid"), "{line}");
    assert!(counts(&daemon, "pullgate_policy_stale 0"));
    assert!(!daemon.get("/metrics").1.contains(r#"outcome="failed""#));

    assert_eq!(put(&[&bearer], r#"{"whitelist": ["docker.io"]}"#), 200);
    let line = told("200");
    assert!(line.contains("INFO"), "{line}");
}

#[test]
fn a_policy_whose_sender_hangs_up_says_whose_it_was() {
    let path = file("json", r#"{"whitelist": []}"#);
    let token = file("token", TOKEN);
    let daemon = Daemon::start(&["--policy", &path, "--no-dns", "--token-file", &token, "--allow-policy-updates"]);
    // Large enough to be still loading when the client is gone.
    let entries: Vec<String> = (0..50_000).map(|number| format!("\"h{number}.example.com\"")).collect();
    let body = format!(r#"{{"whitelist": [{}]}}"#, entries.join(","));
    let mut stream = TcpStream::connect(&daemon.address).unwrap();
    let (address, length) = (&daemon.address, body.len());
    let head = format!(
        "PUT /v1/policy HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let sender = stream.local_addr().unwrap();
    drop(stream);
    let line = daemon.says("peer=");
    assert!(line.contains(&sender.to_string()) && line.contains("status=200"), "{line}");
}
