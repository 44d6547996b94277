//! Recognition of registries, and the report about them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use pullgate_connect::crypto_provider;
use pullgate_connect::probe::StageKind;
use pullgate_connect::rustls::server::WebPkiClientVerifier;
use pullgate_connect::rustls::{RootCertStore, ServerConfig};
use serde_json::json;

use crate::pki::Ca;
use crate::programs::{self, Program};
use crate::servers::{Server, answer, tokens, v1, v2};
use crate::support::{course, detail, insecure, only, probe, says, trusting};

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
    let pem = attempt["chain"][0]["pem"].take();
    let [certificate] = &pullgate::check_certificates(pem.as_str().unwrap().as_bytes(), 0).certificates[..] else {
        panic!("one certificate in PEM")
    };
    assert_eq!(certificate.sha256, fingerprint);
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
            "chain": [{"subject": "CN=registry", "issuer": "CN=Lab CA", "notAfter": null, "sha256": null, "pem": null}],
            "vouchedBy": {"subject": "CN=Lab CA", "sha256": sha256, "source": "policy"},
            "protocol": "v2 over HTTPS",
        })
    );
    assert_eq!((&json["protocol"], &json["ok"]), (&json!("v2 over HTTPS"), &json!(true)));
    assert_eq!(json["summary"], format!("v2 over HTTPS at 127.0.0.1; {voucher} vouches for it"));
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
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients), crypto_provider()).build().unwrap();
    let identity = ca.server(&["127.0.0.1"]);
    let config = ServerConfig::builder_with_provider(crypto_provider())
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
