//! From a policy document to an answer of a registry: Debian's `docker-registry`, started by the test.

#[allow(dead_code, reason = "other tests use the rest")]
mod pki;
#[allow(dead_code, reason = "other tests use the rest")]
mod programs;

use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use pki::{Ca, Identity};
use programs::Program;
use pullgate::{Code, Decision, Fact, QuestionKind, ReferenceKind, Request, Scheme};
use pullgate_connect::{ConnectError, ConnectLimits, Connection, Connector, Problem, Refusal, Roots, Tried, Voucher};
use pullgate_host::{Module, Options, now};
use serde_json::{Value, json};

/// A `docker-registry`, with TLS if there is an identity.
fn registry(identity: Option<&Identity>) -> Program {
    Program::registry(identity, |_| String::new())
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
    let registry = registry(Some(&ca.server(&["127.0.0.1"])));
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
    let registry = registry(Some(&ca.server(&["127.0.0.1"])));
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
    let registry = registry(Some(&identity));
    let policy = json!({ "certificate_authorities": [{ "pem": identity.pem(), "registries": ["localhost"] }] });
    let connection = connect(&policy, &format!("localhost:{}/app", registry.port), &[]).await.unwrap();
    assert_eq!(connection.voucher(), Some(&Voucher::Policy(identity.authority.fingerprint.clone())));
    is_registry(connection).await;
}

#[tokio::test]
async fn a_pinned_name_is_reached_where_it_was_confirmed() {
    let ca = Ca::new("Lab CA");
    // This name has no address anywhere (RFC 6761): only the decision says where it is.
    let registry = registry(Some(&ca.server(&["registry.test"])));
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
    let registry = registry(Some(&Identity::self_signed(&["other.test"], pki::expired)));
    let image = format!("127.0.0.1:{}/app", registry.port);
    let connection = connect(&json!({ "insecure": ["127.0.0.1"] }), &image, &[]).await.unwrap();
    assert_eq!((connection.route().scheme(), connection.route().is_verified()), (Scheme::Https, false));
    assert_eq!(connection.voucher(), None);
    is_registry(connection).await;
    refusal(connect(&json!({ "insecure": ["127.0.0.2"] }), &image, &[]).await);
}

#[tokio::test]
async fn an_insecure_registry_without_tls_is_reached_over_plain_http() {
    let registry = registry(None);
    let image = format!("127.0.0.1:{}/app", registry.port);
    let connection = connect(&json!({ "insecure": ["127.0.0.1"] }), &image, &[]).await.unwrap();
    assert_eq!(connection.route().scheme(), Scheme::Http);
    is_registry(connection).await;
    // Where the policy does not say so, it is not.
    assert!(matches!(problem(connect(&json!({}), &image, &[]).await), Problem::PlainHttp));
}
