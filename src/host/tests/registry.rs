//! From a policy document to an answer of a registry: Debian's `docker-registry`, started by the test.

#[allow(dead_code, reason = "other tests use the rest")]
mod pki;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use std::{env, fs, process, thread};

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use pki::{Ca, Identity};
use pullgate::{Code, Decision, Fact, QuestionKind, ReferenceKind, Request, Scheme};
use pullgate_host::{
    ConnectError, ConnectLimits, Connection, Connector, Module, Options, Problem, Refusal, Roots, Tried, Voucher, now,
};
use serde_json::{Value, json};

/// How long a registry may take to listen.
const START: Duration = Duration::from_secs(30);

/// A running `docker-registry`; it ends with the test, however that ends.
struct Registry {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Registry {
    /// A registry on a port of this machine's own choice, with TLS if there is an identity.
    fn start(identity: Option<&Identity>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("registry-{}-{number}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("config.yml");
        let storage = folder.join("storage");
        let storage = storage.display();
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {storage}\nhttp:\n  addr: 127.0.0.1:0\n"
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::piped());
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REGISTRY_")) {
            command.env_remove(name);
        }
        if let Some(identity) = identity {
            let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
            fs::write(&certificate, identity.pem()).unwrap();
            fs::write(&key, identity.key.serialize_pem()).unwrap();
            command.env("REGISTRY_HTTP_TLS_CERTIFICATE", certificate).env("REGISTRY_HTTP_TLS_KEY", key);
        }
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("`docker-registry` cannot be started ({error}): install Debian's package docker-registry")
        });
        // From here on, whatever panics ends it.
        let mut registry = Self { child, folder, port: 0 };
        let log = read_log(&mut registry.child);
        let mut seen = String::new();
        while registry.port == 0 {
            let line = log.recv_timeout(START).unwrap_or_else(|error| panic!("`docker-registry`: {error}\n{seen}"));
            registry.port = port_in(&line).unwrap_or_default();
            seen += &line;
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The lines of the registry's log, which is read to its end, so that the registry never waits for it.
fn read_log(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let log = BufReader::new(child.stderr.take().unwrap());
    thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            let _ = sender.send(line + "\n");
        }
    });
    receiver
}

fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit())?;
    rest[..digits].parse().ok()
}

/// Decides about an image by a policy document, and connects as the decision allows.
async fn connect(policy: &Value, image: &str, facts: &[Fact]) -> Result<Connection, ConnectError> {
    connect_as_of(now(), policy, image, facts).await
}

/// The same with a policy that was loaded at some time.
async fn connect_as_of(at: u64, policy: &Value, image: &str, facts: &[Fact]) -> Result<Connection, ConnectError> {
    let (gate, _) = Module::built_in().unwrap().load(&policy.to_string(), at, Options::default()).unwrap();
    let request = Request { reference: image, kind: ReferenceKind::Image, project: None, facts };
    let answer = gate.answer(&request).await;
    let Decision::Allow(allowed) = answer.decision else { panic!("{:?}", answer.decision) };
    let registry = answer.registry.unwrap();
    let limits = ConnectLimits { address: Duration::from_secs(10), total: Duration::from_secs(30) };
    Connector::new(Roots::none(), limits).unwrap().connect(&registry, &allowed, gate.authorities()).await
}

/// A policy that allows this machine's registries, with one certificate authority for those given.
fn policy(ca: &Ca, registries: &[&str]) -> Value {
    json!({
        "whitelist": ["127.0.0.1", "localhost"],
        "certificate_authorities": [{ "pem": ca.pem(), "registries": registries }],
    })
}

/// Asks the registry whether it is one.
async fn is_registry(connection: Connection) {
    let host = connection.route().host_header();
    let (mut sender, connection) = handshake(TokioIo::new(connection)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get("/v2/").header("Host", host).body(Empty::<Bytes>::new()).unwrap();
    let response = tokio::time::timeout(Duration::from_secs(10), sender.send_request(request)).await.unwrap().unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["Docker-Distribution-Api-Version"], "registry/2.0");
    drop((sender, response));
    connection.await.unwrap().unwrap();
}

fn problem(result: Result<Connection, ConnectError>) -> Problem {
    match result {
        Err(ConnectError::Failed { mut tried, .. }) if tried.len() == 1 => {
            let Tried { scheme, verified, problem, .. } = tried.remove(0);
            assert_eq!((scheme, verified), (Scheme::Https, true));
            problem
        }
        other => panic!("{other:?}"),
    }
}

fn refusal(result: Result<Connection, ConnectError>) -> Refusal {
    match problem(result) {
        Problem::Certificate(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_private_authority_opens_its_registry_and_no_other_does() {
    let ca = Ca::new("Lab CA");
    let registry = Registry::start(Some(&ca.server(&["127.0.0.1"])));
    let image = format!("127.0.0.1:{}/team/app:1", registry.port);

    for policy in [
        policy(&ca, &["127.0.0.1"]),
        json!({ "certificate_authorities": [{ "pem": ca.pem() }] }),
        json!({ "whitelist": ["127.0.0.0/8"], "certificate_authorities": [
            { "pem": Ca::new("Other CA").pem() }, { "pem": ca.pem(), "registries": ["10.0.0.1", "127.0.0.1"] },
        ] }),
    ] {
        let connection = connect(&policy, &image, &[]).await.unwrap();
        assert_eq!(connection.voucher(), Some(&Voucher::Policy(ca.authority().fingerprint)));
        is_registry(connection).await;
    }

    let without = refusal(connect(&json!({ "whitelist": ["127.0.0.1"] }), &image, &[]).await);
    assert!(matches!(without, Refusal::UnknownIssuer { authorities: 0, .. }), "{without:?}");

    let wrong = refusal(connect(&policy(&Ca::new("Other CA"), &["127.0.0.1"]), &image, &[]).await);
    assert!(matches!(wrong, Refusal::UnknownIssuer { authorities: 1, .. }), "{wrong:?}");

    let limited = refusal(connect(&policy(&ca, &["10.0.0.1", "localhost"]), &image, &[]).await);
    let Refusal::UnknownIssuer { authorities: 0, left_out, .. } = &limited else { panic!("{limited:?}") };
    assert_eq!(left_out[0].why, "it is for other registries, or for another project");
}

#[tokio::test]
async fn an_authority_that_expired_opens_nothing() {
    let ca = Ca::with("Lab CA", pki::expired);
    let registry = Registry::start(Some(&ca.server(&["127.0.0.1"])));
    let image = format!("127.0.0.1:{}/team/app:1", registry.port);
    let policy = policy(&ca, &["127.0.0.1"]);
    // It expired while the policy was loaded.
    let later = refusal(connect_as_of(ca.authority().not_after, &policy, &image, &[]).await);
    let Refusal::UnknownIssuer { left_out, .. } = &later else { panic!("{later:?}") };
    assert_eq!(left_out[0].why, "it expired on 2020-01-02T00:00:00Z");
    // It had expired before (rule P3): the policy loads without it, and says so.
    let (gate, findings) = Module::built_in().unwrap().load(&policy.to_string(), now(), Options::default()).unwrap();
    assert!(findings.iter().any(|finding| finding.code == Code::CertificateExpired) && gate.authorities().is_empty());
    let before = refusal(connect(&policy, &image, &[]).await);
    assert!(matches!(before, Refusal::UnknownIssuer { authorities: 0, .. }), "{before:?}");
}

#[tokio::test]
async fn a_listed_certificate_opens_its_registry() {
    // As `openssl req -x509` makes them.
    let identity = Identity::self_signed(&["localhost"], pki::as_authority);
    let registry = Registry::start(Some(&identity));
    let policy = json!({ "certificate_authorities": [{ "pem": identity.pem(), "registries": ["localhost"] }] });
    let connection = connect(&policy, &format!("localhost:{}/app", registry.port), &[]).await.unwrap();
    assert_eq!(connection.voucher(), Some(&Voucher::Policy(identity.authority.fingerprint.clone())));
    is_registry(connection).await;
}

#[tokio::test]
async fn a_pinned_name_is_reached_where_it_was_confirmed() {
    let ca = Ca::new("Lab CA");
    // This name has no address anywhere (RFC 6761): only the decision says where it is.
    let registry = Registry::start(Some(&ca.server(&["registry.test"])));
    let policy = json!({
        "whitelist": ["127.0.0.0/8"],
        "match_resolved_addresses": true,
        "certificate_authorities": [{ "pem": ca.pem(), "registries": ["registry.test"] }],
    });
    let (kind, subject) = (QuestionKind::AddressesOf, "registry.test".to_owned());
    let facts = [Fact { kind, subject, answers: vec!["127.0.0.1".to_owned()] }];
    let connection = connect(&policy, &format!("registry.test:{}/app", registry.port), &facts).await.unwrap();
    assert_eq!(connection.peer().to_string(), format!("127.0.0.1:{}", registry.port));
    is_registry(connection).await;
}

#[tokio::test]
async fn an_insecure_registry_is_reached_unverified() {
    let registry = Registry::start(Some(&Identity::self_signed(&["other.test"], pki::expired)));
    let image = format!("127.0.0.1:{}/app", registry.port);
    let connection = connect(&json!({ "insecure": ["127.0.0.1"] }), &image, &[]).await.unwrap();
    assert_eq!((connection.route().scheme(), connection.route().is_verified()), (Scheme::Https, false));
    assert_eq!(connection.voucher(), None);
    is_registry(connection).await;
    refusal(connect(&json!({ "insecure": ["127.0.0.2"] }), &image, &[]).await);
}

#[tokio::test]
async fn an_insecure_registry_without_tls_is_reached_over_plain_http() {
    let registry = Registry::start(None);
    let image = format!("127.0.0.1:{}/app", registry.port);
    let connection = connect(&json!({ "insecure": ["127.0.0.1"] }), &image, &[]).await.unwrap();
    assert_eq!(connection.route().scheme(), Scheme::Http);
    is_registry(connection).await;
    // Where the policy does not say so, it is not.
    assert!(matches!(problem(connect(&json!({}), &image, &[]).await), Problem::PlainHttp));
}
