//! Tunnels: allowed ones, and everything that tries to use one for something else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pullgate_connect::crypto_provider;
use pullgate_daemon::frontends::gate::GateOptions;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::pki::Ca;
use crate::servers::Server;
use crate::world::{PATIENCE, World};

/// A policy that allows `registry.test` on any port, verified by this authority.
fn policy(ca: &Ca) -> Value {
    json!({"whitelist": ["registry.test"], "certificate_authorities": [{"pem": ca.pem()}]})
}

/// Returns a TLS client that trusts an authority.
pub fn tls_client(ca: &Ca) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(ca.der()).unwrap();
    let config = ClientConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn tls(ca: &Ca, name: &str, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    timeout(PATIENCE, tls_client(ca).connect(name, stream)).await.expect("the handshake ends")
}

#[tokio::test]
async fn allowed_tunnel_is_the_clients_own_tls_and_is_recorded() {
    let ca = Ca::new("Lab CA");
    let server = Server::tls_echo(&ca.server(&["registry.test"])).await;
    let world = World::start(&policy(&ca)).await;
    let target = format!("Registry.TEST.:{}", server.address.port());
    let mut stream = tls(&ca, "registry.test", world.tunnel(&target).await.unwrap()).await.unwrap();
    stream.write_all(b"question").await.unwrap();
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"question");
    assert_eq!(server.connections(), 2, "the gate's own handshake, and the client's");
    assert!(world.metrics().contains("pullgate_gate_transfers 1"), "{}", world.metrics());
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut answer).await.unwrap(), 0);
    drop(stream);

    let transfer = world.transfer().await;
    let summary = &transfer["transfer"];
    assert_eq!(summary["address"], server.address.to_string());
    assert_eq!(summary["end"], "completed");
    assert!(summary["sentBytes"].as_u64().unwrap() > 300 && summary["receivedBytes"].as_u64().unwrap() > 300);
    let decision = &world.records()[0];
    assert_eq!((&decision["frontend"], &decision["decision"]), (&json!("gate"), &json!("allow")));
    assert_eq!((&decision["action"], &decision["reference"]), (&json!("tunnel"), &json!(target)));
    assert!(world.metrics().contains(r#"pullgate_gate_bytes_total{direction="sent"}"#));

    // The next one costs no further handshake of the gate.
    tls(&ca, "registry.test", world.tunnel(&target).await.unwrap()).await.unwrap();
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn denied_tunnel_says_why_and_reaches_nobody() {
    let ca = Ca::new("Lab CA");
    let decoy = Server::echo().await;
    let world = World::start(&policy(&ca)).await;
    let port = decoy.address.port();
    let refused = world.tunnel(&format!("decoy.test:{port}")).await.unwrap_err();
    let reason = format!("HTTP/1.1 403 pullgate: access to registry `decoy.test:{port}` is denied: no entry");
    assert!(refused.starts_with(&reason), "{refused}");
    let answer = world.send(format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\nConnection: close\r\n\r\n")).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["errors"][0]["code"], "DENIED");
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("127.0.0.1"), "{body}");
    assert_eq!(decoy.connections(), 0);
    let records = world.records();
    assert!(records.iter().all(|record| record["decision"] == "deny" && record["reason"] == "not-whitelisted"));
    assert_eq!(records.len(), 2);
}

#[tokio::test]
async fn tunnel_to_one_host_asks_for_no_other() {
    let ca = Ca::new("Lab CA");
    let server = Server::tls_echo(&ca.server(&["registry.test", "other.test"])).await;
    let world = World::start(&policy(&ca)).await;
    let target = format!("registry.test:{}", server.address.port());
    for name in ["other.test", "127.0.0.1", "registry.test.other.test"] {
        let stream = world.tunnel(&target).await.unwrap();
        let error = tls(&ca, name, stream).await.unwrap_err();
        assert!(error.to_string().contains("UnrecognisedName"), "{name}: {error}");
    }
    let transfer = world.transfer().await;
    assert_eq!((&transfer["transfer"]["end"], &transfer["transfer"]["sentBytes"]), (&json!("refused"), &json!(0)));
    let records = world.records();
    assert!(records.iter().any(|record| {
        record["reason"] == "tls-hello" && record["text"].as_str().unwrap().contains("asks for `other.test`")
    }));
}

#[tokio::test]
async fn nothing_but_tls_passes_a_tunnel() {
    let ca = Ca::new("Lab CA");
    let server = Server::echo().await;
    let world = World::start(&json!({"whitelist": [], "insecure": ["registry.test"]})).await;
    let target = format!("registry.test:{}", server.address.port());
    for bytes in
        [&b"GET / HTTP/1.1\r\nHost: evil\r\n\r\n"[..], b"SSH-2.0-x\r\n", &[0; 100], &[22, 3, 1, 0, 4, 2, 0, 0, 0]]
    {
        let mut stream = world.tunnel(&target).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, [21, 3, 3, 0, 2, 2, 112], "an alert, and nothing of the server");
    }
    assert_eq!(server.heard(), "");
    drop(ca);
}

#[tokio::test]
async fn slow_hello_is_refused_after_ten_seconds_and_one_in_pieces_is_read() {
    let ca = Ca::new("Lab CA");
    let server = Server::tls_echo(&ca.server(&["registry.test"])).await;
    let world = World::start(&policy(&ca)).await;
    let target = format!("registry.test:{}", server.address.port());
    let slow = async {
        let mut stream = world.tunnel(&target).await.unwrap();
        let start = Instant::now();
        stream.write_all(&[22, 3, 1]).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, [21, 3, 3, 0, 2, 2, 112]);
        assert!(start.elapsed() >= Duration::from_secs(9), "{:?}", start.elapsed());
    };
    let pieces = async {
        // A pipe of one byte between the client and the tunnel.
        let mut tunnel = world.tunnel(&target).await.unwrap();
        let (client, mut pipe) = tokio::io::duplex(1);
        let copy = tokio::io::copy_bidirectional_with_sizes(&mut pipe, &mut tunnel, 1, 4_096);
        let talk = async {
            let name = ServerName::try_from("registry.test").unwrap();
            let mut stream = tls_client(&ca).connect(name, client).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.flush().await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'x');
        };
        tokio::select! {
            () = talk => {}
            ended = copy => panic!("{ended:?}"),
        }
    };
    tokio::join!(slow, pieces);
}

#[tokio::test]
async fn hello_may_come_with_the_request() {
    let ca = Ca::new("Lab CA");
    let server = Server::tls_echo(&ca.server(&["registry.test"])).await;
    let world = World::start(&policy(&ca)).await;
    let request = format!("CONNECT registry.test:{} HTTP/1.1\r\n\r\n", server.address.port());
    let mut stream = world.connect().await;
    // The client's first message, and the request before it, in one segment.
    let (client, mut pipe) = tokio::io::duplex(64 << 10);
    let name = ServerName::try_from("registry.test").unwrap();
    let connector = tls_client(&ca);
    let talk = connector.connect(name, client);
    let relay = async {
        let mut first = vec![0; 16 << 10];
        let length = pipe.read(&mut first).await.unwrap();
        stream.write_all(&[request.as_bytes(), &first[..length]].concat()).await.unwrap();
        assert!(crate::world::read_head(&mut stream).await.starts_with("HTTP/1.1 200 "));
        tokio::io::copy_bidirectional(&mut pipe, &mut stream).await
    };
    let done = async {
        tokio::select! {
            done = talk => done.map(|_| ()),
            ended = relay => panic!("{ended:?}"),
        }
    };
    timeout(PATIENCE, done).await.unwrap().unwrap();
}

#[tokio::test]
async fn server_that_the_policy_does_not_verify_gets_no_tunnel() {
    let (ca, other) = (Ca::new("Lab CA"), Ca::new("Other CA"));
    let server = Server::tls_echo(&other.server(&["registry.test"])).await;
    let misnamed = Server::tls_echo(&ca.server(&["elsewhere.test"])).await;
    let plain = Server::start(|mut stream, _| async move {
        let _ = stream.read_u8().await;
        let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let world = World::start(&policy(&ca)).await;
    for (server, reason) in [(&server, "no listed authority"), (&misnamed, ""), (&plain, "plain HTTP")] {
        let refused = world.tunnel(&format!("registry.test:{}", server.address.port())).await.unwrap_err();
        assert!(refused.starts_with("HTTP/1.1 403 pullgate: `registry.test:"), "{refused}");
        assert!(refused.contains(reason) || reason.starts_with("no listed"), "{refused}");
    }
    assert!(world.records().iter().any(|record| record["reason"] == "unverified" && record["decision"] == "deny"));

    // By the same policy but with the registry insecure, each is passed on as it is.
    let world = World::start(&json!({"insecure": ["registry.test"]})).await;
    let stream = world.tunnel(&format!("registry.test:{}", server.address.port())).await.unwrap();
    tls(&other, "registry.test", stream).await.unwrap();
    let stream = world.tunnel(&format!("registry.test:{}", plain.address.port())).await.unwrap();
    let error = tls(&other, "registry.test", stream).await.unwrap_err();
    assert!(error.to_string().contains("corrupt message"), "the server's plain bytes: {error}");
}

#[tokio::test]
async fn server_that_is_not_there_is_no_denial() {
    let ca = Ca::new("Lab CA");
    let world = World::start(&policy(&ca)).await;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let failed = world.tunnel(&format!("registry.test:{unused}")).await.unwrap_err();
    assert!(failed.starts_with("HTTP/1.1 502 pullgate: `registry.test:") && failed.contains("refused"), "{failed}");
    world.names.lock().unwrap().insert("registry.test".to_owned(), vec![vec![]]);
    let failed = world.tunnel("registry.test:443").await.unwrap_err();
    assert!(failed.starts_with("HTTP/1.1 502 ") && failed.contains("no address"), "{failed}");
}

#[tokio::test]
async fn gate_leads_neither_to_itself_nor_to_link_local_addresses() {
    let policy = json!({"insecure": ["registry.test", "127.0.0.1", "localhost.test"]});
    let own = |address| GateOptions { own_listeners: vec![address], ..GateOptions::default() };
    let world = World::start_with(&policy, own).await;
    let port = world.address.port();
    for target in [format!("127.0.0.1:{port}"), format!("registry.test:{port}"), format!("[::ffff:127.0.0.1]:{port}")] {
        let refused = world.tunnel(&target).await.unwrap_err();
        assert!(refused.starts_with("HTTP/1.1 403 ") && refused.contains("pullgate's own"), "{refused}");
    }
    for address in ["169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::1", "::"] {
        world.names.lock().unwrap().insert("registry.test".to_owned(), vec![vec![address]]);
        let refused = world.tunnel("registry.test:443").await.unwrap_err();
        assert!(refused.starts_with("HTTP/1.1 403 ") && refused.contains(address), "{refused}");
    }
}

#[tokio::test]
async fn second_answer_of_dns_changes_no_address() {
    let server = Server::echo().await;
    let policy = json!({"insecure": ["127.0.0.1"], "match_resolved_addresses": true});
    let world =
        World::start(&json!({"whitelist": [], "insecure": policy["insecure"], "match_resolved_addresses": true})).await;
    // The policy sees the first address, and a connection would see the second one.
    world.names.lock().unwrap().insert("registry.test".to_owned(), vec![vec!["127.0.0.1"], vec!["127.0.0.9"]]);
    let stream = world.tunnel(&format!("registry.test:{}", server.address.port())).await.unwrap();
    assert_eq!(server.connections(), 1);
    drop(stream);
    // It is at the second one now, which the policy does not have.
    let refused = world.tunnel(&format!("registry.test:{}", server.address.port())).await.unwrap_err();
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn docker_hub_is_reached_by_the_name_of_its_registry() {
    let world = World::start(&json!({"whitelist": ["docker.io"]})).await;
    world.names.lock().unwrap().insert("registry-1.docker.io".to_owned(), vec![vec![]]);
    let failed = world.tunnel("registry-1.docker.io:443").await.unwrap_err();
    assert!(failed.starts_with("HTTP/1.1 502 "), "it is allowed: {failed}");
    let refused = world.tunnel("index.docker.io:443").await.unwrap_err();
    assert!(refused.contains("403 pullgate: `docker.io:443` is reached at `registry-1.docker.io`"), "{refused}");
    assert!(world.tunnel("registry-1.docker.io:5000").await.unwrap_err().starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn end_of_one_side_leaves_the_other_open() {
    let server = Server::start(|mut stream, heard| async move {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        heard.lock().unwrap().extend(&all);
        let _ = stream.write_all(b"after the end").await;
    })
    .await;
    let world = World::start(&json!({"insecure": ["registry.test"]})).await;
    let mut stream = world.tunnel(&format!("registry.test:{}", server.address.port())).await.unwrap();
    let hello = hello("registry.test");
    stream.write_all(&hello).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, "after the end");
    assert_eq!(server.heard(), String::from_utf8_lossy(&hello), "byte for byte");
    let transfer = world.transfer().await;
    assert_eq!(transfer["transfer"]["receivedBytes"], 13);
    assert_eq!(transfer["transfer"]["sentBytes"], hello.len());
}

/// Returns the ClientHello of a client.
pub fn hello(name: &str) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut bytes = Vec::new();
    rustls::ClientConnection::new(Arc::new(config), name).unwrap().write_tls(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn malformed_targets_are_refused_before_anybody_is_asked() {
    let decoy = Server::echo().await;
    let world = World::start(&json!({})).await;
    let port = decoy.address.port();
    for target in [
        format!("user:hunter2@127.0.0.1:{port}"),
        format!("127.0.0.1:{port}@evil.test:443"),
        "127.0.0.1".to_owned(),
        "127.0.0.1:0".to_owned(),
        "127.0.0.1:65536".to_owned(),
        format!("http://127.0.0.1:{port}/"),
        format!("/127.0.0.1:{port}"),
        "*".to_owned(),
        format!("127.0.0.1%00:{port}"),
        format!("[127.0.0.1]:{port}"),
        format!("[::1%25lo]:{port}"),
    ] {
        let answer = world.send(format!("CONNECT {target} HTTP/1.1\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
        assert!(!answer.contains("hunter2"));
    }
    for target in ["0x7f.1:443", "2130706433:443", "127.1:443", "256.0.0.1:443", "010.0.0.1:443"] {
        let refused = world.tunnel(target).await.unwrap_err();
        assert!(refused.starts_with("HTTP/1.1 403 "), "{target}: {refused}");
    }
    for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let request = format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n{framing}\r\nConnection: close\r\n\r\n0\r\n\r\n");
        assert!(world.send(request).await.starts_with("HTTP/1.1 400 "));
    }
    assert_eq!(decoy.connections(), 0);
    assert!(!format!("{:?}", world.records()).contains("hunter2"));
}
