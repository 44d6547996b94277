//! Who may use the gate.

use std::fs;
use std::sync::Arc;

use pullgate_daemon::frontends::gate::GateOptions;
use pullgate_daemon::server::bearer_token::BearerToken;
use serde_json::json;

use crate::servers::Server;
use crate::world::World;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn other_machines_need_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, TOKEN).unwrap();
    let token = Arc::new(BearerToken::load(&path).unwrap());
    let options = |_| GateOptions { token: Some(token), is_exposed: true, ..GateOptions::default() };
    let server = Server::http("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let world = World::start_with(&json!({"whitelist": [], "insecure": ["plain.test"]}), options).await;
    let get = async |header: &str| {
        let port = server.address.port();
        world.send(format!("GET http://plain.test:{port}/ HTTP/1.1\r\n{header}Connection: close\r\n\r\n")).await
    };
    // `pullgate:TOKEN`, and a wrong one.
    let basic = "Proxy-Authorization: Basic cHVsbGdhdGU6MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\r\n";
    for header in [
        "",
        "Proxy-Authorization: Basic cHVsbGdhdGU6eA==\r\n",
        "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n",
    ] {
        let answer = get(header).await;
        assert!(answer.starts_with("HTTP/1.1 407 pullgate: a token is needed"), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("proxy-authenticate: basic"), "{answer}");
    }
    assert_eq!(server.connections(), 0);
    for header in [basic.to_owned(), format!("Proxy-Authorization: Bearer {TOKEN}\r\n")] {
        let answer = get(&header).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
    // Without whitelist mode it would be an open proxy.
    world.replace_policy(&json!({"insecure": ["plain.test"]})).await;
    let answer = get(basic).await;
    assert!(answer.starts_with("HTTP/1.1 403 pullgate: other machines reach this gate"), "{answer}");
}

#[tokio::test]
async fn pages_in_browsers_are_refused() {
    let server = Server::http("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let world = World::start(&json!({"insecure": ["plain.test"]})).await;
    for header in ["Origin: http://evil.test", "Sec-Fetch-Site: cross-site"] {
        let port = server.address.port();
        let answer = world
            .send(format!("GET http://plain.test:{port}/ HTTP/1.1\r\n{header}\r\nConnection: close\r\n\r\n"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    assert_eq!(server.connections(), 0);
}
