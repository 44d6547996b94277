//! Registries that are denied, not trusted, not reached, or that do not answer as registries do.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use pullgate::{DnsQuery, LookupKind};
use pullgate_connect::RootStore;
use pullgate_connect::probe::{AnchorSource, ProbeLimits, ProbeProgress, ProbeReport, Prober, StageKind};
use pullgate_connect::rustls::RootCertStore;
use pullgate_host::{Dns, DnsError, DnsLimits, DnsResponse, ResolveFuture, Resolver};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::pki::{self, Ca, Identity};
use crate::servers::{Server, answer, free_port, raw, v2};
use crate::support::{
    TEST_TIMEOUT, course, detail, evaluator, gate_with, impatient, insecure, limits, only, probe, probe_within, says,
    trusting,
};

#[tokio::test]
async fn denied_registry_is_not_contacted() {
    let server = Server::plain(v2("200 OK", &[])).await;
    for (policy, registry, parts) in [
        (json!({ "whitelist": ["10.0.0.0/8"] }), server.registry(), &["access to registry"][..]),
        (json!({ "whitelist": ["127.0.0.1:1"] }), server.registry(), &["access to registry", "nothing was contacted"]),
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

/// A resolver for names that exist in no DNS.
pub struct FixedNames;

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
    let watch = |progress: ProbeProgress<'_>| {
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
