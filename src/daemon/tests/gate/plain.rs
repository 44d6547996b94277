//! Plain forward: what is passed on, and what is not.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::servers::{Server, read_request};
use crate::world::{World, read_head};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Own: 1\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\nok";

#[tokio::test]
async fn insecure_registry_is_reached_over_plain_http() {
    let server = Server::http(OK).await;
    let world = World::start(&json!({"whitelist": ["registry.test"], "insecure": ["plain.test"]})).await;
    let port = server.address.port();
    let answer = world
        .send(format!(
            "GET http://Plain.test:{port}/v2/?a=b HTTP/1.1\r\nHost: evil.test\r\nAuthorization: Bearer x\r\n\
             Proxy-Authorization: Basic eDpzZWNyZXQ=\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\n\
             X-Secret: 1\r\nConnection: close, upgrade, x-secret\r\n\r\n"
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
    let lower = answer.to_ascii_lowercase();
    assert!(lower.contains("x-own: 1") && lower.contains("via: 1.1 pullgate") && !lower.contains("x-hop"), "{answer}");
    let heard = server.heard().to_ascii_lowercase();
    assert!(heard.starts_with("get /v2/?a=b http/1.1\r\n"), "{heard}");
    assert!(heard.contains(&format!("host: plain.test:{port}\r\n")) && heard.contains("authorization: bearer x"));
    assert!(heard.contains("via: 1.1 pullgate"), "{heard}");
    for absent in ["proxy-", "upgrade", "x-secret", "evil"] {
        assert!(!heard.contains(absent), "{absent}: {heard}");
    }
    let transfer = world.transfer().await;
    assert_eq!((&transfer["action"], &transfer["transfer"]["end"]), (&json!("forward"), &json!("completed")));
    assert_eq!(transfer["transfer"]["receivedBytes"], 2);
}

#[tokio::test]
async fn each_request_of_a_connection_is_decided_for_itself() {
    let server = Server::http("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let decoy = Server::http(OK).await;
    let world = World::start(&json!({"whitelist": ["registry.test"], "insecure": ["plain.test"]})).await;
    let mut stream = world.connect().await;
    for (target, status) in [
        (format!("plain.test:{}", server.address.port()), "200 OK"),
        (format!("decoy.test:{}", decoy.address.port()), "403 pullgate: access to registry `decoy.test:"),
        (format!("registry.test:{}", decoy.address.port()), "403 pullgate: the policy allows no plain HTTP to"),
        (format!("plain.test:{}", server.address.port()), "200 OK"),
    ] {
        let request = format!("GET http://{target}/ HTTP/1.1\r\nHost: {target}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = read_head(&mut stream).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {head}");
        let length =
            head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap()];
        stream.read_exact(&mut body).await.unwrap();
    }
    assert_eq!((server.connections(), decoy.connections()), (2, 0));
}

#[tokio::test]
async fn body_is_passed_on_with_one_framing() {
    let server = Server::http(OK).await;
    let world = World::start(&json!({"insecure": ["plain.test"]})).await;
    let port = server.address.port();
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    for framing in
        ["Transfer-Encoding: chunked\r\nContent-Length: 1", "Content-Length: 1\r\nTransfer-Encoding: chunked"]
    {
        let smuggled = format!("GET http://decoy.test:{port}/smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = world
            .send(format!("PATCH http://plain.test:{port}/ HTTP/1.1\r\n{framing}\r\n\r\n{chunks}{smuggled}"))
            .await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "one answer, and the end: {answer}");
    }
    let heard = server.heard().to_ascii_lowercase();
    assert_eq!(heard.matches("patch / http/1.1").count(), 2);
    assert!(!heard.contains("content-length") && !heard.contains("smuggled"), "{heard}");
    assert_eq!(heard.matches("5\r\nhello\r\n0\r\n\r\n").count(), 2, "{heard}");
}

#[tokio::test]
async fn upload_and_its_answer_pass() {
    let server = Server::start(|mut stream, heard| async move {
        let request = read_request(&mut stream).await;
        heard.lock().unwrap().extend(request);
        let _ = stream.write_all(b"HTTP/1.1 202 Accepted\r\nLocation: /v2/x\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let world = World::start(&json!({"insecure": ["plain.test"]})).await;
    let body = "x".repeat(1 << 20);
    let length = body.len();
    let request = format!(
        "PUT http://plain.test:{}/up HTTP/1.1\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n{body}",
        server.address.port()
    );
    let answer = world.send(request).await;
    assert!(
        answer.contains("HTTP/1.1 202 Accepted\r\n") && answer.to_ascii_lowercase().contains("location: /v2/x"),
        "{answer}"
    );
    let heard = server.heard();
    assert!(heard.ends_with(&body) && heard.to_ascii_lowercase().contains(&format!("content-length: {length}\r\n")));
    assert_eq!(world.transfer().await["transfer"]["sentBytes"], length);
}

#[tokio::test]
async fn what_is_no_plain_request_is_refused() {
    let decoy = Server::http(OK).await;
    let world = World::start(&json!({"insecure": ["plain.test", "127.0.0.1"]})).await;
    let port = decoy.address.port();
    let refused = |line: String, headers: &'static str| {
        let world = &world;
        async move {
            let answer = world.send(format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")).await;
            answer.lines().next().unwrap_or_default().to_owned()
        }
    };
    for line in [
        format!("GET https://plain.test:{port}/"),
        format!("GET ftp://plain.test:{port}/"),
        format!("GET http://user:secret@plain.test:{port}/"),
        format!("GET http://plain.test:{port}@evil.test/"),
        format!("GET http://plain_test:{port}/"),
        format!("TRACE http://plain.test:{port}/"),
        "GET http://:80/".to_owned(),
        "GET http:///".to_owned(),
        "GET /".to_owned(),
        "OPTIONS *".to_owned(),
    ] {
        let status = refused(line.clone(), "").await;
        assert!(status.starts_with("HTTP/1.1 400 "), "{line}: {status}");
    }
    let own = format!("GET http://plain.test:{port}/");
    assert!(refused(own.clone(), "Via: 1.0 a, 1.1 pullgate\r\n").await.contains("in a circle"));
    assert!(refused(own.clone(), "Content-Length: 1\r\nContent-Length: 2\r\n").await.starts_with("HTTP/1.1 400 "));
    assert!(refused(own.clone(), "Transfer-Encoding: gzip\r\n").await.starts_with("HTTP/1.1 400 "));
    assert!(refused(own.clone(), "Bad Header: x\r\n").await.starts_with("HTTP/1.1 400 "));
    let large = format!("{own} HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70 << 10));
    assert!(world.send(large).await.starts_with("HTTP/1.1 431 "));
    let many = format!("{own} HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1_000));
    assert!(world.send(many).await.starts_with("HTTP/1.1 431 "));
    assert_eq!(decoy.connections(), 0);
}

#[tokio::test]
async fn answer_that_is_cut_or_changes_the_protocol_does_not_pass_for_a_whole_one() {
    let cut = Server::http("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    let switching =
        Server::http("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n").await;
    let garbage = Server::http("SSH-2.0-x\r\n").await;
    let world = World::start(&json!({"insecure": ["plain.test"]})).await;
    let get = |server: &Server| {
        let request = format!("GET http://plain.test:{}/ HTTP/1.1\r\nConnection: close\r\n\r\n", server.address.port());
        async { world.send(request).await }
    };
    let answer = get(&cut).await;
    assert!(answer.to_ascii_lowercase().contains("content-length: 100") && answer.ends_with("half"), "{answer}");
    assert_eq!(world.transfer().await["transfer"]["end"], "interrupted");
    for server in [&switching, &garbage] {
        let answer = get(server).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    }
}

#[tokio::test]
async fn reset_is_no_end_of_a_body_without_a_length() {
    let whole = Server::http("HTTP/1.1 200 OK\r\n\r\nwhole").await;
    let reset = Server::start(|mut stream, _| async move {
        let _ = read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf").await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let world = World::start(&json!({"insecure": ["plain.test"]})).await;
    for (server, is_whole) in [(&whole, true), (&reset, false)] {
        for _ in 0..20 {
            let request =
                format!("GET http://plain.test:{}/ HTTP/1.1\r\nConnection: close\r\n\r\n", server.address.port());
            let answer = world.send(request).await;
            assert_eq!(answer.ends_with("\r\n0\r\n\r\n"), is_whole, "{answer}");
        }
    }
}
