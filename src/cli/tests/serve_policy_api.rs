//! `pullgate serve`: who sent a policy over the API, and what became of it.

mod common;

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
