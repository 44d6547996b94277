//! Attempts: their order, addresses, transport and limits.

use std::sync::Arc;
use std::time::Duration;

use pullgate::{Allow, Scheme, TrustAnchor};
use pullgate_connect::rustls::HandshakeKind;
use pullgate_connect::rustls::pki_types::ServerName;
use pullgate_connect::rustls::version::{TLS12, TLS13};
use pullgate_connect::{AttemptError, ConnectError, ConnectLimits, Connector, RootStore, VerificationError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::pki::{Ca, Identity, as_authority, expired};
use crate::support::{
    GREETING, HTTP, Server, UNVERIFIED, VERIFIED, allowed, attempts, connect, connect_to, connector, error, free_port,
    greets, listen, plain, refusal,
};

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

/// Asserts that the future may move between threads.
fn _assert_send(connector: &Connector, allowed: &Allow<'_>) -> impl Send {
    connector.connect("registry.test", allowed, &[])
}
