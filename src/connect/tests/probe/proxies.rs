//! Probes through proxies, and what a probe says of proxies that it does not use.

use std::time::Instant;

use pullgate_connect::probe::{ProbeLimits, ProbeReport, Prober, StageKind};
use pullgate_connect::rustls::RootCertStore;
use pullgate_connect::{ProxySettings, RootStore};
use pullgate_host::{Dns, DnsLimits};
use serde_json::{Value, json};

use crate::failures::FixedNames;
use crate::pki::Ca;
use crate::proxy_server::{ProxyAnswer, ProxyServer};
use crate::servers::{Server, answer, free_port, tokens, v2, v2_with_tokens};
use crate::support::{TEST_TIMEOUT, course, detail, evaluator, gate_with, impatient, limits, only, says};

/// Returns the settings of these environment variables.
fn environment(variables: &[(&str, &str)]) -> ProxySettings {
    let find = |name: &str| variables.iter().find(|(own, _)| *own == name);
    ProxySettings::from_variables(|name| find(name).map(|(_, value)| (*value).to_owned()))
}

/// Returns the settings of `HTTPS_PROXY` and `HTTP_PROXY` with one URL.
fn through(url: &str) -> ProxySettings {
    environment(&[("HTTPS_PROXY", url), ("HTTP_PROXY", url)])
}

async fn probe(settings: ProxySettings, policy: &Value, registry: &str) -> ProbeReport {
    probe_within(limits(), settings, policy, registry).await
}

async fn probe_within(limits: ProbeLimits, settings: ProxySettings, policy: &Value, registry: &str) -> ProbeReport {
    let prober = Prober::new(RootStore::empty(), limits).unwrap().with_proxies(settings);
    let report = prober.probe(&evaluator(policy), registry, None).await;
    let text = serde_json::to_string(&report).unwrap();
    assert!(!text.contains(char::is_control) && !text.contains("hunter2"), "{text}");
    report
}

/// Returns a policy that allows the names of the tests, with one CA.
fn trusting(ca: &Ca) -> Value {
    json!({ "whitelist": ["*.test"], "certificate_authorities": [{ "pem": ca.pem() }] })
}

fn insecure() -> Value {
    json!({ "whitelist": [], "insecure": ["*.test"] })
}

#[tokio::test]
async fn https_is_tunneled_and_the_proxy_resolves_the_name() {
    let (ca, proxy) = (Ca::new("Lab CA"), ProxyServer::relay().await);
    let server = Server::tls(&ca.server(&["registry.test"]), v2("200 OK", &[])).await;
    let registry = format!("registry.test:{}", server.port);
    let url = proxy.url("");
    let report = probe(through(&url), &trusting(&ca), &registry).await;
    assert!(report.ok && report.hint.is_none(), "{report:#?}");
    let attempt = only(&report);
    assert_eq!(course(attempt), "proxy+ tls+ v2+");
    assert_eq!((attempt.proxy.as_ref(), attempt.address.as_ref()), (Some(&url), None));
    let text = format!("the proxy `{url}` of `HTTPS_PROXY` connects to {registry}");
    assert_eq!(detail(attempt, StageKind::Proxy), text);
    says(&report.summary, &[&format!("v2 over HTTPS through `{url}`; the policy's `CN=Lab CA`")]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (&json["attempts"][0]["proxy"], &json["attempts"][0]["stages"][0]["stage"]),
        (&json!(url), &json!("proxy"))
    );
    assert_eq!(proxy.request_lines(), [format!("CONNECT {registry} HTTP/1.1")]);
    says(&proxy.requests()[0], &[&format!("\r\nhost: {registry}\r\n"), "\r\nuser-agent: pullgate/"]);
    assert!(!proxy.requests()[0].contains("authorization"), "{:?}", proxy.requests());
    // The registry is verified as it is without the proxy.
    let report = probe(through(&url), &trusting(&Ca::new("Other CA")), &registry).await;
    assert_eq!(course(only(&report)), "proxy+ tls-");
    says(&report.summary, &[&format!("through `{url}`: the certificate leads to `CN=Lab CA`")]);
}

#[tokio::test]
async fn plain_http_is_asked_for_in_absolute_form() {
    let proxy = ProxyServer::relay().await;
    let server = Server::plain(v2("200 OK", &[])).await;
    let registry = format!("registry.test:{}", server.port);
    let report = probe(through(&proxy.url("me:hunter2@")), &insecure(), &registry).await;
    let [https, http] = &report.attempts[..] else { panic!("{report:#?}") };
    assert!(report.ok, "{report:#?}");
    says(detail(https, StageKind::Tls), &["the server speaks plain HTTP on this port, not TLS"]);
    assert_eq!(course(http), "proxy+ v2+");
    let text = format!("of `HTTP_PROXY`, which passes requests on to {registry}");
    says(detail(http, StageKind::Proxy), &["connected to the proxy `http://127.0.0.1:", &text]);
    let lines = [format!("CONNECT {registry} HTTP/1.1"), format!("GET http://{registry}/v2/ HTTP/1.1")];
    assert_eq!(proxy.request_lines(), lines);
    for request in proxy.requests() {
        says(&request, &["\r\nproxy-authorization: Basic bWU6aHVudGVyMg==\r\n"]);
    }
    assert!(!serde_json::to_string(&report).unwrap().contains("bWU6"), "{report:#?}");
    let requests = server.requests();
    says(&requests[0], &[&format!("\r\nhost: {registry}\r\n")]);
    assert!(!requests[0].to_lowercase().contains("authorization"), "the login is the proxy's: {requests:?}");
}

#[tokio::test]
async fn every_host_has_a_proxy_of_its_own() {
    let (proxy, issuer) = (ProxyServer::relay().await, Server::plain(tokens).await);
    let server = Server::plain(v2_with_tokens(&format!("http://auth.test:{}/token", issuer.port))).await;
    let registry = format!("registry.test:{}", server.port);
    let report = probe(through(&proxy.url("")), &insecure(), &registry).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!(course(&report.attempts[1]), "proxy+ v2+ token+");
    let elsewhere = &report.attempts[1].elsewhere[0];
    assert_eq!(elsewhere.summary, format!("reached at auth.test:{} through `{}`", issuer.port, proxy.url("")));
    says(&proxy.request_lines()[2], &[&format!("GET http://auth.test:{}/token?service=registry.test ", issuer.port)]);

    // Without a proxy for the other host, its name is looked up here, where there is none.
    let settings =
        environment(&[("HTTPS_PROXY", &proxy.url("")), ("HTTP_PROXY", &proxy.url("")), ("NO_PROXY", "auth.test")]);
    let report = probe(settings, &insecure(), &registry).await;
    assert!(!report.ok, "{report:#?}");
    let elsewhere = &report.attempts[1].elsewhere[0];
    assert_eq!(course(&elsewhere.attempts[0]), "dns-");
    assert_eq!(elsewhere.attempts[0].proxy, None);

    // A redirect, and a host that the policy denies.
    for (host, ok) in [("other.test", true), ("other.example", false)] {
        let proxy = ProxyServer::relay().await;
        let target = Server::plain(v2("200 OK", &[])).await;
        let location = format!("http://{host}:{}/v2/", target.port);
        let server = Server::plain(move |_| answer("307 Temporary Redirect", &[("Location", &location)], "")).await;
        let report = probe(through(&proxy.url("")), &insecure(), &format!("registry.test:{}", server.port)).await;
        assert_eq!((report.ok, target.connections()), (ok, usize::from(ok)), "{report:#?}");
        assert_eq!(proxy.requests().iter().any(|request| request.contains(host)), ok);
    }
}

#[tokio::test]
async fn pinned_address_is_connected_to_by_its_name() {
    let (ca, proxy) = (Ca::new("Lab CA"), ProxyServer::relay().await);
    let secure = Server::tls(&ca.server(&["registry.test"]), v2("200 OK", &[])).await;
    let plain = Server::plain(v2("200 OK", &[])).await;
    let mut policy = json!({ "whitelist": ["127.0.0.0/8"], "match_resolved_addresses": true,
        "certificate_authorities": [{ "pem": ca.pem() }] });
    let probe = async |policy: &Value, server: &Server| {
        let evaluator = gate_with(policy, Some(Dns::new(FixedNames, DnsLimits::default())));
        let prober = Prober::new(RootStore::empty(), limits()).unwrap().with_proxies(through(&proxy.url("")));
        let report = prober.probe(&evaluator, &format!("registry.test:{}", server.port), None).await;
        let host = format!("\r\nhost: registry.test:{}\r\n", server.port);
        assert!(report.ok && server.requests()[0].contains(&host), "{report:#?}");
        report
    };
    let report = probe(&policy, &secure).await;
    assert_eq!(course(only(&report)), "dns+ proxy+ tls+ v2+");
    assert_eq!(detail(only(&report), StageKind::Dns), "127.0.0.1: by the decision, and no others");
    assert_eq!(only(&report).address.as_deref(), Some("127.0.0.1"));
    policy["insecure"] = json!(["127.0.0.0/8"]);
    let report = probe(&policy, &plain).await;
    assert_eq!(course(&report.attempts[1]), "dns+ proxy+ v2+");
    let lines = [&secure, &plain, &plain].map(|server| format!("CONNECT 127.0.0.1:{} HTTP/1.1", server.port));
    assert_eq!(proxy.request_lines(), lines);
}

#[tokio::test]
async fn denied_registry_reaches_no_proxy() {
    let proxy = ProxyServer::relay().await;
    let report = probe(through(&proxy.url("")), &insecure(), "registry.example").await;
    assert!(!report.ok && report.attempts.is_empty() && report.hint.is_none(), "{report:#?}");
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn answers_of_the_proxy_are_told_apart() {
    let wants = |challenges: &[&str]| {
        let headers: Vec<_> = challenges.iter().map(|challenge| ("Proxy-Authenticate", *challenge)).collect();
        answer("407 Proxy Authentication Required", &headers, "<html>")
    };
    let login_wanted = "it wants a login: write it into the URL, as in `http://USER:PASSWORD@HOST:PORT`";
    for (bytes, login, part) in [
        (wants(&["Basic realm=\"proxy\""]), "", login_wanted),
        (wants(&[]), "", login_wanted),
        (wants(&["Negotiate", "NTLM", "Basic realm=x"]), "", login_wanted),
        (wants(&["Basic realm=\"proxy\""]), "me:hunter2@", "it refuses the login of the URL"),
        (wants(&["Negotiate, NTLM"]), "me:hunter2@", "it wants a login by `negotiate`: a test has Basic alone"),
        (
            answer("403 Forbidden", &[], "x"),
            "",
            "403 Forbidden to `CONNECT registry.test:443`: it does not let the registry through",
        ),
        (
            answer("502 Bad Gateway", &[], ""),
            "",
            "502 Bad Gateway to `CONNECT registry.test:443`: it cannot reach the registry",
        ),
        (answer("504 Gateway Timeout", &[], ""), "", "it cannot reach the registry"),
        (answer("404 Not Found", &[], ""), "", "404 Not Found to `CONNECT registry.test:443`: it may be no proxy"),
        (
            answer("302 Found", &[("Location", "http://portal.test/")], ""),
            "",
            "302 Found to `CONNECT registry.test:443`",
        ),
        (b"SSH-2.0-OpenSSH_9.2p1\x1b[2J\r\n".to_vec(), "", "the answer is not HTTP: it begins with `SSH-2.0-OpenSSH_`"),
        (b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n".to_vec(), "", "the answer breaks the rules of HTTP"),
        (Vec::new(), "", "the server closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nX: y".to_vec(), "", "the server closed the connection in the middle of its answer"),
        (
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)).into_bytes(),
            "",
            "the headers of the answer are larger than is read",
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(100_000)).into_bytes(),
            "",
            "the headers of the answer are larger than is read",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03".to_vec(), "", "it sent more than its answer to `CONNECT`"),
    ] {
        let proxy = ProxyServer::bytes(bytes).await;
        let report = probe(through(&proxy.url(login)), &json!({ "whitelist": ["*.test"] }), "registry.test").await;
        assert_eq!(course(only(&report)), "proxy-", "{report:#?}");
        says(detail(only(&report), StageKind::Proxy), &[&format!("the proxy `{}`: ", proxy.url("")), part]);
        says(&report.summary, &["no registry was reached: HTTPS on port 443 through `http://127.0.0.1:", part]);
    }
    // A proxy that says that the tunnel is there, and has none.
    let proxy = ProxyServer::bytes(*b"HTTP/1.1 200 OK\r\n\r\n").await;
    let report = probe(through(&proxy.url("")), &json!({ "whitelist": ["*.test"] }), "registry.test").await;
    assert_eq!(course(only(&report)), "proxy+ tls-");
    says(&report.summary, &["closed the connection during the TLS handshake"]);
    // In plain HTTP its answers stand where those of the registry would.
    for (bytes, part) in [
        (wants(&["Basic realm=\"proxy\""]), login_wanted),
        (answer("503 Service Unavailable", &[], ""), "no V2 registry: 503 Service Unavailable, without the header"),
    ] {
        let proxy = ProxyServer::bytes(bytes).await;
        let settings = environment(&[("HTTP_PROXY", &proxy.url(""))]);
        let report = probe(settings, &insecure(), "registry.test").await;
        let http = report.attempts.last().unwrap();
        says(detail(http, StageKind::V2), &[part]);
        assert!(!report.ok && course(http).starts_with("proxy+ v2-"), "{report:#?}");
    }
    let proxy = ProxyServer::bytes(answer("503 Service Unavailable", &[], "")).await;
    let report = probe(through(&proxy.url("")), &insecure(), "registry.test").await;
    says(&report.summary, &["; the answer may be the proxy's own"]);
}

#[tokio::test]
async fn unreachable_proxy_is_reported() {
    let policy = json!({ "whitelist": ["*.test"] });
    let closed = format!("http://me:hunter2@127.0.0.1:{}", free_port().await);
    let tls = Server::tls(&Ca::new("Lab CA").server(&["127.0.0.1"]), v2("200 OK", &[])).await;
    for (url, part) in [
        (closed.as_str(), ": nothing listens there (connection refused)"),
        ("http://proxy.invalid:3128", "the proxy `http://proxy.invalid:3128`: its addresses cannot be found"),
        ("socks5://me:hunter2@127.0.0.1:1080", "`HTTPS_PROXY` is no proxy: SOCKS is not supported"),
        (&format!("http://{}", tls.registry()), "the server speaks TLS on this port, not plain HTTP"),
    ] {
        let report = probe(through(url), &policy, "registry.test").await;
        assert_eq!(course(only(&report)), "proxy-", "{report:#?}");
        says(&report.summary, &[part]);
    }
    let proxy = ProxyServer::start(None, ProxyAnswer::Hang).await;
    let start = Instant::now();
    let report = probe_within(impatient(), through(&proxy.url("")), &policy, "registry.test").await;
    assert!(start.elapsed() < TEST_TIMEOUT && course(only(&report)) == "proxy-", "{report:#?}");
    says(&report.summary, &["no answer within 1."]);
}

#[tokio::test]
async fn https_proxy_is_verified_by_the_roots_alone() {
    let (public, lab) = (Ca::new("Public CA"), Ca::new("Lab CA"));
    let server = Server::tls(&lab.server(&["registry.test"]), v2("200 OK", &[])).await;
    let registry = format!("registry.test:{}", server.port);
    let mut store = RootCertStore::empty();
    store.add(public.der()).unwrap();
    let prober = Prober::new(store.into(), limits()).unwrap();
    let probe = async |proxy: &ProxyServer| {
        let prober = prober.clone().with_proxies(through(&proxy.url("me:hunter2@")));
        prober.probe(&evaluator(&trusting(&lab)), &registry, None).await
    };
    let proxy = ProxyServer::start(Some(&public.server(&["127.0.0.1"])), ProxyAnswer::Relay).await;
    let report = probe(&proxy).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!(course(only(&report)), "proxy+ tls+ v2+");
    assert_eq!(only(&report).chain[0].issuer, "CN=Lab CA", "the chain is the registry's");
    says(&report.summary, &[&format!("through `{}`", proxy.url(""))]);
    assert_eq!(proxy.request_lines(), [format!("CONNECT {registry} HTTP/1.1")]);
    for (identity, part) in [
        (lab.server(&["127.0.0.1"]), "its certificate leads to `CN=Lab CA`, which no well-known authority vouches for"),
        (public.server(&["proxy.test"]), "the certificate is not for `127.0.0.1`, but for `proxy.test`"),
        (public.server_with(&["127.0.0.1"], crate::pki::expired), "expired on 2020-01-02"),
    ] {
        let proxy = ProxyServer::start(Some(&identity), ProxyAnswer::Relay).await;
        let report = probe(&proxy).await;
        assert_eq!(course(only(&report)), "proxy-", "{report:#?}");
        says(&report.summary, &["the proxy `https://127.0.0.1:", part]);
        assert!(proxy.requests().is_empty(), "the login is for a verified proxy");
    }
    let plain = ProxyServer::relay().await;
    let settings = through(&plain.url("").replace("http://", "https://"));
    let report = prober.clone().with_proxies(settings).probe(&evaluator(&trusting(&lab)), &registry, None).await;
    assert_eq!(course(only(&report)), "proxy-", "{report:#?}");
}

#[tokio::test]
async fn exceptions_are_reached_directly() {
    let (ca, proxy) = (Ca::new("Lab CA"), ProxyServer::relay().await);
    let server = Server::tls(&ca.server(&["127.0.0.1", "localhost"]), v2("200 OK", &[])).await;
    let policy =
        json!({ "whitelist": ["127.0.0.1", "localhost", "*.test"], "certificate_authorities": [{ "pem": ca.pem() }] });
    for host in ["127.0.0.1", "localhost"] {
        let report = probe(through(&proxy.url("")), &policy, &format!("{host}:{}", server.port)).await;
        assert!(report.ok && only(&report).proxy.is_none(), "{report:#?}");
        let hint = format!("`{host}` was reached without a proxy: an address of this machine never has one");
        assert_eq!(report.hint, Some(hint));
    }
    let list = ["10.0.0.0/8", ".test:443"].join(", ");
    let settings = environment(&[("HTTPS_PROXY", &proxy.url("")), ("NO_PROXY", &list)]);
    let report = probe(settings.clone(), &policy, "registry.test").await;
    assert_eq!(course(only(&report)), "dns-");
    assert_eq!(report.hint.as_deref(), Some("`registry.test` was reached without a proxy: `NO_PROXY` has `.test:443`"));
    let report = probe(settings, &policy, &format!("registry.test:{}", server.port)).await;
    assert_eq!(course(only(&report)), "proxy+ tls-", "{report:#?}");
    // One scheme has a proxy, and the other has none.
    let settings = environment(&[("HTTPS_PROXY", &proxy.url(""))]);
    let report = probe(settings, &insecure(), "registry.test:1").await;
    assert_eq!([course(&report.attempts[0]), course(&report.attempts[1])], ["proxy-", "dns-"]);
    assert_eq!(report.hint.as_deref(), Some("`registry.test` was reached without a proxy: none is set for HTTP"));
}

#[tokio::test]
async fn unused_proxy_is_mentioned() {
    let hint = "`https_proxy` is set, and this test does not go through that proxy: `pullgate probe --proxy` does";
    let probe = async |settings: &ProxySettings, policy: &Value, registry: &str| {
        let prober = Prober::new(RootStore::empty(), limits()).unwrap().with_unused_proxies(settings.clone());
        prober.probe(&evaluator(policy), registry, None).await
    };
    let settings = environment(&[("https_proxy", "socks5://me:hunter2@proxy.test:1080"), ("no_proxy", "in.test")]);
    let policy = json!({ "whitelist": ["*.test", "192.0.2.0/24", "127.0.0.1"] });
    let report = probe(&settings, &policy, "registry.test").await;
    assert_eq!((course(only(&report)).as_str(), report.hint.as_deref()), ("dns-", Some(hint)));
    let suffix = "; not tried through the proxy of `https_proxy`";
    assert!(detail(only(&report), StageKind::Dns).ends_with(suffix) && report.summary.ends_with(suffix), "{report:#?}");
    assert!(!serde_json::to_string(&report).unwrap().contains("hunter2"));
    // Where the proxy would not count either, there is nothing to say.
    let closed = format!("127.0.0.1:{}", free_port().await);
    for (settings, policy, registry) in [
        (&settings, &policy, "in.test"),
        (&settings, &policy, closed.as_str()),
        (&ProxySettings::default(), &policy, "registry.test"),
        (&settings, &policy, "registry.example"),
    ] {
        let report = probe(settings, policy, registry).await;
        assert!(!report.ok && report.hint.is_none() && !report.summary.contains("proxy"), "{report:#?}");
    }
}
