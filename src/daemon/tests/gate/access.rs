//! Access to the gate: who may use it, and who is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

use pullgate_connect::crypto_provider;
use pullgate_daemon::frontends::gate::{Credentials, GateOptions};
use pullgate_daemon::server::bearer_token::BearerToken;
use pullgate_daemon::server::{ReloadingTlsAcceptor, TlsFiles};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::pki::Ca;
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
    // In `Authorization` the registry would see it.
    let misplaced = format!("Authorization: Bearer {TOKEN}\r\n");
    let misplaced_too = format!("{basic}{misplaced}");
    for (header, message) in [
        ("", "a token is needed"),
        ("Proxy-Authorization: Basic cHVsbGdhdGU6eA==\r\n", "a token is needed"),
        (&misplaced, "the gate's token is in `Authorization`"),
        (&misplaced_too, "the gate's token is in `Authorization`"),
    ] {
        let answer = get(header).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 407 pullgate: {message}")), "{answer}");
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

#[tokio::test]
async fn gate_with_tls_speaks_http1_alone() {
    let ca = Ca::new("Lab CA");
    let identity = ca.server(&["gate.test"]);
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
    fs::write(&certificate, identity.pem()).unwrap();
    fs::write(&key, identity.key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let files = TlsFiles { certificate, key, client_ca: None, update_ca: None };
    let tls = ReloadingTlsAcceptor::load(files).unwrap();
    let server = Server::http("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let policy = json!({"insecure": ["plain.test"]});
    let world = World::start_over_tls(&policy, |_| GateOptions::default(), Some(tls.http1())).await;
    let mut roots = RootCertStore::empty();
    roots.add(ca.der()).unwrap();
    let mut config = ClientConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("gate.test").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, world.connect().await).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let port = server.address.port();
    let request = format!("GET http://plain.test:{port}/ HTTP/1.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok"), "{answer}");

    // A tunnel in TLS has the client's TLS in it.
    let secured = Server::tls_echo(&ca.server(&["registry.test"])).await;
    world.replace_policy(&json!({"insecure": ["registry.test"]})).await;
    let stream = world.connect().await;
    let name = ServerName::try_from("gate.test").unwrap();
    let mut stream = crate::tunnel::tls_client(&ca).connect(name, stream).await.unwrap();
    let request = format!("CONNECT registry.test:{} HTTP/1.1\r\n\r\n", secured.address.port());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200 "));
    let name = ServerName::try_from("registry.test").unwrap();
    let mut inner = crate::tunnel::tls_client(&ca).connect(name, stream).await.unwrap();
    inner.write_all(b"x").await.unwrap();
    inner.flush().await.unwrap();
    assert_eq!(inner.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn gate_with_credentials_pulls_for_users_that_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let [path, token] = ["auth.json", "token"].map(|name| folder.path().join(name));
    fs::write(&path, "{}").unwrap();
    fs::write(&token, TOKEN).unwrap();
    let options = |_| GateOptions {
        credentials: Some(Arc::new(Credentials::load(&path).unwrap())),
        token: Some(Arc::new(BearerToken::load(&token).unwrap())),
        ..GateOptions::default()
    };
    let world = World::start_with(&json!({}), options).await;
    // The test is the daemon's own user.
    let own = world.send(format!("GET /v2/ HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", world.address)).await;
    assert!(own.starts_with("HTTP/1.1 200 OK"), "{own}");
    let other = |header: &str| {
        let url = format!("http://{}/v2/", world.address);
        let script = format!("curl --silent --show-error --include --max-time 20 {header} {url}");
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", &script]);
        tokio::task::spawn_blocking(move || String::from_utf8(command.output().unwrap().stdout).unwrap())
    };
    let refused = other("").await.unwrap();
    assert!(refused.starts_with("HTTP/1.1 403 pullgate: this gate has credentials"), "{refused}");
    let allowed = other(&format!("--header 'Authorization: Bearer {TOKEN}'")).await.unwrap();
    assert!(allowed.starts_with("HTTP/1.1 200 OK"), "{allowed}");
}
