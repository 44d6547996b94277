//! From a policy document to the response of a registry: Debian's `docker-registry`, started by the test.

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
use pullgate::{Code, Decision, DnsAnswer, LookupKind, ReferenceKind, Request, Scheme};
use pullgate_connect::{
    AttemptError, ConnectError, ConnectLimits, Connection, Connector, FailedAttempt, RootStore, VerificationError,
    VerifiedBy,
};
use pullgate_host::{EvaluatorOptions, Module, now};
use serde_json::{Value, json};

/// Starts `docker-registry`, with TLS if there is an identity.
fn registry(identity: Option<&Identity>) -> Program {
    Program::registry(identity, |_| String::new())
}

/// Decides about an image under a policy and connects as the decision allows.
async fn connect(policy: &Value, image: &str, dns_answers: &[DnsAnswer]) -> Result<Connection, ConnectError> {
    connect_as_of(now(), policy, image, dns_answers).await
}

/// Like [`connect`], with the policy loaded as of `at`.
async fn connect_as_of(
    at: u64,
    policy: &Value,
    image: &str,
    dns_answers: &[DnsAnswer],
) -> Result<Connection, ConnectError> {
    let (evaluator, _) =
        Module::built_in().unwrap().load(&policy.to_string(), at, EvaluatorOptions::default()).unwrap();
    let request = Request { reference: image, kind: ReferenceKind::Image, project: None, dns_answers };
    let answer = evaluator.answer(&request).await;
    let Decision::Allow(allowed) = answer.decision else { panic!("{:?}", answer.decision) };
    let registry = answer.registry.unwrap();
    let limits = ConnectLimits { address_timeout: Duration::from_secs(10), total_timeout: Duration::from_secs(30) };
    Connector::new(RootStore::empty(), limits).unwrap().connect(&registry, &allowed, evaluator.authorities()).await
}

/// Returns a policy that allows local registries, with one CA for the given ones.
fn policy(ca: &Ca, registries: &[&str]) -> Value {
    json!({
        "whitelist": ["127.0.0.1", "localhost"],
        "certificate_authorities": [{ "pem": ca.pem(), "registries": registries }],
    })
}

/// Asserts that the server is a registry.
async fn is_registry(connection: Connection) {
    let host = connection.endpoint().host_header();
    let (mut sender, connection) = handshake(TokioIo::new(connection)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get("/v2/").header("Host", host).body(Empty::<Bytes>::new()).unwrap();
    let response = tokio::time::timeout(Duration::from_secs(10), sender.send_request(request)).await.unwrap().unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["Docker-Distribution-Api-Version"], "registry/2.0");
    drop((sender, response));
    connection.await.unwrap().unwrap();
}

fn error(result: Result<Connection, ConnectError>) -> AttemptError {
    match result {
        Err(ConnectError::Failed { mut attempts, .. }) if attempts.len() == 1 => {
            let FailedAttempt { scheme, verified, error, .. } = attempts.remove(0);
            assert_eq!((scheme, verified), (Scheme::Https, true));
            error
        }
        other => panic!("{other:?}"),
    }
}

fn refusal(result: Result<Connection, ConnectError>) -> VerificationError {
    match error(result) {
        AttemptError::Certificate(refusal) => refusal,
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
        assert_eq!(connection.verified_by(), Some(&VerifiedBy::Policy(ca.authority().fingerprint)));
        is_registry(connection).await;
    }

    let without = refusal(connect(&json!({ "whitelist": ["127.0.0.1"] }), &image, &[]).await);
    assert!(matches!(without, VerificationError::UnknownIssuer { authorities: 0, .. }), "{without:?}");

    let wrong = refusal(connect(&policy(&Ca::new("Other CA"), &["127.0.0.1"]), &image, &[]).await);
    assert!(matches!(wrong, VerificationError::UnknownIssuer { authorities: 1, .. }), "{wrong:?}");

    let limited = refusal(connect(&policy(&ca, &["10.0.0.1", "localhost"]), &image, &[]).await);
    let VerificationError::UnknownIssuer { authorities: 0, ignored_anchors, .. } = &limited else {
        panic!("{limited:?}")
    };
    assert_eq!(ignored_anchors[0].reason, "it is for other registries, or for another project");
}

#[tokio::test]
async fn an_authority_that_expired_opens_nothing() {
    let ca = Ca::with("Lab CA", pki::expired);
    let registry = registry(Some(&ca.server(&["127.0.0.1"])));
    let image = format!("127.0.0.1:{}/team/app:1", registry.port);
    let policy = policy(&ca, &["127.0.0.1"]);
    // It expired after the policy was loaded.
    let later = refusal(connect_as_of(ca.authority().not_after, &policy, &image, &[]).await);
    let VerificationError::UnknownIssuer { ignored_anchors, .. } = &later else { panic!("{later:?}") };
    assert_eq!(ignored_anchors[0].reason, "it expired on 2020-01-02T00:00:00Z");
    // It had expired before (rule P3): the policy loads without it, with a finding.
    let (evaluator, findings) =
        Module::built_in().unwrap().load(&policy.to_string(), now(), EvaluatorOptions::default()).unwrap();
    assert!(
        findings.iter().any(|finding| finding.code == Code::CertificateExpired) && evaluator.authorities().is_empty()
    );
    let before = refusal(connect(&policy, &image, &[]).await);
    assert!(matches!(before, VerificationError::UnknownIssuer { authorities: 0, .. }), "{before:?}");
}

#[tokio::test]
async fn a_listed_certificate_opens_its_registry() {
    // In the form of `openssl req -x509`.
    let identity = Identity::self_signed(&["localhost"], pki::as_authority);
    let registry = registry(Some(&identity));
    let policy = json!({ "certificate_authorities": [{ "pem": identity.pem(), "registries": ["localhost"] }] });
    let connection = connect(&policy, &format!("localhost:{}/app", registry.port), &[]).await.unwrap();
    assert_eq!(connection.verified_by(), Some(&VerifiedBy::Policy(identity.authority.fingerprint.clone())));
    is_registry(connection).await;
}

#[tokio::test]
async fn a_pinned_name_is_reached_where_it_was_confirmed() {
    let ca = Ca::new("Lab CA");
    // The name has no address anywhere (RFC 6761); the decision alone pins one.
    let registry = registry(Some(&ca.server(&["registry.test"])));
    let policy = json!({
        "whitelist": ["127.0.0.0/8"],
        "match_resolved_addresses": true,
        "certificate_authorities": [{ "pem": ca.pem(), "registries": ["registry.test"] }],
    });
    let (kind, subject) = (LookupKind::Forward, "registry.test".to_owned());
    let dns_answers = [DnsAnswer { kind, subject, answers: vec!["127.0.0.1".to_owned()] }];
    let connection = connect(&policy, &format!("registry.test:{}/app", registry.port), &dns_answers).await.unwrap();
    assert_eq!(connection.peer_addr().to_string(), format!("127.0.0.1:{}", registry.port));
    is_registry(connection).await;
}

#[tokio::test]
async fn an_insecure_registry_is_reached_unverified() {
    let registry = registry(Some(&Identity::self_signed(&["other.test"], pki::expired)));
    let image = format!("127.0.0.1:{}/app", registry.port);
    let connection = connect(&json!({ "insecure": ["127.0.0.1"] }), &image, &[]).await.unwrap();
    assert_eq!((connection.endpoint().scheme(), connection.endpoint().is_verified()), (Scheme::Https, false));
    assert_eq!(connection.verified_by(), None);
    is_registry(connection).await;
    refusal(connect(&json!({ "insecure": ["127.0.0.2"] }), &image, &[]).await);
}

#[tokio::test]
async fn an_insecure_registry_without_tls_is_reached_over_plain_http() {
    let registry = registry(None);
    let image = format!("127.0.0.1:{}/app", registry.port);
    let connection = connect(&json!({ "insecure": ["127.0.0.1"] }), &image, &[]).await.unwrap();
    assert_eq!(connection.endpoint().scheme(), Scheme::Http);
    is_registry(connection).await;
    // Plain HTTP is denied unless the policy lists the registry as insecure.
    assert!(matches!(error(connect(&json!({}), &image, &[]).await), AttemptError::PlainHttp));
}
