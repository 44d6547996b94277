//! The tests of `pullgate probe`.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use common::{file, run, run_in};
use serde_json::json;

/// Starts a registry without TLS that lives as long as the test.
fn registry() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // Served one after the other; further connections wait.
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
            );
        }
    });
    address
}

/// Starts a proxy that lets no tunnel through, and answers plain HTTP as a registry would. Returns its address.
fn proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4_096];
            let length = stream.read(&mut request).unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let is_get = request.starts_with("GET http://registry.test:5000/v2/ HTTP/1.1\r\n");
            let status = match request.contains("proxy-authorization: Basic bWU6aHVudGVyMg==\r\n") {
                false => "407 Proxy Authentication Required",
                true if is_get => "200 OK\r\nDocker-Distribution-Api-Version: registry/2.0",
                true => "403 Forbidden",
            };
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    address
}

/// Returns a port without a listener.
fn closed_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_registry_that_can_be_used_is_exit_code_0() {
    let registry = registry();
    let ran = run(&["probe", "--dir", "127.0.0.1", "--timeout", "20", &registry]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    ran.says(&[
        &format!("{registry}\n"),
        "  allowed by `127.0.0.1`, insecure[0] (from --insecure-registry)\n",
        "  unverified HTTPS on port ",
        " at 127.0.0.1\n",
        "    + dns    127.0.0.1 is an address itself (",
        "    + tcp    connected to 127.0.0.1:",
        "    - tls    the server speaks plain HTTP on this port, not TLS (",
        "  plain HTTP on port ",
        "    + v2     200 OK, `registry/2.0`, no authentication (",
        "  good  v2 over HTTP at 127.0.0.1; nothing is encrypted\n",
    ]);
    assert!(ran.stderr.is_empty(), "no progress where there is no terminal: {ran:#?}");
    assert!(!ran.stdout.contains('\u{1b}'), "no colour where there is no terminal");
}

#[test]
fn unusable_registry_is_exit_code_1() {
    let (registry, nobody) = (registry(), closed_port());
    let policy = file("toml", "whitelist = ['127.0.0.0/8']\ninsecure = ['127.0.0.1']");
    let ran = run(&["probe", "--policy", &policy, &registry, &nobody, "harbor.corp.test"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    ran.says(&[
        "good  v2 over HTTP",
        &format!("\n\n{nobody}\n"),
        "- tcp    nothing listens there (connection refused)",
        "bad  no registry was reached: unverified HTTPS on port",
        "\n\nharbor.corp.test\n",
        "denied: access to registry `harbor.corp.test` is denied",
        "bad  denied by the policy: access to registry",
        "nothing was contacted\n",
        "\n1 of 3 registries can be used\n",
    ]);
}

#[test]
fn json_is_one_object_a_line() {
    let (registry, nobody) = (registry(), closed_port());
    let ran = run(&["probe", "--json", "--dir=127.0.0.1", "--wr=10.0.0.1", &nobody, &registry, "quay.io"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let reports = ran.json();
    assert_eq!(reports.len(), 3);
    assert_eq!((&reports[0]["registry"], &reports[0]["ok"]), (&json!(nobody), &json!(false)));
    assert_eq!((&reports[1]["registry"], &reports[1]["ok"]), (&json!(registry), &json!(true)));
    assert_eq!(reports[1]["protocol"], "v2 over HTTP");
    assert_eq!(reports[1]["attempts"][1]["stages"][2]["stage"], "v2");
    assert_eq!(reports[1]["attempts"][1]["chain"], json!([]));
    assert_eq!((&reports[2]["decision"]["decision"], &reports[2]["attempts"]), (&json!("deny"), &json!([])));
    // The decision is the canonical text.
    let decided = run(&["decide", "--json", "--dir=127.0.0.1", "--wr=10.0.0.1", "--login", &registry]);
    assert!(ran.stdout.contains(decided.stdout.trim_end()), "{decided:#?}");
}

#[test]
fn proxy_is_that_of_the_option_the_environment_or_the_policy() {
    let proxy = proxy();
    let url = format!("http://me:hunter2@{proxy}");
    let option = format!("--proxy={url}");
    let policy = format!("insecure = ['registry.test']\n[image_fetch_proxy]\nhttps.href = '{url}'\nhttp = '{url}'");
    let with_proxy = file("toml", policy);
    let without = file("toml", "insecure = ['registry.test']");
    let both = [("HTTPS_PROXY", url.as_str()), ("http_proxy", &url)];
    for (environment, policy, option, source) in [
        (&[][..], &without, option.as_str(), "`--proxy`"),
        (&[("HTTPS_PROXY", "http://127.0.0.1:1")], &without, &option, "`--proxy`"),
        (&both, &with_proxy, "--proxy", "`HTTPS_PROXY`"),
        (&[], &with_proxy, "--proxy", "the policy's `image_fetch_proxy`"),
        (&[("NO_PROXY", "10.0.0.0/8")], &with_proxy, "--proxy", "the policy's `image_fetch_proxy`"),
    ] {
        let ran = run_in(environment, &["probe", "--policy", policy, option, "registry.test:5000"]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        ran.says(&[
            &format!("  unverified HTTPS on port 5000 through `http://{proxy}`\n"),
            &format!("    - proxy  the proxy `http://{proxy}`: 403 Forbidden to `CONNECT registry.test:5000`: "),
            &format!("  plain HTTP on port 5000 through `http://{proxy}`\n"),
            &format!(
                "    + proxy  connected to the proxy `http://{proxy}` of {}",
                source.replace("HTTPS_PROXY", "http_proxy")
            ),
            &format!("  good  v2 over HTTP through `http://{proxy}`; nothing is encrypted\n"),
        ]);
        assert!(!ran.stdout.contains("hunter2") && !ran.stdout.contains("note") && ran.stderr.is_empty(), "{ran:#?}");
    }
    // The exceptions count for all of them.
    let ran = run_in(
        &[("no_proxy", ".test")],
        &["probe", "--json", "--policy", &with_proxy, "--proxy", "registry.test:5000"],
    );
    let report = &ran.json()[0];
    assert_eq!((ran.code, &report["ok"], &report["attempts"][0]["proxy"]), (Some(1), &json!(false), &json!(null)));
    assert_eq!(report["hint"], "`registry.test` was reached without a proxy: `no_proxy` has `.test`");
}

#[test]
fn unused_proxy_is_mentioned() {
    let environment = [("HTTPS_PROXY", "http://me:hunter2@proxy.test:3128")];
    let ran = run_in(&environment, &["probe", "--wr", "registry.invalid", "registry.invalid"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    ran.says(&[
        "    - dns    its addresses cannot be found: ",
        "; not tried through the proxy of `HTTPS_PROXY` (",
        "  note  `HTTPS_PROXY` is set, and this test does not go through that proxy: `pullgate probe --proxy` does\n",
        "  bad  no registry was reached: ",
    ]);
    assert!(!ran.stdout.contains("hunter2"), "{ran:#?}");
}

#[test]
fn unusable_proxy_is_exit_code_2() {
    let policy = file("toml", "whitelist = ['a.example']\nimage_fetch_proxy = 'http://me:hunter2@proxy.test'");
    for (environment, option, complaint) in [
        (&[][..], "--proxy=socks5://me:hunter2@proxy.test", "`--proxy` is no proxy: SOCKS is not supported"),
        (&[], "--proxy=http://me:hunter/2@proxy.test", "`--proxy` is no proxy: its port cannot be read"),
        (&[], "--proxy", "the policy's `image_fetch_proxy` cannot be read: write `{\"https\": {\"href\": "),
        (
            &[("HTTP_PROXY", "ftp://me:hunter2@proxy.test")],
            "--proxy",
            "`HTTP_PROXY` is no proxy: its scheme is neither",
        ),
    ] {
        let ran = run_in(environment, &["probe", "--policy", &policy, option, "a.example"]);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        ran.complains(&[complaint]);
        assert!(!ran.stderr.contains("hunter"), "{ran:#?}");
    }
    let ran = run_in(&[("NO_PROXY", "*")], &["probe", "--wr", "a.example", "--proxy", "a.example"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    ran.complains(&["there is no proxy to go through: write `--proxy=http://HOST:PORT`"]);
}

#[test]
fn unusable_command_line_is_exit_code_2() {
    for (arguments, complaint) in [
        (&["probe"][..], "<REGISTRY>..."),
        (&["probe", "a.example"], "there is no policy to decide by"),
        (&["probe", "--wr", "a b", "a.example"], "the policy does not load"),
        (&["probe", "--policy", "/no/such/file", "a.example"], "cannot read the policy"),
        (&["probe", "--wr", "a.example", "--timeout", "0", "a.example"], "0 is not in 1..=3600"),
        (&["probe", "--policy", "-", "--rc", "-", "a.example"], "standard input can be read once only"),
        (&["probe", "--wr", "docker.io", ""], "write `docker.io` for Docker Hub"),
        (&["probe", "--wr", "docker.io", "docker.io", " "], "write `docker.io` for Docker Hub"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        ran.complains(&[complaint]);
    }
}

#[test]
fn help_says_how_to_begin() {
    let ran = run(&["probe", "--help"]);
    assert_eq!(ran.code, Some(0));
    ran.says(&["Usage: pullgate probe", "REGISTRY", "--timeout", "[alias: --wr]", "EXAMPLES:", "EXIT CODES:"]);
}
