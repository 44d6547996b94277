//! A change of the policy, which cuts what it no longer allows.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::pki::Ca;
use crate::servers::Server;
use crate::tunnel::hello;
use crate::world::{PATIENCE, World, read_head};

/// Opens a tunnel to a server that echoes, with its first bytes.
async fn open(world: &World, server: &Server) -> TcpStream {
    let mut stream = world.tunnel(&format!("registry.test:{}", server.address.port())).await.unwrap();
    let hello = hello("registry.test");
    stream.write_all(&hello).await.unwrap();
    stream.read_exact(&mut vec![0; hello.len()]).await.unwrap();
    stream
}

/// Returns whether the other end has closed a stream within a second.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let start = Instant::now();
    let mut rest = Vec::new();
    let read = timeout(Duration::from_secs(1), stream.read_to_end(&mut rest)).await;
    read.is_ok() && start.elapsed() < Duration::from_secs(1)
}

#[tokio::test]
async fn tunnel_is_cut_by_a_policy_that_no_longer_allows_it() {
    let server = Server::echo().await;
    for (policy, is_kept) in [
        (json!({"whitelist": []}), false),
        (json!({"insecure": ["registry.test", "x.test"]}), true),
        (json!({"whitelist": ["registry.test"]}), false),
        (json!({"whitelist": ["registry.test:1"], "insecure": ["registry.test:1"]}), false),
        (json!({"whitelist": [], "insecure": ["127.0.0.9"], "match_resolved_addresses": true}), false),
        (json!({"whitelist": [], "insecure": ["127.0.0.0/8"], "match_resolved_addresses": true}), true),
    ] {
        let world = World::start(&json!({"insecure": ["registry.test"]})).await;
        let mut stream = open(&world, &server).await;
        world.replace_policy(&policy).await;
        if is_kept {
            stream.write_all(b"still").await.unwrap();
            let mut answer = [0; 5];
            timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
            assert_eq!(&answer, b"still", "{policy}");
            assert!(!is_closed(&mut stream).await, "{policy}");
        } else {
            assert!(is_closed(&mut stream).await, "{policy}");
            assert_eq!(world.transfer().await["transfer"]["end"], "policy-changed", "{policy}");
        }
    }
}

#[tokio::test]
async fn tunnel_is_cut_with_the_authority_that_verified_it() {
    let ca = Ca::new("Lab CA");
    let server = Server::tls_echo(&ca.server(&["registry.test"])).await;
    let trusting = |whitelist: Value| json!({"whitelist": whitelist, "certificate_authorities": [{"pem": ca.pem()}]});
    let world = World::start(&trusting(json!(["registry.test"]))).await;
    let mut stream = world.tunnel(&format!("registry.test:{}", server.address.port())).await.unwrap();
    world.replace_policy(&trusting(json!(["registry.test", "x.test"]))).await;
    assert!(!is_closed(&mut stream).await);
    world.replace_policy(&json!({"whitelist": ["registry.test"]})).await;
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn response_is_cut_in_the_middle() {
    let server = Server::start(|mut stream, _| async move {
        let _ = crate::servers::read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin").await;
        std::future::pending::<()>().await;
    })
    .await;
    let world = World::start(&json!({"insecure": ["plain.test"]})).await;
    let mut stream = world.connect().await;
    let request = format!("GET http://plain.test:{}/ HTTP/1.1\r\n\r\n", server.address.port());
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    let mut begin = [0; 5];
    stream.read_exact(&mut begin).await.unwrap();
    world.replace_policy(&json!({"whitelist": []})).await;
    assert!(is_closed(&mut stream).await);
    assert_eq!(world.transfer().await["transfer"]["end"], "policy-changed");
}

#[tokio::test]
async fn hundred_tunnels_are_reviewed_within_a_second() {
    let server = Server::echo().await;
    let world = World::start(&json!({"insecure": ["registry.test"]})).await;
    let mut open_tunnels = Vec::new();
    for _ in 0..100 {
        open_tunnels.push(open(&world, &server).await);
    }
    world.replace_policy(&json!({"whitelist": []})).await;
    let start = Instant::now();
    for stream in &mut open_tunnels {
        assert!(is_closed(stream).await);
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}
