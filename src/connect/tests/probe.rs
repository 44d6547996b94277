//! Probes of test servers and of real registries.

#[allow(dead_code, reason = "other tests use the rest")]
mod pki;
mod programs;
#[path = "probe/servers.rs"]
mod servers;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use pki::{Ca, Identity};
use programs::Program;
use pullgate::{DnsQuery, LookupKind};
use pullgate_connect::RootStore;
use pullgate_connect::probe::{AnchorSource, AttemptReport, ProbeLimits, ProbeReport, Prober, Stage, StageKind};
use pullgate_connect::rustls::crypto::ring;
use pullgate_connect::rustls::server::WebPkiClientVerifier;
use pullgate_connect::rustls::{RootCertStore, ServerConfig};
use pullgate_host::{
    Dns, DnsError, DnsLimits, DnsResponse, EvaluatorOptions, Module, PolicyEvaluator, ResolveFuture, Resolver, now,
};
use serde_json::{Value, json};
use servers::{Server, answer, free_port, raw, tokens, v1, v2, v2_with_tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The upper bound for tests with hanging servers.
const TEST_TIMEOUT: Duration = Duration::from_secs(10);

fn limits() -> ProbeLimits {
    ProbeLimits {
        stage_timeout: Duration::from_secs(5),
        registry_timeout: Duration::from_secs(20),
        ..ProbeLimits::default()
    }
}

fn impatient() -> ProbeLimits {
    ProbeLimits {
        stage_timeout: Duration::from_millis(1_000),
        registry_timeout: Duration::from_millis(2_500),
        ..ProbeLimits::default()
    }
}

fn evaluator(policy: &Value) -> PolicyEvaluator {
    gate_with(policy, None)
}

fn gate_with(policy: &Value, dns: Option<Dns>) -> PolicyEvaluator {
    Module::built_in()
        .unwrap()
        .load(&policy.to_string(), now(), EvaluatorOptions { dns, ..EvaluatorOptions::default() })
        .unwrap()
        .0
}

async fn probe(policy: &Value, registry: &str) -> ProbeReport {
    probe_within(limits(), policy, registry).await
}

async fn probe_within(limits: ProbeLimits, policy: &Value, registry: &str) -> ProbeReport {
    let report = Prober::new(RootStore::empty(), limits).unwrap().probe(&evaluator(policy), registry, None).await;
    // Reports are safe for display.
    let text = serde_json::to_string(&report).unwrap();
    assert!(!text.contains(char::is_control), "{text}");
    report
}

/// Returns a policy that allows loopback, with one CA for the given registries.
fn trusting(ca: &Ca, registries: &[&str]) -> Value {
    json!({
        "whitelist": ["127.0.0.0/8", "localhost"],
        "certificate_authorities": [{ "pem": ca.pem(), "registries": registries }],
    })
}

fn insecure() -> Value {
    json!({ "whitelist": [], "insecure": ["127.0.0.1"] })
}

#[track_caller]
fn only(report: &ProbeReport) -> &AttemptReport {
    assert_eq!(report.attempts.len(), 1, "{report:#?}");
    &report.attempts[0]
}

/// Returns the stages of an attempt with their outcomes, as `dns+ tcp+ tls-`.
fn course(attempt: &AttemptReport) -> String {
    let mark = |stage: &Stage| format!("{}{}", stage.stage.as_str(), if stage.ok { '+' } else { '-' });
    attempt.stages.iter().map(mark).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn detail(attempt: &AttemptReport, name: StageKind) -> &str {
    let stage = attempt.stages.iter().rev().find(|stage| stage.stage == name);
    &stage.unwrap_or_else(|| panic!("{attempt:#?}")).detail
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in `{text}`");
    }
}

#[tokio::test]
async fn the_rows_of_the_protocol_table_are_named() {
    let ca = Ca::new("Lab CA");
    let identity = ca.server(&["127.0.0.1"]);
    let secure = trusting(&ca, &["127.0.0.1"]);
    let basic = || v2("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"Registry\"")]);

    for (server, protocol, summary) in [
        (Server::plain(v1("gunicorn")).await, "v1 over HTTP", "nothing is encrypted"),
        (Server::plain(v2("200 OK", &[])).await, "v2 over HTTP", "nothing is encrypted"),
        (Server::plain(basic()).await, "v2 over HTTP with basic authentication", "nothing is encrypted"),
    ] {
        let report = probe(&insecure(), &server.registry()).await;
        assert_eq!(report.protocol.as_deref(), Some(protocol), "{report:#?}");
        assert!(report.ok && report.attempts.len() == 2, "{report:#?}");
        says(detail(&report.attempts[0], StageKind::Tls), &["plain HTTP on this port, not TLS"]);
        assert_eq!(report.attempts[1].protocol, report.protocol);
        says(&report.summary, &[protocol, "127.0.0.1", summary]);
    }
    let tokens_on_itself = |path: &str| match path {
        "/v2/" => answer(
            "401 Unauthorized",
            &[
                ("Docker-Distribution-Api-Version", "registry/2.0"),
                ("WWW-Authenticate", "Bearer realm=\"https://127.0.0.1:PORT/token\",service=\"registry.test\""),
            ],
            "",
        ),
        path => tokens(path),
    };
    for (server, protocol) in [
        (Server::tls(&identity, v1("nginx/1.22.1")).await, "v1 over HTTPS (behind nginx)"),
        (Server::tls(&identity, v1("gunicorn")).await, "v1 over HTTPS"),
        (Server::tls(&identity, v2("200 OK", &[])).await, "v2 over HTTPS"),
        (Server::tls(&identity, basic()).await, "v2 over HTTPS with basic authentication"),
    ] {
        let report = probe(&secure, &server.registry()).await;
        assert_eq!(report.protocol.as_deref(), Some(protocol), "{report:#?}");
        let attempt = only(&report);
        assert!(report.ok && course(attempt).starts_with("dns+ tcp+ tls+ v2"), "{report:#?}");
        assert_eq!(attempt.chain.len(), 1);
        says(&report.summary, &[protocol, "127.0.0.1; the policy's `CN=Lab CA` (SHA-256 ", " vouches for it"]);
    }
    // The port of the server is unknown until it listens.
    let port = Arc::new(Mutex::new(0));
    let known = Arc::clone(&port);
    let server = Server::tls(&identity, move |path| {
        let answer = String::from_utf8(tokens_on_itself(path)).unwrap();
        answer.replace("PORT", &known.lock().unwrap().to_string()).into_bytes()
    });
    let server = server.await;
    *port.lock().unwrap() = server.port;
    let report = probe(&secure, &server.registry()).await;
    assert_eq!(report.protocol.as_deref(), Some("v2 over HTTPS with token authentication"), "{report:#?}");
    assert!(report.ok && only(&report).elsewhere.is_empty(), "{report:#?}");
    assert_eq!(course(only(&report)), "dns+ tcp+ tls+ v2+ token+");
    says(detail(only(&report), StageKind::Token), &["/token`: 200 OK, a token without a login"]);
    assert!(!serde_json::to_string(&report).unwrap().contains("secret"), "tokens are not shown");
    let requests = server.requests();
    assert!(requests[1].starts_with("GET /token?service=registry.test HTTP/1.1\r\n"), "{requests:?}");
    assert!(requests.iter().all(|request| !request.to_lowercase().contains("authorization:")));
}

#[tokio::test]
async fn the_report_has_its_shape() {
    let ca = Ca::new("Lab CA");
    let server = Server::tls(&ca.server(&["127.0.0.1"]), v2("200 OK", &[])).await;
    let report = probe(&trusting(&ca, &["127.0.0.1"]), &server.registry()).await;
    let mut json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["registry"], server.registry());
    assert_eq!(json["decision"]["decision"], "allow");
    assert_eq!(json["decision"]["by"]["entry"], "127.0.0.0/8");
    let attempt = &mut json["attempts"][0];
    for stage in attempt["stages"].as_array_mut().unwrap() {
        assert!(stage["milliseconds"].take().is_u64());
    }
    let fingerprint = attempt["chain"][0]["sha256"].take();
    assert_eq!(fingerprint.as_str().unwrap().len(), 64);
    assert!(attempt["chain"][0]["notAfter"].take().as_str().unwrap().ends_with('Z'));
    let sha256 = ca.authority().fingerprint;
    let voucher = format!("the policy's `CN=Lab CA` (SHA-256 {}…)", &sha256[..16]);
    let stage = |stage: &str, detail: &str| json!({"stage": stage, "ok": true, "detail": detail, "milliseconds": null});
    assert_eq!(
        *attempt,
        json!({
            "scheme": "https", "port": server.port, "address": "127.0.0.1", "verified": true,
            "stages": [
                stage("dns", "127.0.0.1 is an address itself"),
                stage("tcp", &format!("connected to {}", server.registry())),
                stage("tls", &format!("{voucher} vouches for the certificate")),
                stage("v2", "200 OK, `registry/2.0`, no authentication"),
            ],
            "chain": [{"subject": "CN=registry", "issuer": "CN=Lab CA", "notAfter": null, "sha256": null}],
            "vouchedBy": {"subject": "CN=Lab CA", "sha256": sha256, "source": "policy"},
            "protocol": "v2 over HTTPS",
        })
    );
    assert_eq!((&json["protocol"], &json["ok"]), (&json!("v2 over HTTPS"), &json!(true)));
    assert_eq!(json["summary"], format!("v2 over HTTPS at 127.0.0.1; {voucher} vouches for it"));
}

#[tokio::test]
async fn denied_registry_is_not_contacted() {
    let server = Server::plain(v2("200 OK", &[])).await;
    for (policy, registry, parts) in [
        (json!({ "whitelist": ["10.0.0.0/8"] }), server.registry(), &["is denied: no entry of the whitelist covers it"][..]),
        (json!({ "whitelist": ["127.0.0.1:1"] }), server.registry(), &["Access denied", "nothing was contacted"]),
        (json!({}), "0x7f.1".to_owned(), &["denied by the policy"]),
        // Without a resolver.
        (
            json!({ "whitelist": ["*.corp.test"] }),
            server.registry(),
            &["undecided: it depends on DNS, which is not asked here (`127.0.0.1`); nothing was contacted"],
        ),
    ] {
        let report = probe(&policy, &registry).await;
        assert!(!report.ok && report.attempts.is_empty() && report.protocol.is_none(), "{report:#?}");
        says(&report.summary, parts);
    }
    assert_eq!(server.connections(), 0);
    let report = Prober::new(RootStore::empty(), limits()).unwrap();
    let evaluator = evaluator(&json!({ "projects": { "a": { "insecure": ["127.0.0.1"] } }, "whitelist": [] }));
    assert!(!report.probe(&evaluator, &server.registry(), None).await.ok);
    assert!(!report.probe(&evaluator, &server.registry(), Some("b")).await.ok);
    assert_eq!(server.connections(), 0);
    assert!(report.probe(&evaluator, &server.registry(), Some("a")).await.ok);
}

#[tokio::test]
async fn a_password_is_not_repeated() {
    let report = probe(&json!({}), "https://me:hunter2@127.0.0.1:1/x").await;
    assert!(!serde_json::to_string(&report).unwrap().contains("hunter2"), "{report:#?}");
}

#[tokio::test]
async fn a_private_authority_counts_where_the_policy_has_it() {
    let ca = Ca::new("Lab CA");
    let server = Server::tls(&ca.server(&["127.0.0.1"]), v2("200 OK", &[])).await;
    let good = probe(&trusting(&ca, &["127.0.0.1"]), &server.registry()).await;
    assert!(good.ok, "{good:#?}");
    let voucher = only(&good).vouched_by.as_ref().unwrap();
    assert_eq!((voucher.source, voucher.sha256.as_ref()), (AnchorSource::Policy, Some(&ca.authority().fingerprint)));

    let old = Ca::with("Lab CA", pki::expired);
    for (policy, parts) in [
        (json!({}), &["leads to `CN=Lab CA`", "the policy has no certificate authority for this registry"][..]),
        (
            trusting(&Ca::new("Other CA"), &["127.0.0.1"]),
            &["leads to `CN=Lab CA`", "the policy's one certificate authority"],
        ),
        (trusting(&Ca::new("Lab CA"), &["127.0.0.1"]), &["another key signed it"]),
        // Ignored since the policy was loaded (rule P3).
        (trusting(&old, &["127.0.0.1"]), &["leads to `CN=Lab CA`"]),
        (
            trusting(&ca, &["127.0.0.2"]),
            &["leads to `CN=Lab CA`", "was left out: it is for other registries, or for another project"],
        ),
    ] {
        let report = probe(&policy, &server.registry()).await;
        assert!(!report.ok, "{report:#?}");
        assert_eq!(course(only(&report)), "dns+ tcp+ tls-");
        says(detail(only(&report), StageKind::Tls), parts);
        says(&report.summary, &["no registry was reached: HTTPS on port ", " at 127.0.0.1: the certificate "]);
        // The presented chain is reported even so.
        let sent = &only(&report).chain;
        assert_eq!((sent.len(), sent[0].issuer.as_str()), (1, "CN=Lab CA"));
        assert!(only(&report).vouched_by.is_none());
    }
    assert_eq!(server.requests().len(), 1, "nothing is asked of those who are not trusted");
}

#[tokio::test]
async fn a_well_known_authority_is_named() {
    let ca = Ca::new("Public CA");
    let below = ca.intermediate("Public CA 2");
    let mut identity = below.server(&["127.0.0.1"]);
    identity.chain.push(below.der());
    let server = Server::tls(&identity, v2("200 OK", &[])).await;
    let mut store = RootCertStore::empty();
    store.add(ca.der()).unwrap();
    let prober = Prober::new(store.into(), limits()).unwrap();
    let report = prober.probe(&evaluator(&json!({})), &server.registry(), None).await;
    let voucher = only(&report).vouched_by.as_ref().unwrap();
    assert_eq!(
        (voucher.subject.as_str(), voucher.source, &voucher.sha256),
        ("CN=Public CA", AnchorSource::WellKnown, &None)
    );
    let subjects: Vec<_> = only(&report).chain.iter().map(|one| one.subject.as_str()).collect();
    assert_eq!(subjects, ["CN=registry", "CN=Public CA 2"]);
}

#[tokio::test]
async fn certificate_errors_are_reported() {
    let ca = Ca::new("Lab CA");
    let policy = trusting(&ca, &["127.0.0.1"]);
    for (identity, parts) in [
        (ca.server(&["10.0.0.1", "registry.test"]), &["not for `127.0.0.1`, but for `10.0.0.1`, `registry.test`"][..]),
        (ca.server_with(&["127.0.0.1"], pki::expired), &["`CN=registry` expired on 2020-01-02T00:00:00Z"]),
        (ca.server_with(&["127.0.0.1"], pki::not_yet_valid), &["not valid before 3020-01-02T00:00:00Z"]),
        (Identity::self_signed(&["127.0.0.1"], |_| ()), &["is signed by itself, as `CN=registry`"]),
    ] {
        let server = Server::tls(&identity, v2("200 OK", &[])).await;
        let report = probe(&policy, &server.registry()).await;
        assert_eq!(course(only(&report)), "dns+ tcp+ tls-");
        says(detail(only(&report), StageKind::Tls), parts);
        says(&report.summary, parts);
        assert_eq!(server.requests().len(), 0);
        // An insecure registry is reached without verification, and the report says so.
        let report = probe(&insecure(), &server.registry()).await;
        assert!(report.ok && only(&report).chain.len() == 1 && only(&report).vouched_by.is_none(), "{report:#?}");
        says(&report.summary, &["its certificate was not checked"]);
    }
}

#[tokio::test]
async fn the_other_protocol_on_a_port_is_recognised() {
    let plain = Server::plain(v2("200 OK", &[])).await;
    let report = probe(&json!({}), &plain.registry()).await;
    assert_eq!(course(only(&report)), "dns+ tcp+ tls-");
    says(detail(only(&report), StageKind::Tls), &["the server speaks plain HTTP on this port, not TLS"]);

    // A server that requires a client certificate fails the first attempt; plain HTTP follows.
    let ca = Ca::new("Lab CA");
    let mut clients = RootCertStore::empty();
    clients.add(ca.der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients), provider).build().unwrap();
    let identity = ca.server(&["127.0.0.1"]);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain.clone(), identity.key())
        .unwrap();
    let server = Server::with("127.0.0.1", Some(config), v2("200 OK", &[])).await;
    let report = probe(&insecure(), &server.registry()).await;
    let [https, http] = &report.attempts[..] else { panic!("{report:#?}") };
    says(detail(https, StageKind::V2), &["the server wants a client certificate"]);
    says(detail(http, StageKind::V2), &["the server speaks TLS on this port, not plain HTTP"]);
    says(&report.summary, &["unverified HTTPS", "; then plain HTTP"]);

    // The responses of Go and nginx to plain HTTP.
    for body in ["Client sent an HTTP request to an HTTPS server.\n", "The plain HTTP request was sent to HTTPS port"] {
        let server = Server::plain(move |_| answer("400 Bad Request", &[], body)).await;
        let report = probe(&insecure(), &server.registry()).await;
        says(detail(&report.attempts[1], StageKind::V2), &["the server speaks TLS on this port, not plain HTTP"]);
    }
}

#[tokio::test]
async fn unreachable_registry_is_reported() {
    let report = probe(&json!({}), &format!("127.0.0.1:{}", free_port().await)).await;
    assert_eq!(course(only(&report)), "dns+ tcp-");
    says(&report.summary, &["nothing listens there (connection refused)"]);
    let report = probe(&json!({}), "registry.invalid:5000").await;
    assert_eq!(course(only(&report)), "dns-");
    assert_eq!(only(&report).address, None);
    says(&report.summary, &["HTTPS on port 5000: "]);
}

#[tokio::test]
async fn hanging_servers_time_out() {
    let ca = Ca::new("Lab CA");
    let identity = ca.server(&["127.0.0.1"]);
    let hold = |stream| async move {
        let _stream: tokio::net::TcpStream = stream;
        std::future::pending::<()>().await;
    };
    let silent = Server::tls(&identity, |_| Vec::new()).await;
    // A body without end.
    let dripping =
        Server::tls(&identity, |_| b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 9\r\n\r\n{".to_vec())
            .await;
    let slow = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1_024]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let policy = trusting(&ca, &["127.0.0.1"]);
    for (policy, registry, last) in [
        (&policy, format!("127.0.0.1:{}", raw(hold).await), "tls-"),
        (&policy, silent.registry(), "v2-"),
        (&policy, dripping.registry(), "v2-"),
        (&insecure(), format!("127.0.0.1:{}", slow.await), "v2-"),
    ] {
        let start = Instant::now();
        let report = probe_within(impatient(), policy, &registry).await;
        assert!(start.elapsed() < TEST_TIMEOUT && !report.ok, "{report:#?}");
        let course = course(report.attempts.last().unwrap());
        assert!(course.ends_with(last), "{course}: {report:#?}");
    }
    // The registry timeout is shorter than the stage timeout: the remaining stages are not tried.
    let limits = ProbeLimits {
        stage_timeout: Duration::from_secs(60),
        registry_timeout: Duration::from_millis(400),
        ..limits()
    };
    let start = Instant::now();
    let registry = format!("127.0.0.1:{}", raw(hold).await);
    let report = probe_within(limits, &insecure(), &registry).await;
    assert!(start.elapsed() < TEST_TIMEOUT, "{report:#?}");
    says(&report.attempts[0].stages[2].detail, &["no answer within 0.4 s"]);
    says(&report.attempts[1].stages[0].detail, &["not tried, since the 0.4 s for this registry were over"]);
}

#[tokio::test]
async fn responses_are_bounded() {
    let huge = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)).into_bytes();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(100_000)).into_bytes();
    let body = answer("200 OK", &[("Content-Type", "application/json")], &" ".repeat(16 << 20));
    for (bytes, part) in [
        (huge, "the headers of the answer are larger than is read"),
        (many, "the headers of the answer are larger than is read"),
        (body, "no V2 registry: 200 OK"),
        (b"SSH-2.0-OpenSSH_9.2p1\x1b[2J\r\n".to_vec(), "the answer is not HTTP: it begins with `SSH-2.0-OpenSSH_`"),
        (b"\x00\xff\x1b\r\n\r\n".to_vec(), "the answer is not HTTP: it begins with `\\x00\\xff\\x1b\\r\\n"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec(),
            "the answer breaks the rules of HTTP (invalid content-length parsed): it begins with `HTTP/1.1 200 OK",
        ),
        (
            b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n".to_vec(),
            "the answer breaks the rules of HTTP (invalid HTTP header parsed)",
        ),
        (b"\n".to_vec(), "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-".to_vec(), "closed the connection in the middle of its answer"),
    ] {
        let server = Server::plain(move |_| bytes.clone()).await;
        let report = probe(&insecure(), &server.registry()).await;
        assert!(!report.ok, "{report:#?}");
        says(detail(&report.attempts[1], StageKind::V2), &[part]);
    }
    let server = Server::plain(|path| match path {
        "/v2/" => answer("200 OK", &[("Content-Type", "text/html")], "<html>a portal\u{1b}</html>"),
        _ => answer("200 OK", &[("Content-Type", "text/html")], "<html>a portal</html>"),
    });
    let report = probe(&insecure(), &server.await.registry()).await;
    assert_eq!(course(&report.attempts[1]), "dns+ tcp+ v2- v1-");
    says(&report.summary, &["no V2 registry: 200 OK, without the header", ", no V1 registry: 200 OK"]);
    // A registry without the version header.
    let server = Server::plain(|_| answer("200 OK", &[("Content-Type", "application/json")], "{}")).await;
    let report = probe(&insecure(), &server.registry()).await;
    assert!(report.ok && report.protocol.as_deref() == Some("v2 over HTTP"), "{report:#?}");
    // A registry that is out of order.
    let server = Server::plain(v2("503 Service Unavailable", &[])).await;
    let report = probe(&insecure(), &server.registry()).await;
    says(&report.summary, &["a V2 registry, but it answers 503 Service Unavailable"]);
    assert!(!report.ok);
}

#[tokio::test]
async fn a_redirect_goes_where_the_policy_allows() {
    let (ca, other) = (Ca::new("Lab CA"), Ca::new("Other CA"));
    let to = |url: String| move |_: &str| answer("307 Temporary Redirect", &[("Location", &url)], "");
    let target = Server::start("127.0.0.2", Some(&other.server(&["127.0.0.2"])), v2("200 OK", &[])).await;
    let url = format!("https://{}/v2/?secret=1", target.registry());
    let server = Server::tls(&ca.server(&["127.0.0.1"]), to(url.clone())).await;

    // Denied.
    let ca_of = |ca: &Ca, host: &str| json!({ "pem": ca.pem(), "registries": [host] });
    let mine = ca_of(&ca, "127.0.0.1");
    let policy = json!({ "whitelist": ["127.0.0.1"], "certificate_authorities": [mine] });
    let report = probe(&policy, &server.registry()).await;
    let attempt = only(&report);
    assert!(!report.ok && report.protocol.is_none() && target.connections() == 0, "{report:#?}");
    assert_eq!(course(attempt), "dns+ tcp+ tls+ v2-");
    let place =
        format!("it redirects to `https://{}/v2/`, which was not contacted: denied by the policy", target.registry());
    says(detail(attempt, StageKind::V2), &["307 Temporary Redirect", &place]);
    let elsewhere = &attempt.elsewhere[0];
    assert!(elsewhere.registry == target.registry() && elsewhere.attempts.is_empty() && !elsewhere.ok);

    // Allowed, but the CA of the first host is not trusted for the second.
    let policy = json!({ "whitelist": ["127.0.0.0/8"], "certificate_authorities": [mine] });
    let report = probe(&policy, &server.registry()).await;
    says(detail(only(&report), StageKind::V2), &["which cannot be reached: HTTPS", "leads to `CN=Other CA`"]);
    assert_eq!((course(&only(&report).elsewhere[0].attempts[0]).as_str(), report.ok), ("dns+ tcp+ tls-", false));
    assert_eq!(target.requests().len(), 0);

    // Allowed, with a CA of its own.
    let policy = json!({ "whitelist": ["127.0.0.0/8"], "certificate_authorities": [mine, ca_of(&other, "127.0.0.2")] });
    let report = probe(&policy, &server.registry()).await;
    assert!(report.ok && report.protocol.as_deref() == Some("v2 over HTTPS"), "{report:#?}");
    assert_eq!(course(only(&report)), "dns+ tcp+ tls+ v2+ v2+");
    let voucher = only(&report).elsewhere[0].attempts[0].vouched_by.as_ref().unwrap();
    assert_eq!(voucher.subject, "CN=Other CA");
    assert!(target.requests()[0].starts_with("GET /v2/?secret=1 "), "what is asked for is what was named");
    assert!(!serde_json::to_string(&report).unwrap().contains("secret"), "a query may have secrets");

    // Neither "unverified" nor plain HTTP carries over to a host that the policy verifies.
    let insecure = Server::plain(to(url)).await;
    let policy = json!({ "whitelist": ["127.0.0.0/8"], "insecure": ["127.0.0.1"] });
    let report = probe(&policy, &insecure.registry()).await;
    assert!(!report.ok && report.attempts[1].elsewhere[0].attempts[0].verified, "{report:#?}");
    says(&report.summary, &["leads to `CN=Other CA`"]);
    let plain = Server::start("127.0.0.3", None, v2("200 OK", &[])).await;
    let insecure = Server::plain(to(format!("http://{}/v2/", plain.registry()))).await;
    let report = probe(&policy, &insecure.registry()).await;
    says(&report.summary, &["which was not contacted: the policy does not allow plain HTTP there"]);
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let server = Server::plain(|path| match path {
        "/v2/" => answer("301 Moved Permanently", &[("Location", "/registry/v2/")], ""),
        "/registry/v2/" => answer("302 Found", &[("Location", "x/")], ""),
        path => v2("200 OK", &[])(if path == "/registry/v2/x/" { "/v2/" } else { path }),
    });
    let report = probe(&insecure(), &server.await.registry()).await;
    assert!(report.ok && report.attempts[1].elsewhere.is_empty(), "{report:#?}");
    assert_eq!(course(&report.attempts[1]), "dns+ tcp+ v2+ v2+ v2+");

    let circle = Server::plain(|_| answer("301 Moved Permanently", &[("Location", "/v2/")], "")).await;
    let report = probe(&insecure(), &circle.registry()).await;
    says(&report.summary, &["it redirects more than 4 times"]);
    assert!(circle.requests().len() <= 5);

    for location in ["ftp://127.0.0.1/", "https://me:hunter2@127.0.0.1/", "http://[::1", "https://", "//@x"] {
        let server = Server::plain(move |_| answer("302 Found", &[("Location", location)], "")).await;
        let report = probe(&insecure(), &server.registry()).await;
        says(&report.summary, &["it redirects to where a registry cannot be"]);
        assert!(!report.summary.contains("hunter2"));
    }

    // An endless chain of hosts.
    let policy = json!({ "insecure": ["127.0.0.0/8"] });
    let mut url = "http://127.0.0.9:9/".to_owned();
    let mut hops = Vec::new();
    for number in 2..8 {
        let next = url.clone();
        let hop = move |_: &str| answer("302 Found", &[("Location", &next)], "");
        let server = Server::start(&format!("127.0.0.{number}"), None, hop).await;
        url = format!("http://{}/", server.registry());
        hops.push(server);
    }
    let limits = ProbeLimits { max_hosts: 2, ..limits() };
    let report = probe_within(limits, &policy, &hops[5].registry()).await;
    says(&report.summary, &["which was not contacted: the registry points to too many other hosts"]);
    assert_eq!(hops.iter().filter(|hop| hop.connections() > 0).count(), 3);
}

#[tokio::test]
async fn tokens_are_asked_for_where_the_policy_allows() {
    let (ca, other) = (Ca::new("Lab CA"), Ca::new("Other CA"));
    let issuer = Server::start("127.0.0.2", Some(&other.server(&["127.0.0.2"])), tokens).await;
    let realm = format!("https://{}/token", issuer.registry());
    let server = Server::tls(&ca.server(&["127.0.0.1"]), v2_with_tokens(&realm)).await;
    let ca_of = |ca: &Ca, host: &str| json!({ "pem": ca.pem(), "registries": [host] });
    let mine = ca_of(&ca, "127.0.0.1");

    let policy = json!({ "whitelist": ["127.0.0.1"], "certificate_authorities": [mine] });
    let report = probe(&policy, &server.registry()).await;
    assert_eq!((report.ok, issuer.connections()), (false, 0), "{report:#?}");
    assert_eq!(report.protocol.as_deref(), Some("v2 over HTTPS with token authentication"));
    assert_eq!(course(only(&report)), "dns+ tcp+ tls+ v2+ token-");
    let text = format!("tokens come from `{realm}`, which was not contacted: denied by the policy: Access denied");
    says(&report.summary, &["but it cannot be used: ", &text]);

    let policy = json!({ "whitelist": ["127.0.0.0/8"], "certificate_authorities": [mine] });
    let report = probe(&policy, &server.registry()).await;
    assert!(!report.ok && issuer.requests().is_empty(), "{report:#?}");
    says(&report.summary, &["which cannot be reached: HTTPS", "leads to `CN=Other CA`"]);

    let policy = json!({ "whitelist": ["127.0.0.0/8"], "certificate_authorities": [mine, ca_of(&other, "127.0.0.2")] });
    let report = probe(&policy, &server.registry()).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!(only(&report).elsewhere[0].attempts[0].vouched_by.as_ref().unwrap().subject, "CN=Other CA");
    assert!(only(&report).elsewhere[0].ok);
    let seen: Vec<String> = server.requests().into_iter().chain(issuer.requests()).collect();
    assert!(seen.iter().all(|request| !request.to_lowercase().contains("authorization:")), "{seen:?}");

    // An insecure registry makes no other host insecure.
    let plain = Server::plain(v2_with_tokens(&realm)).await;
    let policy = json!({ "whitelist": ["127.0.0.0/8"], "insecure": ["127.0.0.1"] });
    let report = probe(&policy, &plain.registry()).await;
    assert!(!report.ok && report.attempts[1].elsewhere[0].attempts[0].verified, "{report:#?}");
}

#[tokio::test]
async fn token_errors_are_reported() {
    for (challenge, part) in [
        ("Bearer service=x", "its challenge has no `realm`"),
        ("Bearer realm=\"/token\"", "where tokens come from is no `http` or `https` URL"),
        ("Bearer realm=\"https://me:hunter2@127.0.0.1/\"", "where tokens come from is no `http` or `https` URL"),
        ("Bearer realm=\"https://0x7f.1/\"", "`https://0x7f.1/`, which was not contacted: denied by the policy"),
    ] {
        let server = Server::plain(v2("401 Unauthorized", &[("WWW-Authenticate", challenge)])).await;
        let report = probe(&insecure(), &server.registry()).await;
        assert!(!report.ok && !report.summary.contains("hunter2"), "{report:#?}");
        says(&report.summary, &[part]);
    }
    for (status, body, ok, part) in [
        ("200 OK", "<html>", false, "200 OK, but the answer has no token"),
        ("200 OK", r#"{"access_token": "secret"}"#, true, "a token without a login"),
        ("401 Unauthorized", "", true, "it wants a login"),
        ("404 Not Found", "", false, "404 Not Found"),
        ("500 Internal Server Error", "", false, "500 Internal Server Error"),
    ] {
        let issuer = Server::start("127.0.0.2", None, move |_| answer(status, &[], body)).await;
        let server = Server::plain(v2_with_tokens(&format!("http://{}/token", issuer.registry()))).await;
        let report = probe(&json!({ "insecure": ["127.0.0.0/8"] }), &server.registry()).await;
        assert_eq!(report.ok, ok, "{report:#?}");
        says(detail(&report.attempts[1], StageKind::Token), &[part]);
    }
    let server = Server::plain(v2("401 Unauthorized", &[("WWW-Authenticate", "Negotiate, Basic realm=x")])).await;
    let report = probe(&insecure(), &server.registry()).await;
    assert_eq!(report.protocol.as_deref(), Some("v2 over HTTP with basic authentication"));
    let server = Server::plain(v2("401 Unauthorized", &[("WWW-Authenticate", "Negotiate")])).await;
    let report = probe(&insecure(), &server.registry()).await;
    assert_eq!(report.protocol.as_deref(), Some("v2 over HTTP with `negotiate` authentication"));
}

/// A resolver for names that exist in no DNS.
struct FixedNames;

impl Resolver for FixedNames {
    fn resolve<'a>(&'a self, question: &'a DnsQuery) -> ResolveFuture<'a> {
        Box::pin(async move {
            match (question.kind, question.subject.as_str()) {
                (LookupKind::Forward, "registry.test") => {
                    Ok(DnsResponse { answers: vec!["127.0.0.1".to_owned()], ttl: Duration::ZERO })
                }
                _ => Err(DnsError("no answer".to_owned())),
            }
        })
    }
}

#[tokio::test]
async fn pinned_addresses_and_no_others_are_connected_to() {
    let ca = Ca::new("Lab CA");
    // The name has no address anywhere (RFC 6761); the decision alone pins one.
    let server = Server::tls(&ca.server(&["registry.test"]), v2("200 OK", &[])).await;
    let policy = json!({
        "whitelist": ["127.0.0.0/8"],
        "match_resolved_addresses": true,
        "certificate_authorities": [{ "pem": ca.pem() }],
    });
    let evaluator = gate_with(&policy, Some(Dns::new(FixedNames, DnsLimits::default())));
    let registry = format!("registry.test:{}", server.port);
    let report = Prober::new(RootStore::empty(), limits()).unwrap().probe(&evaluator, &registry, None).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!(detail(only(&report), StageKind::Dns), "127.0.0.1: by the decision, and no others");
    assert!(server.requests()[0].contains(&format!("\r\nhost: {registry}\r\n")), "{:?}", server.requests());
}

#[tokio::test]
async fn registries_are_tested_at_once_and_reported_in_order() {
    let mut servers = Vec::new();
    for _ in 0..6 {
        let answers = v2("200 OK", &[]);
        let slowly = move |path: &str| {
            std::thread::sleep(Duration::from_millis(1));
            answers(path)
        };
        servers.push(Server::plain(slowly).await);
    }
    let hanging = raw(|stream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    });
    let mut registries = vec![format!("127.0.0.1:{}", hanging.await)];
    registries.extend(servers.iter().map(Server::registry));
    let seen = Mutex::new(Vec::new());
    let watch = |progress: pullgate_connect::probe::ProbeProgress<'_>| {
        seen.lock().unwrap().push(format!("{} {}", progress.registry, progress.stage.stage.as_str()));
    };
    let prober = Prober::new(RootStore::empty(), impatient()).unwrap();
    let evaluator = evaluator(&insecure());
    let reports: Vec<ProbeReport> = prober.probe_all(&evaluator, &registries, None, &watch).collect().await;
    assert_eq!(reports.iter().map(|report| report.registry.clone()).collect::<Vec<_>>(), registries);
    assert_eq!(reports.iter().map(|report| report.ok).collect::<Vec<_>>(), [false, true, true, true, true, true, true]);
    let seen = seen.into_inner().unwrap();
    let last = seen.iter().rposition(|line| line.starts_with(&registries[0])).unwrap();
    let done = seen.iter().position(|line| *line == format!("{} v2", registries[6])).unwrap();
    assert!(done < last, "the one that hangs keeps nobody waiting: {seen:#?}");
}

#[tokio::test]
async fn a_real_registry_is_recognised() {
    let ca = Ca::new("Lab CA");
    let identity = ca.server(&["127.0.0.1"]);
    let secure = trusting(&ca, &["127.0.0.1"]);
    let nothing = |_: &Path| String::new();
    let password = |folder: &Path| {
        let path = folder.join("htpasswd");
        std::fs::write(&path, programs::htpasswd("me", "hunter2")).unwrap();
        format!("auth:\n  htpasswd:\n    realm: Lab\n    path: {}\n", path.display())
    };
    let issuer = Server::start("127.0.0.2", Some(&ca.server(&["127.0.0.2"])), tokens).await;
    let realm = format!("https://{}/token", issuer.registry());
    let token = |folder: &Path| {
        let path = folder.join("issuer.pem");
        std::fs::write(&path, ca.pem()).unwrap();
        let path = path.display();
        format!("auth:\n  token:\n    realm: {realm}\n    service: lab\n    issuer: lab\n    rootcertbundle: {path}\n")
    };

    let plain = Program::registry(None, nothing);
    let registry = format!("127.0.0.1:{}", plain.port);
    let report = probe(&insecure(), &registry).await;
    assert_eq!((report.protocol.as_deref(), report.ok), (Some("v2 over HTTP"), true), "{report:#?}");
    let report = probe(&secure, &registry).await;
    says(&report.summary, &["the server speaks plain HTTP on this port, not TLS"]);

    let both = trusting(&ca, &["127.0.0.0/8"]);
    for (program, policy, protocol) in [
        (Program::registry(Some(&identity), nothing), &secure, "v2 over HTTPS"),
        (Program::registry(Some(&identity), password), &secure, "v2 over HTTPS with basic authentication"),
        (Program::registry(Some(&identity), token), &both, "v2 over HTTPS with token authentication"),
    ] {
        let registry = format!("127.0.0.1:{}", program.port);
        let report = probe(policy, &registry).await;
        assert_eq!((report.protocol.as_deref(), report.ok), (Some(protocol), true), "{report:#?}");
        let report = probe(&json!({}), &registry).await;
        says(&report.summary, &["leads to `CN=Lab CA`"]);
        let report = probe(&insecure(), &registry).await;
        assert_eq!(report.attempts.len(), 1, "nothing is tried in plain HTTP where HTTPS will do: {report:#?}");
    }
    assert!(issuer.requests()[0].starts_with("GET /token?service=lab "));
}

#[tokio::test]
async fn nginx_in_front_of_a_registry_is_recognised() {
    let ca = Ca::new("Lab CA");
    let identity = ca.server(&["127.0.0.1"]);
    let secure = trusting(&ca, &["127.0.0.1"]);
    let ping = "location = /v1/_ping { default_type application/json; return 200 'true'; } location / { return 404; }";
    let v1 = Program::nginx(Some(&identity), ping);
    let report = probe(&secure, &format!("127.0.0.1:{}", v1.port)).await;
    assert_eq!((report.protocol.as_deref(), report.ok), (Some("v1 over HTTPS (behind nginx)"), true), "{report:#?}");
    let v1 = Program::nginx(None, ping);
    let report = probe(&insecure(), &format!("127.0.0.1:{}", v1.port)).await;
    assert_eq!((report.protocol.as_deref(), report.ok), (Some("v1 over HTTP (behind nginx)"), true), "{report:#?}");

    let registry = Program::registry(None, |_| String::new());
    let pass = format!("location / {{ proxy_pass http://127.0.0.1:{}; }}", registry.port);
    let front = Program::nginx(Some(&identity), &pass);
    let report = probe(&secure, &format!("127.0.0.1:{}", front.port)).await;
    assert_eq!((report.protocol.as_deref(), report.ok), (Some("v2 over HTTPS"), true), "{report:#?}");
    // A registry that is down behind the proxy.
    drop(registry);
    let report = probe(&secure, &format!("127.0.0.1:{}", front.port)).await;
    says(&report.summary, &["no V2 registry: 502 Bad Gateway"]);
}
