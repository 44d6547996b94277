//! `pullgate serve --gate`: its settings, and one tunnel through the process.

mod common;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;

use common::daemon::{Daemon, TEST_TIMEOUT, TOKEN};
use common::{file, read_head};

/// Runs the daemon with settings that it must refuse. Returns the error.
fn refused(arguments: &[&str]) -> String {
    let ran = common::run(&[&["serve", "--listen", "127.0.0.1:0", "--no-dns"], arguments].concat());
    assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
    ran.stderr.clone()
}

#[test]
fn gate_on_a_reachable_address_needs_a_whitelist_and_a_token() {
    let (policy, token) = (file("json", r#"{"whitelist": []}"#), file("token", TOKEN));
    let own = ["--policy", &policy, "--gate", "0.0.0.0:0"];
    for more in [&[][..], &["--require-whitelist"], &["--gate-token-file", &token], &["--token-file", &token]] {
        let error = refused(&[&own[..], more].concat());
        assert!(error.contains("refusing to serve the gate on `0.0.0.0:0`"), "{error}");
        assert!(error.contains("--require-whitelist") && error.contains("--gate-token-file"), "{error}");
    }
    drop(Daemon::start(&[&own[..], &["--no-dns", "--require-whitelist", "--gate-token-file", &token]].concat()));
    let short = file("token", "short");
    let error = refused(&["--gate", "127.0.0.1:0", "--gate-token-file", &short]);
    assert!(error.contains("must hold one line of at least 16"), "{error}");
    for address in ["unix:/tmp/x", "localhost:1", "8733"] {
        assert!(refused(&["--gate", address]).contains("write an address and a port"));
    }
}

/// Sends a request and returns the answer as far as it came.
fn ask(address: &str, request: &str, more: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(more).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A ClientHello without any name, as a client sends it to an address.
const HELLO: &[u8] = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x030123456789abcdef0123456789abcdef\
    \x00\x00\x02\x13\x01\x01\x00\x00\x00";

#[test]
fn process_serves_its_gate_and_records_it() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = server.local_addr().unwrap();
    thread::spawn(move || {
        for stream in server.incoming().flatten() {
            let mut stream = stream;
            let mut seen = [0; HELLO.len()];
            let _ = stream.read_exact(&mut seen);
            let _ = stream.write_all(if seen == HELLO { b"as it was sent" } else { b"otherwise" });
        }
    });
    let policy = file("json", r#"{"whitelist": [], "insecure": ["127.0.0.1"]}"#);
    let config = file("toml", "gate = '127.0.0.1:0'\n");
    let arguments = ["--policy", &policy, "--config", &config, "--no-dns"];
    let (daemon, line) = Daemon::start_and_see("127.0.0.1:0", &arguments, "the gate is open");
    let gate = line.split_once("address=").unwrap().1.trim_matches('"').to_owned();
    let connect = |target: &str, more: &[u8]| {
        ask(&gate, &format!("CONNECT {target} HTTP/1.1\r\nConnection: close\r\n\r\n"), more)
    };
    let answer = connect(&target.to_string(), HELLO);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("as it was sent"), "{answer}");
    assert!(connect("10.0.0.1:443", b"").starts_with("HTTP/1.1 403 pullgate: access to registry `10.0.0.1:443`"));
    for own in [&gate, &daemon.address] {
        assert!(connect(own, b"").contains("pullgate's own address"), "{own}");
    }
    let (status, recent) = daemon.get("/v1/gate");
    let recent: serde_json::Value = serde_json::from_str(&recent).unwrap();
    let find = |registry: &str| {
        let mut all = recent["registries"].as_array().unwrap().iter();
        all.find(|found| found["registry"] == registry).unwrap().clone()
    };
    assert_eq!((status, &find(&target.to_string())["allowed"]), (200, &serde_json::json!(1)), "{recent}");
    assert_eq!(find("10.0.0.1:443")["refused"], 1);
    assert!(find("10.0.0.1:443")["reason"].as_str().unwrap().contains("no entry of the whitelist"));
    let (code, records) = daemon.stop();
    assert_eq!(code, Some(0));
    let told: Vec<_> =
        records.iter().map(|record| (record["frontend"].as_str(), record["decision"].as_str())).collect();
    assert!(told.contains(&(Some("gate"), Some("allow"))) && told.contains(&(Some("gate"), Some("deny"))), "{told:?}");
    let transfer = records.iter().find(|record| record["transfer"].is_object()).unwrap();
    assert_eq!(transfer["transfer"]["address"], target.to_string());
    assert_eq!(transfer["transfer"]["sentBytes"], HELLO.len());
}

/// A registry without TLS, which is its own token server, for those with the identity token or the password of the test.
fn start_token_registry() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let request = read_head(&mut stream);
            let head = String::from_utf8(request).unwrap();
            let length = head.to_ascii_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let has = |text: &str| head.to_ascii_lowercase().contains(&text.to_ascii_lowercase());
            let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{address}/token\",service=\"s\"\r\n");
            let (status, field, answer) = match head.split(' ').take(2).collect::<Vec<_>>()[..] {
                ["POST", "/token"] if body.contains("&refresh_token=id3ntity&") => ("200 OK", "", GRANTED),
                ["GET", target] if target.starts_with("/token?") && has("basic bWU6czNjcmV0") => {
                    ("200 OK", "", GRANTED)
                }
                ["GET", target] if target.starts_with("/v2/") && has("bearer granted") => ("200 OK", "", "{}"),
                ["GET", target] if target.starts_with("/v2/") => ("401 Unauthorized", &*challenge, "{}"),
                ["GET" | "POST", target] if target.starts_with("/token") => ("401 Unauthorized", "", "{}"),
                _ => ("400 Bad Request", "", "{}"),
            };
            let length = answer.len();
            let head = format!("HTTP/1.1 {status}\r\n{field}Connection: close\r\nContent-Length: {length}\r\n\r\n");
            let _ = stream.write_all(format!("{head}{answer}").as_bytes());
        }
    });
    address
}

/// The response of the token server.
const GRANTED: &str = r#"{"token": "granted", "access_token": "granted"}"#;

#[test]
fn credential_helpers_log_in_at_registries() {
    let folder = tempfile::tempdir().unwrap();
    let helpers = [
        ("token", r#"echo '{"Username": "<token>", "Secret": "id3ntity"}'"#, "200 OK"),
        ("password", r#"echo '{"Username": "me", "Secret": "s3cret"}'"#, "200 OK"),
        ("absent", "echo 'credentials not found in native keychain'; exit 1", "403 pullgate: "),
        ("wrong", r#"echo '{"Username": "me", "Secret": "0ther"}'"#, "403 pullgate: "),
        ("broken", "echo s3cret", "403 pullgate: the credential helper `docker-credential-broken` printed no user"),
        ("failing", "echo s3cret; exit 3", "403 pullgate: the credential helper `docker-credential-failing` failed"),
        ("endless", "yes", "403 pullgate: the credential helper `docker-credential-endless` "),
    ];
    let registries = helpers.map(|(name, script, expected)| {
        let path = folder.path().join(format!("docker-credential-{name}"));
        // It is asked for this registry and no other one.
        let address = start_token_registry();
        let script = format!("#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = {address} ] || exit 9\n{script}\n");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        (name, address, expected)
    });
    let by_registry: serde_json::Map<_, _> =
        registries.iter().map(|(name, address, _)| (address.to_string(), (*name).into())).collect();
    let credentials = file("json", serde_json::json!({ "credHelpers": by_registry }).to_string());
    fs::set_permissions(&credentials, Permissions::from_mode(0o600)).unwrap();
    let policy = file("json", r#"{"whitelist": [], "insecure": ["127.0.0.1"]}"#);
    let mut command = Command::new(env!("CARGO_BIN_EXE_pullgate"));
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.path().display()));
    let arguments = ["--policy", &policy, "--gate", "127.0.0.1:0", "--gate-credentials", &credentials, "--no-dns"];
    let (daemon, line) = Daemon::start_as(command, "127.0.0.1:0", &arguments, "the gate is open");
    let gate = line.split_once("address=").unwrap().1.trim_matches('"').to_owned();
    for (name, address, expected) in registries {
        let target = format!("/v2/app/manifests/1?ns={address}");
        let answer = ask(&gate, &format!("GET {target} HTTP/1.1\r\nHost: {gate}\r\nConnection: close\r\n\r\n"), b"");
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{name}: {answer}");
        assert!(!answer.contains("s3cret") && !answer.contains("id3ntity"), "{name}: {answer}");
    }
    let (_, records) = daemon.stop();
    let records = format!("{records:?}");
    assert!(!records.contains("s3cret") && !records.contains("id3ntity") && records.contains("login"), "{records}");
}
