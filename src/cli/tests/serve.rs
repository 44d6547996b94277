//! `pullgate serve`: the daemon as a process.

mod common;
#[path = "../../connect/tests/programs/dnsmasq.rs"]
mod dnsmasq;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::daemon::{Daemon, TEST_TIMEOUT, TOKEN, talk};
use common::file;
use dnsmasq::Dnsmasq;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig as Config, Strategy, prop_assert};
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// Runs the daemon with settings that it must refuse. Returns the error.
fn refused(arguments: &[&str]) -> String {
    let ran = common::run(&[&["serve"], arguments].concat());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.stderr.clone()
}

#[test]
fn findings_at_the_start_stand_on_lines_of_their_own() {
    let bad = file("toml", "whitelist = [\"10.0.0.0/99\"]\n");
    let settings = file("toml", "no_dns = true\nlisten = \"\u{1b}[31m\"\n");
    for (arguments, lines) in [
        (["--policy", &bad], &["error: error[network-prefix-too-long]", " --> ", "1 | whitelist"][..]),
        (["--policy", "/nowhere/policy.json"], &["error: cannot read the policy file `/nowhere/policy.json`", "give"]),
        (["--config", &settings], &["error: ", "2 | listen = \"\\u{1b}[31m\""]),
    ] {
        let error = refused(&[&["--listen", "127.0.0.1:0"], &arguments[..]].concat());
        let mut said = error.lines();
        for expected in lines {
            assert!(said.any(|line| line.starts_with(expected)), "no line `{expected}`: {error}");
        }
        assert!(!error.contains("u{a}"), "{error}");
    }
}

fn policy(text: &str) -> String {
    file("json", text)
}

#[test]
fn daemon_decides_by_its_policy_and_records_it() {
    let policy = policy(r#"{"whitelist": ["docker.io", "harbor.example.com:5000"]}"#);
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns"]);
    let (status, answer) = daemon.post("/v1/decide", &json!({"reference": "alpine"}));
    assert_eq!((status, &answer["decision"]), (200, &json!("allow")));
    let (status, answers) =
        daemon.post("/v1/decide", &json!([{"reference": "evil.example.com/x"}, {"reference": "harbor.example.com/x"}]));
    assert_eq!(status, 200);
    assert_eq!([&answers[0]["decision"], &answers[1]["nearest"]["miss"]], [&json!("deny"), &json!("another-port")]);

    // The same bytes as on every surface.
    let (_, text) = daemon.ask("POST /v1/decide", &[], r#"{"reference":"harbor.example.com:5000/a/b:1"}"#);
    let cli = common::run(&["decide", "--policy", &policy, "--no-dns", "--json", "harbor.example.com:5000/a/b:1"]);
    assert_eq!(text, cli.stdout.trim_end());
    let (_, text) = daemon.ask("POST /v1/explain", &[], r#"{"reference":"alpine"}"#);
    let cli = common::run(&["explain", "--policy", &policy, "--no-dns", "--json", "alpine"]);
    assert_eq!(text, cli.stdout.trim_end());

    // By a policy in the request.
    let (_, explained) = daemon.post("/v1/explain", &json!({"reference": "alpine", "policy": {"whitelist": []}}));
    assert_eq!(explained["decision"], "deny");
    let (status, _) = daemon.post("/v1/explain", &json!({"reference": "alpine", "policy": {"whitelist": ["h:0"]}}));
    assert_eq!(status, 422);

    let (_, metrics) = daemon.get("/metrics");
    for line in [
        r#"pullgate_decisions_total{frontend="api",decision="allow",reason="matched"} 2"#,
        r#"pullgate_decisions_total{frontend="api",decision="deny",reason="not-whitelisted"} 2"#,
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    let (code, audit) = daemon.stop();
    assert_eq!(code, Some(0));
    let told: Vec<_> = audit.iter().map(|record| (record["reference"].as_str(), record["decision"].as_str())).collect();
    assert_eq!(
        told,
        [
            (Some("alpine"), Some("allow")),
            (Some("evil.example.com/x"), Some("deny")),
            (Some("harbor.example.com/x"), Some("deny")),
            (Some("harbor.example.com:5000/a/b:1"), Some("allow")),
        ]
    );
    assert_eq!((&audit[2]["frontend"], &audit[2]["entry"]), (&json!("api"), &json!("harbor.example.com:5000")));
    assert!(audit.iter().all(|record| record["admits"] == false), "questions over the API admit nothing");
}

#[test]
fn records_of_a_batch_are_in_the_order_of_its_requests() {
    let policy = policy(r#"{"whitelist": ["docker.io"]}"#);
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns"]);
    let references: Vec<String> = (0..500).map(|n| format!("h{n}.example.com/x")).collect();
    let batch: Vec<_> = references.iter().map(|reference| json!({"reference": reference})).collect();
    let (status, answers) = daemon.post("/v1/decide", &json!(batch));
    assert_eq!((status, answers.as_array().map(Vec::len)), (200, Some(references.len())));
    let (code, audit) = daemon.stop();
    assert_eq!(code, Some(0));
    let recorded: Vec<_> = audit.iter().filter_map(|record| record["reference"].as_str()).collect();
    assert_eq!(recorded, references);
}

#[test]
fn passwords_are_in_no_record() {
    let policy = policy(r#"{"whitelist": []}"#);
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns"]);
    for reference in [
        "user:hunter2@evil.example.com/x",
        "u:hunter2@e/x@sha256:0",
        "https://u:hunter2@e/x",
        "u:hunter2@e:5000",
        "u:hunter2@md5:0a0a",
        "_token:hunter2@0a:0a",
        "u%3Ahunter2%40e/x",
        "http://e/?token=hunter2",
    ] {
        for kind in ["image", "registry"] {
            let (_, answer) = daemon.post("/v1/decide", &json!({"reference": reference, "kind": kind}));
            assert!(!answer["text"].to_string().contains("hunter2"), "{answer}");
        }
    }
    let (_, audit) = daemon.stop();
    assert_eq!(audit.len(), 16);
    assert!(!format!("{audit:?}").contains("hunter2"), "{audit:?}");
}

#[test]
fn a_record_does_nothing_to_a_terminal() {
    let daemon = Daemon::start(&["--no-dns"]);
    let reference = "evil.example/x\u{202e}\u{9b}31m\u{7f}\u{1b}[31m";
    daemon.post("/v1/decide", &json!({"reference": reference}));
    let (_, text) = daemon.stop_and_read();
    let line = text.strip_suffix('\n').unwrap();
    assert!(!line.contains(pullgate::display::is_unsafe_for_display), "{line:?}");
    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["reference"], reference);
}

#[test]
fn a_changed_file_is_read_and_a_bad_one_changes_nothing() {
    let path = policy(r#"{"whitelist": []}"#);
    let daemon = Daemon::start(&["--policy", &path, "--no-dns"]);
    let decision = |daemon: &Daemon| daemon.post("/v1/decide", &json!({"reference": "alpine"})).1["decision"].clone();
    assert_eq!(decision(&daemon), "deny");
    fs::write(&path, r#"{"whitelist": ["docker.io"]}"#).unwrap();
    daemon.waits_for(|daemon| decision(daemon) == "allow");
    daemon.says("newly-allowed");

    fs::write(&path, r#"{"whitelist": ["docker.io:99999"]}"#).unwrap();
    daemon.signal("HUP");
    daemon.says("the old one stays in effect");
    daemon.says("port-invalid");
    assert_eq!(decision(&daemon), "allow");
    let (_, metrics) = daemon.get("/metrics");
    // Whole lines: the help text of the first one begins with a 1.
    for line in ["pullgate_policy_stale 1", "pullgate_policy_generation 2"] {
        assert!(metrics.lines().any(|found| found == line), "no `{line}` in\n{metrics}");
    }

    // A file that is briefly missing is being replaced.
    fs::remove_file(&path).unwrap();
    thread::sleep(Duration::from_millis(1_200));
    assert_eq!(decision(&daemon), "allow");
    fs::write(&path, r#"{"whitelist": []}"#).unwrap();
    daemon.waits_for(|daemon| decision(daemon) == "deny");
}

#[test]
fn a_policy_comes_over_the_api_from_those_who_may() {
    let path = policy(r#"{"whitelist": []}"#);
    let token = file("token", format!("{TOKEN}\n"));
    let daemon = Daemon::start(&["--policy", &path, "--no-dns", "--token-file", &token, "--allow-policy-updates"]);
    let put = |headers: &[&str], body: &str| daemon.ask("PUT /v1/policy", headers, body);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let new = r#"{"whitelist": ["docker.io"], "insecure": []}"#;
    for headers in [&[][..], &["Authorization: Bearer x"], &["Authorization: Basic eDp4"]] {
        assert_eq!(put(headers, new).0, 401);
    }
    assert_eq!(put(&[&bearer], r#"{"whitelist": ["h:0"]}"#).0, 422);
    assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"whitelist": []}"#, "nothing is written that does not load");
    assert_eq!(put(&[&bearer, "If-Match: \"0\""], new).0, 412);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let (status, text) = put(&[&bearer], new);
    assert_eq!(status, 200, "{text}");
    let current: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&current["generation"], &current["policy"]["whitelist"]), (&json!(2), &json!(["docker.io"])));
    assert_eq!(fs::read_to_string(&path).unwrap(), new);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(daemon.post("/v1/decide", &json!({"reference": "alpine"})).1["decision"], "allow");

    // The daemon's own write is not taken for a change.
    thread::sleep(Duration::from_millis(1_500));
    assert!(daemon.get("/v1/policy").1.contains("\"generation\":2"));
    let tag = format!("If-Match: \"{}\"", current["sha256"].as_str().unwrap());
    assert_eq!(put(&[&bearer, &tag], r#"{"whitelist": []}"#).0, 200);
}

#[test]
fn updates_are_off_unless_they_are_turned_on() {
    let token = file("token", TOKEN);
    let daemon = Daemon::start(&["--token-file", &token, "--no-dns"]);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    assert_eq!(daemon.ask("PUT /v1/policy", &[&bearer], "{}").0, 403);
}

#[test]
fn other_sites_and_made_up_names_are_refused() {
    let daemon = Daemon::start(&["--no-dns"]);
    let port = daemon.address.rsplit_once(':').unwrap().1;
    let status = |headers: &[&str]| daemon.ask("POST /v1/explain", headers, r#"{"reference":"alpine"}"#).0;
    let own = format!("Host: localhost:{port}");
    for (headers, expected) in [
        (vec![], 200),
        (vec![own.clone()], 200),
        (vec![own.clone(), format!("Origin: http://localhost:{port}")], 200),
        (vec![own.clone(), "Sec-Fetch-Site: same-origin".to_owned()], 200),
        (vec![format!("Host: [::1]:{port}")], 200),
        (vec![format!("Host: evil.example.com:{port}")], 403),
        (vec!["Host: 127.0.0.1.evil.example.com".to_owned()], 403),
        (vec![own.clone(), "Origin: http://evil.example.com".to_owned()], 403),
        (vec![own.clone(), "Origin: null".to_owned()], 403),
        (vec![own.clone(), format!("Origin: localhost:{port}")], 403),
        (vec![own.clone(), format!("Origin: https://localhost:{port}")], 403),
        (vec![own.clone(), own.clone()], 400),
        (vec![own.clone(), "Host: evil.example.com".to_owned()], 400),
        (vec![format!("Host: localhost:{port},evil.example.com")], 400),
        (vec![own.clone(), "Origin: http://localhost:1".to_owned()], 403),
        (vec![own.clone(), "Sec-Fetch-Site: cross-site".to_owned()], 403),
        (vec![own.clone(), "Sec-Fetch-Site: same-site".to_owned()], 403),
    ] {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        assert_eq!(status(&headers), expected, "{headers:?}");
    }
    let absolute = format!("GET http://localhost:{port}/v1/policy");
    for (host, expected) in [(own.as_str(), 200), ("Host: evil.example.com", 400)] {
        assert_eq!(daemon.ask(&absolute, &[host], "").0, expected, "{host}");
    }
    for path in ["/healthz", "/readyz", "/metrics", "/"] {
        let line = format!("GET {path}");
        assert_eq!(daemon.ask(&line, &["Host: evil.example.com"], "").0, 403, "{path}");
        assert_eq!(daemon.ask(&line, &[], "").0, 200, "{path}");
    }
    // A link on another site leads to the page and to nothing else, and no other site can frame the page.
    let from_elsewhere = |line: &str, dest: &str| {
        let dest = format!("Sec-Fetch-Dest: {dest}");
        daemon.ask(line, &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", &dest], "").0
    };
    assert_eq!(from_elsewhere("GET /", "document"), 200);
    for (line, dest) in [
        ("GET /", "iframe"),
        ("POST /", "document"),
        ("GET /v1/policy", "document"),
        ("GET /v1", "document"),
        ("GET /metrics", "document"),
        ("GET //v1/policy", "document"),
    ] {
        assert_eq!(from_elsewhere(line, dest), 403, "{line} {dest}");
    }
}

#[test]
fn bad_requests_are_errors_with_a_code() {
    let (policy, token) = (policy("{}"), file("token", TOKEN));
    let daemon = Daemon::start(&["--no-dns", "--policy", &policy, "--token-file", &token, "--allow-policy-updates"]);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for (line, body, status, code) in [
        ("POST /v1/decide", "", 400, "bad-request"),
        ("POST /v1/decide", "{}", 400, "bad-request"),
        ("POST /v1/decide", r#"{"reference": "a", "refrence": "b"}"#, 400, "bad-request"),
        ("POST /v1/decide", r#"[{"reference": 1}]"#, 400, "bad-request"),
        ("POST /v1/decide", r#"[["alpine", "image"]]"#, 400, "bad-request"),
        ("POST /v1/decide", r#"{"reference": "a", "reference": "b"}"#, 400, "bad-request"),
        ("GET /v1/decide", "", 405, "method-not-allowed"),
        ("GET /v1/nothing", "", 404, "not-found"),
        ("POST /v1/probe", "{}", 400, "bad-request"),
        ("POST /v1/probe", r#"{"registry": ""}"#, 400, "bad-request"),
        ("POST /v1/probe", r#"{"registry": "\t"}"#, 400, "bad-request"),
    ] {
        let (found, text) = daemon.ask(line, &[], body);
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"));
        assert_eq!((found, &answer["code"]), (status, &json!(code)), "{line} {body}");
    }
    // A body that is not text, and one over the limit of its endpoint.
    let long = format!("{{\"reference\": \"{}\"}}", "a".repeat(4 << 20));
    for path in ["/v1/decide", "/v1/explain", "/v1/check", "/v1/probe", "/v1/policy"] {
        let method = if path == "/v1/policy" { "PUT" } else { "POST" };
        let mut cases = vec![(b"\"\xff\"".to_vec(), 400, "bad-request")];
        if path == "/v1/decide" {
            cases.push((long.clone().into_bytes(), 413, "too-large"));
        }
        for (body, status, code) in cases {
            let (found, text) = daemon.ask_bytes(&format!("{method} {path}"), &[&bearer], &body);
            let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
            assert_eq!((found, &answer["code"]), (status, &json!(code)), "{path}: {text}");
        }
    }
    let (status, report) = daemon.post("/v1/check", &json!({"whitelist": ["docker.io:0"]}));
    assert_eq!((status, &report["findings"][0]["code"]), (200, &json!("port-invalid")));
    assert_eq!(daemon.get("/nothing").0, 404);
}

#[test]
fn connections_are_tested_with_the_dns_servers_of_the_settings() {
    // This name has no other address (RFC 6761), and the port has no listener.
    let dnsmasq = Dnsmasq::start(&[("registry.test", "127.0.0.1")], &[]);
    let policy = policy(r#"{"whitelist": ["registry.test"]}"#);
    let found = |daemon: &Daemon| {
        let (status, report) = daemon.post("/v1/probe", &json!({"registry": "registry.test:1"}));
        assert_eq!(status, 200, "{report}");
        let stage = &report["attempts"][0]["stages"][0];
        (stage["ok"].as_bool().unwrap(), stage["detail"].as_str().unwrap().to_owned())
    };
    let daemon = Daemon::start(&["--policy", &policy, "--dns-server", &dnsmasq.address.to_string()]);
    assert_eq!(found(&daemon), (true, "`registry.test` is 127.0.0.1".to_owned()), "{}", dnsmasq.log());
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns"]);
    let (ok, detail) = found(&daemon);
    assert!(!ok && detail.starts_with("its addresses cannot be found"), "{detail}");
}

#[test]
fn connection_test_of_the_daemon_goes_through_no_proxy() {
    // The name has no address (RFC 6761): a proxy would be asked for it.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let policy = policy(r#"{"whitelist": ["registry.test"]}"#);
    let mut command = common::program();
    command.env("HTTPS_PROXY", format!("http://me:hunter2@{}", proxy.local_addr().unwrap()));
    let (daemon, _) = Daemon::start_as(command, "127.0.0.1:0", &["--policy", &policy, "--no-dns"], "");
    let (status, report) = daemon.post("/v1/probe", &json!({"registry": "registry.test"}));
    let hint = "`HTTPS_PROXY` is set, and this test does not go through that proxy: `pullgate probe --proxy` does";
    assert_eq!((status, &report["hint"], &report["ok"]), (200, &json!(hint), &json!(false)), "{report}");
    assert!(!report.to_string().contains("hunter2") && proxy.accept().is_err(), "{report}");
    let (status, answer) =
        daemon.post("/v1/probe", &json!({"registry": "registry.test", "proxy": "http://127.0.0.1:1"}));
    assert_eq!((status, &answer["code"]), (400, &json!("bad-request")), "{answer}");
}

#[test]
fn daemon_describes_itself() {
    let daemon = Daemon::start(&["--no-dns"]);
    let module: Value = serde_json::from_str(&daemon.get("/v1/module").1).unwrap();
    let told = common::run(&["module", "--json"]).json();
    assert_eq!([&module["sha256"], &module["version"]], [&told[0]["module"], &told[0]["version"]]);
    let description: Value = serde_json::from_str(&daemon.get("/v1/openapi.json").1).unwrap();
    let paths: Vec<&String> = description["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/healthz",
            "/metrics",
            "/readyz",
            "/v1/check",
            "/v1/daemon",
            "/v1/decide",
            "/v1/explain",
            "/v1/export",
            "/v1/gate",
            "/v1/import",
            "/v1/module",
            "/v1/policy",
            "/v1/probe"
        ]
    );
    let (status, page) = daemon.get("/");
    assert_eq!(status, 200);
    assert!(page.contains("pullgate"), "{page}");
}

#[test]
fn daemon_refuses_unsafe_or_contradictory_settings() {
    let token = file("token", TOKEN);
    let short = file("token", "short");
    let bad = policy(r#"{"whitelist": ["a:0", "b:0"]}"#);
    let config = file("toml", "listne = '127.0.0.1:0'\n");
    let nameless = file("toml", "dns_server = ['dns']\n");
    let numbers = file("toml", "dns_server = 53\n");
    let webhook = file("toml", "kubernetes_listen = '8443'\n");
    let empty = file("toml", "\n");
    for (arguments, said) in [
        (vec!["--listen", "0.0.0.0:0"], "refusing to serve the API on `0.0.0.0:0`"),
        (vec!["--listen", "0.0.0.0:0", "--token-file", &token], "refusing"),
        (vec!["--listen", "nowhere"], "127.0.0.1:8730"),
        (vec!["--kubernetes-listen", "127.0.0.1:0"], "over TLS only"),
        (vec!["--allow-policy-updates"], "--token-file or --client-ca"),
        (vec!["--allow-policy-updates", "--token-file", &token], "needs --policy"),
        (vec!["--audit", "journal"], "./journal"),
        (vec!["--policy", &empty, "--listen", "127.0.0.1:0"], "is empty"),
        (vec!["--listen", "127.0.0.1:0", "--token-file", &short], "openssl rand"),
        (vec!["--tls-key", "k"], "--tls-certificate"),
        (vec!["--policy", "/nowhere/policy.json"], "no such file"),
        (vec!["--policy", &bad], "b:0"),
        (vec!["--config", &config], "listne"),
        (vec!["--no-dns", "--dns-server", "127.0.0.1:53"], "contradict"),
        (vec!["--dns-server", "dns.example.com"], "such as 10.0.0.1 or"),
        (vec!["--config", &nameless], "such as 10.0.0.1 or"),
        (vec!["--config", &numbers], "expected an address, or a list of addresses"),
        (vec!["--kubernetes-listen", "8443"], "such as 0.0.0.0:8443"),
        (vec!["--config", &webhook], "such as 0.0.0.0:8443"),
        (vec!["--docker-socket", "unix:"], "such as /run/docker/plugins/pullgate.sock"),
        (vec!["--instances", "0"], "--instances"),
        (vec!["--token-file", "/nowhere/token", "--audit", "/nowhere/audit"], "token file `/nowhere/token`"),
    ] {
        let error = refused(&arguments);
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn settings_come_from_a_file_and_flags_go_before_it() {
    let path = policy(r#"{"whitelist": ["docker.io"]}"#);
    let name = Path::new(&path).file_name().unwrap().to_str().unwrap();
    let config = file("toml", format!("policy = '{name}'\nlisten = '0.0.0.0:1'\ndns_server = ['127.0.0.1', '::1']\n"));
    let daemon = Daemon::start(&["--config", &config, "--dns-server", "127.0.0.1"]);
    assert!(daemon.get("/v1/policy").1.contains("docker.io"), "a path is relative to the file that it stands in");
}

#[test]
fn a_flag_about_dns_takes_the_place_of_all_that_the_file_says_of_it() {
    let policy = policy(r#"{"whitelist": ["*.example.com"]}"#);
    for (settings, flags, asks) in [
        ("dns_server = '127.0.0.1:9'\n", &["--no-dns"][..], false),
        ("no_dns = true\n", &["--dns-server", "127.0.0.1:9"], true),
        ("no_dns = true\n", &[], false),
        ("dns_server = '127.0.0.1:9'\n", &[], true),
    ] {
        let config = file("toml", settings);
        let daemon = Daemon::start(&[&["--policy", &policy, "--config", &config], flags].concat());
        assert_eq!(daemon.get("/metrics").1.contains("pullgate_dns_queries"), asks, "{settings} {flags:?}");
    }
}

#[test]
fn daemon_starts_without_a_dns_server_and_says_so() {
    let (none, policy) = (file("conf", ""), policy(r#"{"whitelist": ["10.0.0.1", "*.example.com"]}"#));
    let mut apart = Command::new("unshare");
    let script = format!("mount --bind {none} /etc/resolv.conf && exec \"$0\" \"$@\"");
    apart.args(["--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_pullgate")]);
    let (daemon, said) = Daemon::start_as(apart, "127.0.0.1:0", &["--policy", &policy], "/etc/resolv.conf");
    assert!(said.contains("WARN") && said.contains("--dns-server") && said.contains("--no-dns"), "{said}");
    let decide = |reference: &str| daemon.post("/v1/decide", &json!({"reference": reference})).1["decision"].clone();
    assert_eq!((decide("10.0.0.1/x"), decide("10.0.0.2/x")), (json!("allow"), json!("lookup")));
}

#[test]
fn a_unix_socket_is_for_those_who_may_open_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    // The socket of a process that died.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listen = format!("unix:{}", path.display());
    let mut child = Command::new(env!("CARGO_BIN_EXE_pullgate"));
    let mut child =
        child.args(["serve", "--no-dns", "--audit", "off", "--listen", &listen]).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + TEST_TIMEOUT;
    let stream = loop {
        if let Ok(stream) = UnixStream::connect(&path) {
            break stream;
        }
        assert!(Instant::now() < end, "it does not listen");
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(talk(stream, "GET /v1/module", "pullgate", &[], "").0, 200);
    let error = refused(&["--listen", &listen]);
    assert!(error.contains("another program listens there"), "{error}");
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!path.exists(), "it takes its socket away");
}

#[test]
fn a_reload_under_load_loses_no_request() {
    let path = policy(r#"{"whitelist": []}"#);
    let daemon = Daemon::start(&["--policy", &path, "--no-dns"]);
    let end = Instant::now() + Duration::from_secs(5);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while Instant::now() < end {
                    let questions = json!([{"reference": "alpine"}, {"reference": "alpine"}]);
                    let (status, answers) = daemon.post("/v1/decide", &questions);
                    assert_eq!(status, 200, "{answers}");
                    // Both by the same policy, old or new. Where the machine is busy, no instance may come free in time.
                    let is_timed_out = (0..2).any(|index| answers[index]["reason"] == "time-out");
                    assert!(is_timed_out || answers[0]["decision"] == answers[1]["decision"], "{answers}");
                }
            });
        }
        for round in 0.. {
            let text = if round % 2 == 0 { r#"{"whitelist": ["docker.io"]}"# } else { r#"{"whitelist": []}"# };
            let next = file("json", text);
            fs::rename(next, &path).unwrap();
            daemon.signal("HUP");
            thread::sleep(Duration::from_millis(50));
            if Instant::now() > end {
                break;
            }
        }
    });
    let (_, metrics) = daemon.get("/metrics");
    let generation = metrics.lines().find_map(|line| line.strip_prefix("pullgate_policy_generation ")).unwrap();
    assert!(generation.parse::<u32>().unwrap() > 20, "{generation}");
}

#[test]
fn noise_is_answered_and_does_no_harm() {
    let daemon = Daemon::start(&["--no-dns"]);
    let pieces = select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "reference",
        "alpine",
        "kind",
        "image",
        "dnsAnswers",
        "policy",
        "whitelist",
        "null",
        "1e999",
        "\u{fffd}",
        "\\ud800",
        "\0",
        " ",
        "registry",
        "10.0.0.0/8",
        "@",
        "%00",
        "true",
    ]);
    let lines = select(vec![
        "POST /v1/decide",
        "POST /v1/explain",
        "POST /v1/check",
        "POST /v1/probe",
        "PUT /v1/policy",
        "GET /v1/policy",
        "POST /kubernetes/validate",
        "GET /..%2f..%2fetc/passwd",
        "GET //",
        "OPTIONS *",
        "POST /v1/%64ecide",
    ]);
    let body = vec(pieces, 0..12).prop_map(|pieces| pieces.concat());
    let mut runner = TestRunner::new(Config { cases: 600, failure_persistence: None, ..Config::default() });
    let done = runner.run(&(lines, body), |(line, body)| {
        let (status, answer) = daemon.ask(line, &[], &body);
        prop_assert!(status != 500 && (200..=505).contains(&status), "{line} {body:?}: {status} {answer}");
        Ok(())
    });
    done.unwrap();
    assert_eq!(daemon.get("/readyz").0, 200);
    let (code, _) = daemon.stop();
    assert_eq!(code, Some(0));
}
