//! Connections to test servers under hand-made decisions.

#[allow(dead_code, reason = "other tests use the rest")]
mod pki;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pki::{Ca, Identity, as_authority, expired, not_yet_valid};
use pullgate::TrustAnchor;
use pullgate::{Allow, Attempt, Scheme};
use pullgate_connect::rustls::crypto::ring;
use pullgate_connect::rustls::pki_types::ServerName;
use pullgate_connect::rustls::server::{ClientHello, ResolvesServerCert};
use pullgate_connect::rustls::sign::CertifiedKey;
use pullgate_connect::rustls::version::{TLS12, TLS13};
use pullgate_connect::rustls::{HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion};
use pullgate_connect::{
    AttemptError, ConnectError, ConnectLimits, Connection, Connector, FailedAttempt, RootStore, VerificationError,
    VerifiedBy,
};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The first bytes of every test server.
const GREETING: &[u8] = b"greetings";

/// A TLS server that lives as long as the test's runtime.
struct Server {
    port: u16,
    /// The server names (SNI) of the clients.
    asked: Arc<Mutex<Vec<Option<String>>>>,
}

/// A resolver that presents one certificate with any key, matching or not.
#[derive(Debug)]
struct FixedCertificate(Arc<CertifiedKey>, Arc<Mutex<Vec<Option<String>>>>);

impl ResolvesServerCert for FixedCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.1.lock().unwrap().push(hello.server_name().map(str::to_owned));
        Some(Arc::clone(&self.0))
    }
}

impl Server {
    async fn new(identity: &Identity) -> Self {
        Self::with(identity, identity, &[&TLS13, &TLS12]).await
    }

    /// Starts a server with the certificate of `identity` and the key of `key`.
    async fn with(identity: &Identity, key: &Identity, versions: &[&'static SupportedProtocolVersion]) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let key = ring::sign::any_supported_type(&key.key()).unwrap();
        let presents = FixedCertificate(Arc::new(CertifiedKey::new(identity.chain.clone(), key)), Arc::clone(&asked));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(presents));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let port = listen("127.0.0.1:0", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.write_all(GREETING).await;
                    let _ = stream.read(&mut [0; 64]).await;
                }
            }
        });
        Self { port: port.await, asked }
    }

    fn asked(&self) -> Vec<Option<String>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// Serves every connection and returns the port.
async fn listen<F: Future<Output = ()> + Send + 'static>(
    address: &str,
    mut serve: impl FnMut(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// Starts a server without TLS that answers everything with the same text.
async fn plain(text: &'static [u8]) -> u16 {
    listen("127.0.0.1:0", move |mut stream| async move {
        let _ = stream.read(&mut [0; 4_096]).await;
        let _ = stream.write_all(text).await;
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await
}

/// Returns a port without a listener.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

const VERIFIED: (Scheme, bool) = (Scheme::Https, true);
const UNVERIFIED: (Scheme, bool) = (Scheme::Https, false);
const HTTP: (Scheme, bool) = (Scheme::Http, false);

/// Returns a decision about a registry on one port.
fn allowed(port: u16, attempts: &[(Scheme, bool)], authorities: &[&TrustAnchor], pinned: &[&str]) -> Allow<'static> {
    let attempt = |&(scheme, verified): &(Scheme, bool)| Attempt { scheme, port, verified, host: None };
    Allow {
        by: None,
        attempts: attempts.iter().map(attempt).collect(),
        authorities: authorities.iter().map(|authority| authority.fingerprint.clone().into()).collect(),
        pinned: pinned.iter().map(|&address| address.to_owned()).collect(),
    }
}

fn limits() -> ConnectLimits {
    ConnectLimits { address_timeout: Duration::from_secs(5), total_timeout: Duration::from_secs(20) }
}

fn connector() -> Connector {
    Connector::new(RootStore::empty(), limits()).unwrap()
}

/// Connects to the test server as `registry.test`, verified, with these trust anchors.
async fn connect(port: u16, authorities: &[&TrustAnchor]) -> Result<Connection, ConnectError> {
    connect_to("registry.test", port, authorities).await
}

async fn connect_to(registry: &str, port: u16, authorities: &[&TrustAnchor]) -> Result<Connection, ConnectError> {
    let known: Vec<TrustAnchor> = authorities.iter().map(|&authority| authority.clone()).collect();
    connector().connect(registry, &allowed(port, &[VERIFIED], authorities, &["127.0.0.1"]), &known).await
}

/// Asserts that the future may move between threads.
fn _assert_send(connector: &Connector, allowed: &Allow<'_>) -> impl Send {
    connector.connect("registry.test", allowed, &[])
}

async fn greets(mut connection: Connection) {
    let mut greeting = vec![0; GREETING.len()];
    connection.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, GREETING);
    connection.write_all(b"and to you").await.unwrap();
    connection.flush().await.unwrap();
    connection.shutdown().await.unwrap();
}

fn attempts(result: Result<Connection, ConnectError>) -> Vec<FailedAttempt> {
    match result {
        Err(ConnectError::Failed { attempts, .. }) => attempts,
        other => panic!("{other:?}"),
    }
}

fn error(result: Result<Connection, ConnectError>) -> AttemptError {
    let mut attempts = attempts(result);
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    attempts.remove(0).error
}

fn refusal(result: Result<Connection, ConnectError>) -> VerificationError {
    match error(result) {
        AttemptError::Certificate(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_authority_of_the_decision_vouches() {
    let ca = Ca::new("Lab CA");
    let identity = ca.server(&["registry.test"]);
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let server = Server::with(&identity, &identity, versions).await;
        let connection = connect(server.port, &[&Ca::new("Other CA").authority(), &ca.authority()]).await.unwrap();
        assert_eq!(connection.verified_by(), Some(&VerifiedBy::Policy(ca.authority().fingerprint)));
        assert_eq!(connection.certificates(), identity.chain);
        assert_eq!(connection.peer_addr().to_string(), format!("127.0.0.1:{}", server.port));
        assert_eq!(connection.endpoint().host_header(), format!("registry.test:{}", server.port));
        assert!(connection.endpoint().is_verified());
        assert_eq!(connection.alpn(), None);
        greets(connection).await;
        assert_eq!(server.asked(), [Some("registry.test".to_owned())]);
    }
}

#[tokio::test]
async fn root_store_verifies_beside_the_policy() {
    let (ca, other) = (Ca::new("Public CA"), Ca::new("Lab CA").authority());
    let server = Server::new(&ca.server(&["registry.test"])).await;
    let mut store = RootCertStore::empty();
    store.add(ca.der()).unwrap();
    let connector = Connector::new(store.into(), limits()).unwrap();
    for authorities in [&[][..], &[&other]] {
        let allowed = allowed(server.port, &[VERIFIED], authorities, &["127.0.0.1"]);
        let connection = connector.connect("registry.test", &allowed, std::slice::from_ref(&other)).await.unwrap();
        assert_eq!(connection.verified_by(), Some(&VerifiedBy::WellKnown));
    }
}

#[tokio::test]
async fn empty_trust_verifies_no_server() {
    let server = Server::new(&Ca::new("Lab CA").server(&["registry.test"])).await;
    let refusal = refusal(connect(server.port, &[]).await);
    assert!(
        matches!(&refusal, VerificationError::UnknownIssuer { issuer, authorities: 0, roots: 0, .. } if issuer == "CN=Lab CA")
    );
    assert_eq!(
        refusal.to_string(),
        "the certificate leads to `CN=Lab CA`, which nobody vouches for: the policy has no certificate authority for \
         this registry; the server sent its own certificate only: if that issuer is an intermediate, the server has to \
         send it too"
    );
}
#[tokio::test]
async fn the_well_known_do_not_vouch_for_everyone() {
    let server = Server::new(&Ca::new("Lab CA").server(&["registry.test"])).await;
    let connector = Connector::new(RootStore::well_known(), limits()).unwrap();
    let allowed = allowed(server.port, &[VERIFIED], &[], &["127.0.0.1"]);
    let refusal = refusal(connector.connect("registry.test", &allowed, &[]).await);
    assert!(matches!(&refusal, VerificationError::UnknownIssuer { roots: 100.., .. }), "{refusal:?}");
    assert_eq!(
        refusal.to_string(),
        "the certificate leads to `CN=Lab CA`, which no well-known authority vouches for, and the policy has none for \
         this registry; the server sent its own certificate only: if that issuer is an intermediate, the server has to \
         send it too"
    );
}

#[tokio::test]
async fn another_authority_does_not_vouch() {
    let server = Server::new(&Ca::new("Lab CA").server(&["registry.test"])).await;
    let other = refusal(connect(server.port, &[&Ca::new("Other CA").authority()]).await);
    assert_eq!(
        other.to_string(),
        "the certificate leads to `CN=Lab CA`, which the policy's one certificate authority for this registry does not \
         vouch for; the server sent its own certificate only: if that issuer is an intermediate, the server has to send \
         it too"
    );
    let namesake = refusal(connect(server.port, &[&Ca::new("Lab CA").authority()]).await);
    assert_eq!(namesake, VerificationError::BadSignature { issuer: "CN=Lab CA".to_owned() });
}

#[tokio::test]
async fn an_authority_counts_in_its_time_only() {
    for (change, why) in [
        (expired as fn(&mut CertificateParams), "it expired on 2020-01-02T00:00:00Z"),
        (not_yet_valid, "it is not valid before 3020-01-02T00:00:00Z"),
    ] {
        let ca = Ca::with("Lab CA", change);
        let server = Server::new(&ca.server(&["registry.test"])).await;
        let refusal = refusal(connect(server.port, &[&ca.authority()]).await);
        let VerificationError::UnknownIssuer { ignored_anchors, .. } = &refusal else { panic!("{refusal:?}") };
        assert_eq!((ignored_anchors[0].subject.as_str(), ignored_anchors[0].reason.as_str()), ("CN=Lab CA", why));
        assert_eq!(ignored_anchors[0].fingerprint, ca.authority().fingerprint);
        assert!(refusal.to_string().ends_with(&format!("was left out: {why}")), "{refusal}");
    }
}

#[tokio::test]
async fn an_intermediate_authority_vouches_for_what_is_below_it() {
    let root = Ca::new("Root CA");
    let intermediate = root.intermediate("Team CA");
    let mut identity = intermediate.server(&["registry.test"]);
    for chain in [identity.chain.clone(), vec![identity.chain[0].clone(), intermediate.der()]] {
        identity.chain = chain;
        let server = Server::new(&identity).await;
        let connection = connect(server.port, &[&intermediate.authority()]).await.unwrap();
        assert_eq!(connection.verified_by(), Some(&VerifiedBy::Policy(intermediate.authority().fingerprint)));
    }
    // The chain is complete now, so the root is a valid anchor too, and is the missing issuer without one.
    let server = Server::new(&identity).await;
    connect(server.port, &[&root.authority()]).await.unwrap();
    let refusal = refusal(connect(server.port, &[]).await);
    assert!(
        matches!(&refusal, VerificationError::UnknownIssuer { issuer, sent: 2, .. } if issuer == "CN=Root CA"),
        "{refusal:?}"
    );
    assert!(!refusal.to_string().contains("has to send it too"), "it sent the intermediate: {refusal}");
}

#[tokio::test]
async fn a_listed_certificate_vouches_for_itself_and_no_other() {
    for change in [as_authority as fn(&mut CertificateParams), |_| ()] {
        let identity = Identity::self_signed(&["registry.test"], change);
        for versions in [&[&TLS13][..], &[&TLS12]] {
            let server = Server::with(&identity, &identity, versions).await;
            let connection = connect(server.port, &[&identity.authority]).await.unwrap();
            assert_eq!(connection.verified_by(), Some(&VerifiedBy::Policy(identity.authority.fingerprint.clone())));

            let unlisted = refusal(connect(server.port, &[&Ca::new("Lab CA").authority()]).await);
            assert!(unlisted.to_string().contains("`CN=registry`"), "{unlisted}");

            let elsewhere = refusal(connect_to("other.test", server.port, &[&identity.authority]).await);
            let hosts = Some(vec!["registry.test".to_owned()]);
            assert_eq!(elsewhere, VerificationError::NameMismatch { host: "other.test".to_owned(), hosts });

            // Anyone can present the certificate; only its owner has the key.
            let thief = Server::with(&identity, &Identity::self_signed(&[], |_| ()), versions).await;
            assert_eq!(refusal(connect(thief.port, &[&identity.authority]).await), VerificationError::KeyNotProven);
        }
    }
}

#[tokio::test]
async fn a_listed_certificate_that_is_no_authority_signs_nothing() {
    let listed = Identity::self_signed(&["registry.test"], |_| ());
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "registry");
    let below = CertificateParams::new(["other.test".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let signed = below.signed_by(&key, &Issuer::from_params(&params, &listed.key)).unwrap();
    let mut identity = Identity::self_signed(&[], |_| ());
    (identity.chain, identity.key) = (vec![signed.der().clone()], key);
    let server = Server::new(&identity).await;
    let refusal = refusal(connect_to("other.test", server.port, &[&listed.authority]).await);
    let VerificationError::UnknownIssuer { ignored_anchors, .. } = &refusal else { panic!("{refusal:?}") };
    assert_eq!(ignored_anchors[0].reason, "it is no authority and vouches for itself alone");
}

#[tokio::test]
async fn a_listed_certificate_counts_in_its_time_only() {
    let over = Identity::self_signed(&["registry.test"], expired);
    let server = Server::new(&over).await;
    let not_after = over.authority.not_after;
    assert_eq!(
        refusal(connect(server.port, &[&over.authority]).await),
        VerificationError::Expired { subject: Some("CN=registry".to_owned()), not_after }
    );
    let early = Identity::self_signed(&["registry.test"], |params| {
        as_authority(params);
        not_yet_valid(params);
    });
    let server = Server::new(&early).await;
    let not_before = early.authority.not_before;
    assert_eq!(refusal(connect(server.port, &[&early.authority]).await), VerificationError::NotYetValid { not_before });
}

#[tokio::test]
async fn a_certificate_for_other_hosts_is_refused() {
    let ca = Ca::new("Lab CA");
    let server = Server::new(&ca.server(&["a.example.com", "*.example.org", "10.0.0.1"])).await;
    assert_eq!(
        refusal(connect(server.port, &[&ca.authority()]).await).to_string(),
        "the certificate is not for `registry.test`, but for `a.example.com`, `*.example.org`, `10.0.0.1`"
    );
    let nameless = Server::new(&ca.server(&[])).await;
    assert_eq!(
        refusal(connect(nameless.port, &[&ca.authority()]).await).to_string(),
        "the certificate is not for `registry.test`: it names no host as subject alternative name, and a common name \
         does not count"
    );
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_is_refused() {
    let ca = Ca::new("Lab CA");
    let server = Server::new(&ca.server_with(&["registry.test"], expired)).await;
    assert_eq!(
        refusal(connect(server.port, &[&ca.authority()]).await).to_string(),
        "the certificate of `CN=registry` expired on 2020-01-02T00:00:00Z"
    );
    let server = Server::new(&ca.server_with(&["registry.test"], not_yet_valid)).await;
    let early = refusal(connect(server.port, &[&ca.authority()]).await);
    assert!(early.to_string().contains("is not valid before 3020-01-02T00:00:00Z"), "{early}");
}

#[tokio::test]
async fn a_certificate_for_something_else_is_refused() {
    let ca = Ca::new("Lab CA");
    let client =
        |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let server = Server::new(&ca.server_with(&["registry.test"], client)).await;
    assert_eq!(refusal(connect(server.port, &[&ca.authority()]).await), VerificationError::WrongPurpose);
    let server = Server::new(&ca.server_with(&["registry.test"], as_authority)).await;
    let subject = "CN=registry".to_owned();
    assert_eq!(
        refusal(connect(server.port, &[&ca.authority()]).await),
        VerificationError::CaUsedAsEndEntity { subject }
    );
}

#[tokio::test]
async fn an_authority_that_the_decision_does_not_name_has_no_say() {
    let (ca, other) = (Ca::new("Lab CA"), Ca::new("Other CA"));
    let server = Server::new(&ca.server(&["registry.test"])).await;
    let allowed = allowed(server.port, &[VERIFIED], &[&other.authority()], &["127.0.0.1"]);
    let known = [ca.authority(), other.authority()];
    let refusal = refusal(connector().connect("registry.test", &allowed, &known).await);
    assert_eq!(
        refusal.to_string(),
        format!(
            "the certificate leads to `CN=Lab CA`, which the policy's one certificate authority for this registry does \
             not vouch for; the policy's `CN=Lab CA` (SHA-256 {}…) was left out: it is for other registries, or for \
             another project",
            &known[0].fingerprint[..16]
        )
    );
}

#[tokio::test]
async fn an_address_is_a_host_too() {
    let ca = Ca::new("Lab CA");
    let server = Server::new(&ca.server(&["127.0.0.1"])).await;
    let registry = format!("127.0.0.1:{}", server.port);
    let allowed = allowed(server.port, &[VERIFIED], &[&ca.authority()], &[]);
    greets(connector().connect(&registry, &allowed, &[ca.authority()]).await.unwrap()).await;
    assert_eq!(server.asked(), [None], "an address is no server name (RFC 6066, section 3)");

    let other = Server::new(&ca.server(&["127.0.0.2", "registry.test"])).await;
    let refusal = refusal(connect_to("127.0.0.1", other.port, &[&ca.authority()]).await);
    let hosts = Some(vec!["127.0.0.2".to_owned(), "registry.test".to_owned()]);
    assert_eq!(refusal, VerificationError::NameMismatch { host: "127.0.0.1".to_owned(), hosts });
}

#[tokio::test]
async fn an_unverified_attempt_takes_any_certificate() {
    let ca = Ca::with("Lab CA", expired);
    let thief = Identity::self_signed(&[], |_| ());
    for identity in [
        ca.server(&["other.test"]),
        ca.server_with(&["registry.test"], expired),
        Identity::self_signed(&[], as_authority),
    ] {
        for (key, versions) in [(&identity, &[&TLS13][..]), (&identity, &[&TLS12]), (&thief, &[&TLS13])] {
            let server = Server::with(&identity, key, versions).await;
            let allowed = allowed(server.port, &[UNVERIFIED, HTTP], &[], &["127.0.0.1"]);
            let connection = connector().connect("registry.test", &allowed, &[]).await.unwrap();
            assert_eq!((connection.endpoint().scheme(), connection.endpoint().is_verified()), UNVERIFIED);
            assert_eq!(connection.verified_by(), None);
            assert_eq!(connection.certificates(), identity.chain);
            greets(connection).await;
            assert_eq!(server.asked(), [Some("registry.test".to_owned())]);
        }
    }
}

#[tokio::test]
async fn plain_http_is_tried_where_the_decision_lists_it() {
    let port = plain(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let connect = async |attempts: &[_]| {
        connector().connect("registry.test", &allowed(port, attempts, &[], &["127.0.0.1"]), &[]).await
    };
    let mut connection = connect(&[UNVERIFIED, HTTP]).await.unwrap();
    assert_eq!((connection.endpoint().scheme(), connection.endpoint().is_verified()), HTTP);
    assert!(connection.certificates().is_empty() && connection.endpoint().client_config().is_none());
    connection.write_all(b"GET /v2/ HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");

    for attempt in [UNVERIFIED, VERIFIED] {
        assert!(matches!(error(connect(&[attempt]).await), AttemptError::PlainHttp));
    }
    assert!(attempts(connect(&[]).await).is_empty());
}

#[tokio::test]
async fn only_listed_attempts_are_tried() {
    let server = Server::new(&Ca::new("Lab CA").server(&["registry.test"])).await;
    refusal(connect(server.port, &[]).await);
    assert_eq!(server.asked().len(), 1, "a verified attempt that fails is the last");
}

#[tokio::test]
async fn attempts_are_tried_in_their_order() {
    let ca = Ca::new("Lab CA");
    let server = Server::new(&ca.server(&["registry.test"])).await;
    let closed = free_port().await;
    let mut allowed = allowed(server.port, &[VERIFIED, VERIFIED, HTTP], &[&ca.authority()], &["127.0.0.1"]);
    allowed.attempts[0].port = closed;
    let connection = connector().connect("registry.test", &allowed, &[ca.authority()]).await.unwrap();
    assert_eq!((connection.endpoint().scheme(), connection.endpoint().port()), (Scheme::Https, server.port));

    allowed.attempts.iter_mut().for_each(|attempt| attempt.port = closed);
    let error = connector().connect("registry.test:5000", &allowed, &[ca.authority()]).await.unwrap_err();
    let refused = "nothing listens there (connection refused)";
    let (https, http) = ("HTTPS to registry.test port", "plain HTTP to registry.test port");
    assert_eq!(
        error.to_string(),
        format!(
            "`registry.test:5000` cannot be reached: {https} {closed} at 127.0.0.1: {refused}; then {https} {closed} at \
             127.0.0.1: {refused}; then {http} {closed} at 127.0.0.1: {refused}"
        )
    );
}

#[tokio::test]
async fn the_host_is_the_attempts_own_where_it_has_one() {
    let ca = Ca::new("Public CA");
    let server = Server::new(&ca.server(&["registry-1.docker.io"])).await;
    let mut allowed = allowed(server.port, &[VERIFIED], &[&ca.authority()], &["127.0.0.1"]);
    allowed.attempts[0].host = Some("registry-1.docker.io".into());
    let connection = connector().connect("docker.io", &allowed, &[ca.authority()]).await.unwrap();
    assert_eq!(connection.endpoint().host(), "registry-1.docker.io");
    assert_eq!(server.asked(), [Some("registry-1.docker.io".to_owned())]);
}

#[tokio::test]
async fn pinned_addresses_and_no_others_are_connected_to() {
    let ca = Ca::new("Lab CA");
    let server = Server::new(&ca.server(&["localhost"])).await;
    let connect = async |pinned: &[&str]| {
        let allowed = allowed(server.port, &[VERIFIED], &[&ca.authority()], pinned);
        connector().connect("localhost", &allowed, &[ca.authority()]).await
    };
    // DNS would return 127.0.0.1, the address of the server.
    let attempts = attempts(connect(&["127.0.0.2", "127.0.0.3"]).await);
    let addresses: Vec<String> = attempts.iter().map(|attempts| attempts.address.unwrap().ip().to_string()).collect();
    assert_eq!(addresses, ["127.0.0.2", "127.0.0.3"]);
    assert!(attempts.iter().all(|attempts| matches!(attempts.error, AttemptError::ConnectionRefused)));
    let connection = connect(&["127.0.0.2", "127.0.0.1"]).await.unwrap();
    assert_eq!(connection.peer_addr().ip().to_string(), "127.0.0.1");
    assert_eq!(server.asked(), [Some("localhost".to_owned())]);
    // Without a pin, DNS resolves the host.
    connect(&[]).await.unwrap();
}

#[tokio::test]
async fn trust_of_one_decision_does_not_reach_another() {
    let (one, two) = (Ca::new("One CA"), Ca::new("Two CA"));
    let known = [one.authority(), two.authority()];
    let servers = [Server::new(&one.server(&["one.test"])).await, Server::new(&two.server(&["two.test"])).await];
    let connector = connector();
    let connect = async |server: usize, authority: usize, attempt| {
        let allowed = allowed(servers[server].port, &[attempt], &[&known[authority]], &["127.0.0.1"]);
        connector.connect(["one.test", "two.test"][server], &allowed, &known).await
    };
    for _ in 0..2 {
        for server in [0, 1] {
            connect(server, server, VERIFIED).await.unwrap();
            connect(server, 0, UNVERIFIED).await.unwrap();
            refusal(connect(server, 1 - server, VERIFIED).await);
        }
    }
}

#[tokio::test]
async fn no_session_outlives_what_was_verified() {
    let ca = Ca::new("Lab CA");
    let identity = ca.server(&["registry.test"]);
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let server = Server::with(&identity, &identity, versions).await;
        let connector = connector();
        let connect = async |attempt, authorities: &[&TrustAnchor]| {
            let allowed = allowed(server.port, &[attempt], authorities, &["127.0.0.1"]);
            connector.connect("registry.test", &allowed, &[ca.authority()]).await
        };
        // Reading to the end processes the server's tickets.
        greets(connect(UNVERIFIED, &[]).await.unwrap()).await;
        greets(connect(VERIFIED, &[&ca.authority()]).await.unwrap()).await;
        refusal(connect(VERIFIED, &[]).await);
        server.asked();
    }
}

#[tokio::test]
async fn a_configuration_is_for_one_host() {
    let ca = Ca::new("Lab CA");
    let server = Server::new(&ca.server(&["registry.test", "blobs.test"])).await;
    for attempt in [VERIFIED, UNVERIFIED] {
        let allowed = allowed(server.port, &[attempt], &[&ca.authority()], &["127.0.0.1"]);
        let routes = connector().endpoints("registry.test", &allowed, &[ca.authority()]).unwrap();
        let config = routes[0].client_config().unwrap();
        let connect = async |name: &'static str| {
            let stream = TcpStream::connect((routes[0].pinned()[0], routes[0].port())).await.unwrap();
            TlsConnector::from(Arc::clone(&config)).connect(ServerName::try_from(name).unwrap(), stream).await
        };
        for _ in 0..2 {
            let mut stream = connect("registry.test").await.unwrap();
            // A session ticket would precede the greeting, had the client asked for one.
            stream.read_exact(&mut [0; GREETING.len()]).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        }
        let error = connect("blobs.test").await.unwrap_err();
        let (host, asked) = ("registry.test".to_owned(), "blobs.test".to_owned());
        assert_eq!(VerificationError::find(&error), Some(&VerificationError::HostMismatch { host, asked }));
    }
}

#[tokio::test]
async fn protocols_are_those_of_the_caller() {
    let ca = Ca::new("Lab CA");
    let server = Server::new(&ca.server(&["registry.test"])).await;
    let connector = connector().with_alpn(vec![b"http/1.1".to_vec()]);
    let allowed = allowed(server.port, &[VERIFIED], &[&ca.authority()], &["127.0.0.1"]);
    let connection = connector.connect("registry.test", &allowed, &[ca.authority()]).await.unwrap();
    assert_eq!(connection.alpn(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn servers_without_tls_are_recognised() {
    let port = plain(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    assert!(matches!(error(connect(port, &[]).await), AttemptError::NotTls));
    // A TLS record header with a length over the maximum.
    let port = plain(b"\x16\x03\x03\x7f\xff").await;
    let found = error(connect(port, &[]).await);
    assert!(matches!(&found, AttemptError::Tls(_)) && found.to_string().starts_with("TLS failed"), "{found}");
    let port = listen("127.0.0.1:0", |mut stream| async move {
        let _ = stream.read(&mut [0; 4_096]).await;
    });
    assert!(matches!(error(connect(port.await, &[]).await), AttemptError::ConnectionClosed));
}

#[tokio::test]
async fn time_is_bounded() {
    let silent = listen("127.0.0.1:0", |stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let connect = async |address, total| {
        let (address_timeout, total_timeout) = (Duration::from_millis(address), Duration::from_millis(total));
        let connector = Connector::new(RootStore::empty(), ConnectLimits { address_timeout, total_timeout }).unwrap();
        let allowed = allowed(silent, &[UNVERIFIED, UNVERIFIED], &[], &["127.0.0.1", "127.0.0.1"]);
        attempts(connector.connect("registry.test", &allowed, &[]).await)
    };
    let each = connect(50, 10_000).await;
    assert_eq!(each.len(), 4);
    assert!(each.iter().all(|attempts| matches!(attempts.error, AttemptError::TimeOut(_))), "{each:?}");
    assert_eq!(each[0].error.to_string(), "no answer within 0.1 s");
    let all = connect(10_000, 50).await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(matches!((&all[0].error, &all[1].error), (AttemptError::TimeOut(_), AttemptError::NotTried)), "{all:?}");
}

#[tokio::test]
async fn steps_show_what_was_sent_and_refused() {
    let (ca, other) = (Ca::new("Lab CA"), Ca::new("Other CA").authority());
    let below = ca.intermediate("Below");
    let mut identity = below.server(&["registry.test"]);
    identity.chain.push(below.der());
    let server = Server::new(&identity).await;
    let known = [other.clone(), ca.authority()];
    let step = async |attempt, named: &[&TrustAnchor]| {
        let allowed = allowed(server.port, &[attempt], named, &["127.0.0.1", "127.0.0.2"]);
        let routes = connector().endpoints("registry.test", &allowed, &known).unwrap();
        let targets = routes[0].resolve().await.unwrap();
        // The pinned addresses, without a DNS query.
        let peers: Vec<_> = targets.iter().map(|target| target.addr().to_string()).collect();
        assert_eq!(peers, ["127.0.0.1", "127.0.0.2"].map(|address| format!("{address}:{}", server.port)));
        assert!(matches!(targets[1].dial().await, Err(AttemptError::ConnectionRefused)));
        (targets[0].dial().await.unwrap().handshake().await, allowed)
    };
    let (made, _) = step(VERIFIED, &[&ca.authority()]).await;
    assert_eq!(made.certificates, identity.chain);
    greets(made.outcome.unwrap()).await;
    let (made, _) = step(UNVERIFIED, &[]).await;
    assert_eq!((made.certificates, made.outcome.unwrap().verified_by()), (identity.chain.clone(), None));

    let (made, allowed) = step(VERIFIED, &[&other]).await;
    assert_eq!(made.certificates, identity.chain);
    let mut error = made.outcome.unwrap_err();
    error.add_unlisted_anchors(&allowed, &known);
    let AttemptError::Certificate(VerificationError::UnknownIssuer { issuer, ignored_anchors, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!((issuer.as_str(), ignored_anchors.len()), ("CN=Lab CA", 1));

    // Plain HTTP has no certificates, and the client sends nothing by itself.
    let (made, _) = step(HTTP, &[]).await;
    assert!(made.certificates.is_empty() && made.outcome.is_ok());
}

#[tokio::test]
async fn roots_are_found_by_name() {
    let (ca, below) = (Ca::new("Public CA"), Ca::new("Public CA").intermediate("Below"));
    let mut store = RootCertStore::empty();
    store.add(ca.der()).unwrap();
    let roots = RootStore::from(store);
    let leaf = below.server(&["registry.test"]).chain.remove(0);
    assert_eq!(roots.issuer_of(&[leaf.clone(), below.der()]).as_deref(), Some("CN=Public CA"));
    assert_eq!(roots.issuer_of(&[leaf]), None);
    assert_eq!(RootStore::empty().issuer_of(&[below.der()]), None);
}

#[tokio::test]
async fn mismatched_arguments_are_rejected() {
    let (known, unknown) = (Ca::new("Lab CA").authority(), Ca::new("Lab CA").authority());
    let connect = async |registry, authorities: &[&TrustAnchor], pinned| {
        let allowed = allowed(443, &[VERIFIED], authorities, &[pinned]);
        connector().connect(registry, &allowed, std::slice::from_ref(&known)).await.unwrap_err()
    };
    let error = connect("registry.test", &[&known, &unknown], "127.0.0.1").await;
    assert!(matches!(error, ConnectError::UnknownAuthority(fingerprint) if fingerprint == unknown.fingerprint));
    let error = connect("registry.test", &[], "registry.test").await;
    assert!(matches!(error, ConnectError::InvalidAddress(address) if address == "registry.test"));
    for registry in ["", "a registry", "https://registry.test", "registry.test/app", "[registry.test"] {
        let error = connect(registry, &[], "127.0.0.1").await;
        assert!(matches!(error, ConnectError::InvalidRegistry(given) if given == registry), "{registry}");
    }
}
