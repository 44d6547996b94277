//! `pullgate serve` over TLS: the webhooks, and an API for authenticated callers.

mod common;

use std::fs;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use common::daemon::{Daemon, TEST_TIMEOUT, TOKEN, talk};
use common::file;
use pullgate_connect::crypto_provider;
use pullgate_connect::rustls::pki_types::pem::PemObject;
use pullgate_connect::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use pullgate_connect::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use serde_json::{Value, json};

/// A certificate authority.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
#[derive(Clone)]
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        params.not_after = date_time_ymd(2100, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }

    fn server(&self) -> Identity {
        self.sign("server", ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// Connects to `port`, whose certificate must be of this authority.
    fn connect(&self, port: u16, identity: Option<&Identity>) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(crypto_provider());
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
    }
}

fn port(address: &str) -> u16 {
    address.trim_matches('"').rsplit_once(':').unwrap().1.parse().unwrap()
}

fn review(image: &str) -> String {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {"username": "admin"},
            "object": {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": image}]}},
        },
    })
    .to_string()
}

#[test]
fn kubernetes_asks_over_tls_and_a_new_certificate_is_taken() {
    let authority = Authority::new("Cluster CA");
    let first = authority.server();
    let (certificate, key) = (file("crt", &first.certificate), file("key", &first.key));
    let policy = file("json", r#"{"whitelist": ["docker.io"]}"#);
    let webhook = ["--kubernetes-listen", "127.0.0.1:0", "--tls-certificate", &certificate, "--tls-key", &key];
    let (daemon, log) = Daemon::start_and_see(
        "127.0.0.1:0",
        &[&["--policy", &policy, "--no-dns"][..], &webhook].concat(),
        "Kubernetes may ask",
    );
    let port = port(log.split_once("address=").unwrap().1);
    let json = &["Content-Type: application/json"][..];
    let ask = |line: &str, body: &str| talk(authority.connect(port, None), line, "localhost", json, body);

    for (image, allowed) in [("alpine", true), ("evil.example.com/x", false)] {
        let (status, text) = ask("POST /kubernetes/validate", &review(image));
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &answer["response"]["allowed"]), (200, &Value::Bool(allowed)), "{text}");
    }
    assert_eq!(ask("GET /readyz", "").0, 200);
    assert_eq!(ask("POST /v1/decide", r#"{"reference":"alpine"}"#).0, 404, "the API is not served here");

    let shown = || {
        let mut stream = authority.connect(port, None);
        stream.conn.complete_io(&mut stream.sock).unwrap();
        stream.conn.peer_certificates().unwrap()[0].to_vec()
    };
    let expiry = || {
        let metrics = daemon.get("/metrics").1;
        metrics
            .lines()
            .find_map(|line| {
                line.strip_prefix("pullgate_certificate_expiration_timestamp_seconds{certificate=\"tls\"} ")
            })
            .map(str::to_owned)
    };
    let before = shown();
    // A certificate without its key is rejected.
    let second = authority.server();
    fs::write(&certificate, &second.certificate).unwrap();
    daemon.says("the TLS certificate stays as it was");
    assert_eq!(shown(), before);
    fs::write(&key, &second.key).unwrap();
    daemon.waits_for(|_| shown() != before);
    assert_eq!(expiry().as_deref(), Some("4102444800"));
}

#[test]
fn an_api_that_others_reach_is_for_those_with_the_token() {
    let authority = Authority::new("Corp CA");
    let Identity { certificate, key } = authority.server();
    let (certificate, key, token) = (file("crt", certificate), file("key", key), file("token", TOKEN));
    let tls = ["--tls-certificate", &certificate, "--tls-key", &key, "--token-file", &token, "--no-dns"];
    let daemon = Daemon::start_at("0.0.0.0:0", &tls);
    let port = port(&daemon.address);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let ask = |headers: &[&str], line: &str| {
        talk(authority.connect(port, None), line, "pullgate.example.com", headers, r#"{"reference":"alpine"}"#).0
    };
    assert_eq!(ask(&[], "POST /v1/decide"), 401);
    assert_eq!(ask(&["Authorization: Bearer 0"], "POST /v1/decide"), 401);
    assert_eq!(ask(&[], "GET /v1/policy"), 401);
    assert_eq!(ask(&[&bearer], "POST /v1/decide"), 200);
    assert_eq!(ask(&[&bearer], "GET /v1/policy"), 200);
    assert_eq!(ask(&[], "GET /healthz"), 200);
}

#[test]
fn clients_are_known_by_their_certificates() {
    let (authority, clients, others) =
        (Authority::new("Corp CA"), Authority::new("Clients CA"), Authority::new("Other CA"));
    let Identity { certificate, key } = authority.server();
    let (certificate, key, ca) = (file("crt", certificate), file("key", key), file("pem", &clients.pem));
    let token = file("token", TOKEN);
    let tls = ["--tls-certificate", &certificate, "--tls-key", &key, "--client-ca", &ca, "--token-file", &token];
    let all = [&tls[..], &["--no-dns", "--kubernetes-listen", "127.0.0.1:0"]].concat();
    let (daemon, log) = Daemon::start_and_see("0.0.0.0:0", &all, "Kubernetes may ask");
    let webhooks = port(log.split_once("address=").unwrap().1);
    let port = port(&daemon.address);
    let known = clients.sign("node-1", ExtendedKeyUsagePurpose::ClientAuth);
    let stranger = others.sign("node-1", ExtendedKeyUsagePurpose::ClientAuth);
    let (status, _) = talk(
        authority.connect(port, Some(&known)),
        "POST /v1/decide",
        "localhost",
        &[],
        r#"{"reference":"evil.example.com/x"}"#,
    );
    assert_eq!(status, 200);
    let answered = talk(authority.connect(webhooks, Some(&known)), "GET /readyz", "localhost", &[], "");
    assert_eq!(answered, (200, "ok\n".to_owned()));
    // Without a client certificate every request is rejected, even with the token.
    let asked = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    for (port, path) in
        [(port, "/v1/module"), (port, "/"), (port, "/healthz"), (webhooks, "/readyz"), (webhooks, "/metrics")]
    {
        for identity in [None, Some(&stranger)] {
            let mut stream = authority.connect(port, identity);
            // The refusal follows the client's part of the handshake.
            let asked = std::io::Write::write_all(&mut stream, asked(path).as_bytes());
            let answer = asked.and_then(|()| std::io::Read::read(&mut stream, &mut [0; 64]));
            assert!(answer.is_err(), "{path}: {answer:?}");
        }
    }
    std::thread::sleep(Duration::from_millis(50));
    let (_, audit) = daemon.stop();
    assert_eq!((audit.len(), &audit[0]["user"]), (1, &json!("CN=node-1")));
}

#[test]
fn a_policy_comes_from_clients_of_the_authority_for_updates_only() {
    let [authority, clients, editors] = ["Corp CA", "Clients CA", "Editors CA"].map(Authority::new);
    let Identity { certificate, key } = authority.server();
    let (certificate, key) = (file("crt", certificate), file("key", key));
    let (client_ca, update_ca) = (file("pem", &clients.pem), file("pem", &editors.pem));
    let policy = file("json", r#"{"whitelist": []}"#);
    let tls = ["--tls-certificate", &certificate, "--tls-key", &key, "--client-ca", &client_ca, "--no-dns"];
    let all = [&tls[..], &["--update-ca", &update_ca, "--policy", &policy, "--allow-policy-updates"]].concat();
    let daemon = Daemon::start_at("0.0.0.0:0", &all);
    let port = port(&daemon.address);
    let client = clients.sign("node-1", ExtendedKeyUsagePurpose::ClientAuth);
    let editor = editors.sign("editor", ExtendedKeyUsagePurpose::ClientAuth);
    for (identity, put) in [(&client, 401), (&editor, 200)] {
        let ask =
            |line: &str, body: &str| talk(authority.connect(port, Some(identity)), line, "localhost", &[], body).0;
        assert_eq!(ask("POST /v1/decide", r#"{"reference":"alpine"}"#), 200);
        assert_eq!(ask("PUT /v1/policy", r#"{"whitelist": ["docker.io"]}"#), put);
    }
    let refused =
        common::run(&["serve", "--update-ca", &update_ca, "--tls-certificate", &certificate, "--tls-key", &key]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--update-ca needs --client-ca"), "{refused:?}");
}
