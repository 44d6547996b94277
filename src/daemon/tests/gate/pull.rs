//! The pull-through endpoint: registries that do as they should, and those that do not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pullgate_daemon::frontends::gate::{Credentials, GateOptions};
use pullgate_daemon::settings::RedirectPolicy;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::pki::{Ca, Identity};
use crate::servers::{Server, acceptor, read_request};
use crate::world::{World, read_head};

/// The responses of a server, by the target of the request; `{port}` in them is the port of the server.
pub type Responses = Arc<Mutex<HashMap<String, String>>>;

/// A server of HTTP over TLS with these responses, and keep-alive.
pub async fn registry(identity: &Identity, responses: &[(&str, String)]) -> (Server, Responses) {
    let responses: HashMap<String, String> =
        responses.iter().map(|(target, response)| ((*target).to_owned(), response.clone())).collect();
    let responses = Arc::new(Mutex::new(responses));
    let (acceptor, shared) = (acceptor(identity), Arc::clone(&responses));
    let server = Server::start(move |stream, heard| {
        let (acceptor, responses) = (acceptor.clone(), Arc::clone(&shared));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            loop {
                let request = read_request(&mut stream).await;
                if request.is_empty() {
                    return;
                }
                heard.lock().unwrap().extend(&request);
                let text = String::from_utf8_lossy(&request).into_owned();
                let target = text.split(' ').nth(1).unwrap().to_owned();
                let is_head = text.starts_with("HEAD ");
                let has_login = text.to_ascii_lowercase().contains("authorization: ");
                let responses = responses.lock().unwrap().clone();
                let found = has_login.then(|| responses.get(&format!("login {target}"))).flatten();
                let found = found.or_else(|| responses.get(&target)).cloned();
                let response = found.unwrap_or_else(|| answer("404 Not Found", "", "{}"));
                let end = response.find("\r\n\r\n").unwrap() + 4;
                let response = if is_head { &response[..end] } else { &response[..] };
                if stream.write_all(response.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                if response.contains("Connection: close") {
                    let _ = stream.shutdown().await;
                    return;
                }
            }
        }
    })
    .await;
    (server, responses)
}

/// Returns a response with a body and its length.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

pub fn digest(body: &str) -> String {
    let hexadecimal: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hexadecimal}")
}

/// Returns a policy that allows these registries, by the authority.
pub fn policy(ca: &Ca, whitelist: &[&str]) -> Value {
    json!({"whitelist": whitelist, "certificate_authorities": [{"pem": ca.pem()}]})
}

/// Asks the endpoint, and returns head and body.
pub async fn ask(world: &World, line: &str, headers: &str) -> (String, String) {
    let host = world.address;
    let answer = world.send(format!("{line} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n")).await;
    // A response that breaks off at once has no head either.
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (head.to_owned(), body.to_owned())
}

pub async fn get(world: &World, target: &str) -> (String, String) {
    ask(world, &format!("GET {target}"), "").await
}

#[tokio::test]
async fn image_is_pulled_by_tag_and_digest_in_every_style() {
    let ca = Ca::new("Lab CA");
    let (manifest, blob) = (r#"{"schemaVersion": 2}"#, "x".repeat(300_000));
    let of_manifest = format!("Docker-Content-Digest: {}\r\nContent-Type: a/b\r\nSet-Cookie: x\r\n", digest(manifest));
    let (server, _) = registry(
        &ca.server(&["registry.test"]),
        &[
            ("/v2/team/app/manifests/1", answer("200 OK", &of_manifest, manifest)),
            (&format!("/v2/team/app/blobs/{}", digest(&blob)), answer("200 OK", "", &blob)),
        ],
    )
    .await;
    let world = World::start(&policy(&ca, &["registry.test/team"])).await;
    let port = server.address.port();
    let (head, body) = get(&world, "/v2/").await;
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("docker-distribution-api-version: registry/2.0"));
    assert_eq!(body, "{}");
    for target in [
        format!("/v2/team/app/manifests/1?ns=registry.test:{port}"),
        format!("/v2/registry.test__{port}/team/app/manifests/1"),
    ] {
        let (head, body) = get(&world, &target).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body == manifest, "{head}");
        for field in [
            format!("docker-content-digest: {}", digest(manifest)),
            format!("content-length: {}", manifest.len()),
            "content-type: a/b".to_owned(),
            format!("oci-namespace: registry.test:{port}"),
        ] {
            assert!(head.contains(&field), "{field}: {head}");
        }
        assert!(!head.contains("cookie"), "{head}");
        let (head, body) = ask(&world, &format!("HEAD {target}"), "").await;
        assert!(head.contains(&format!("content-length: {}", manifest.len())) && body.is_empty(), "{head}");
    }
    let (head, body) = get(&world, &format!("/v2/team/app/blobs/{}?ns=registry.test:{port}", digest(&blob))).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body == blob, "{head}");
    assert_eq!(server.connections(), 1, "one connection for all");
    let heard = server.heard().to_ascii_lowercase();
    assert!(heard.contains(&format!("host: registry.test:{port}\r\n")) && heard.contains("via: 1.1 pullgate"));

    // Another namespace of the registry, by whatever is asked for.
    for target in ["manifests/1".to_owned(), "tags/list".to_owned(), format!("blobs/{}", digest(&blob))] {
        let (head, body) = get(&world, &format!("/v2/other/app/{target}?ns=registry.test:{port}")).await;
        assert!(head.starts_with("HTTP/1.1 403 pullgate: access to registry `registry.test:"), "{head}");
        assert!(body.contains(r#""code":"DENIED""#), "{body}");
    }
    let records = world.records();
    assert!(records.iter().any(|record| {
        record["action"] == "pull" && record["reference"] == format!("registry.test:{port}/team/app:1")
    }));
}

#[tokio::test]
async fn wrong_bytes_are_never_whole() {
    let ca = Ca::new("Lab CA");
    let right = "the right bytes of this blob".repeat(1_000);
    let wrong = format!("{}!", &right[..right.len() - 1]);
    let asked = digest(&right);
    let path = format!("/v2/app/blobs/{asked}");
    let chunked = |body: &str| {
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
    };
    let (server, responses) = registry(&ca.server(&["registry.test"]), &[]).await;
    let world = World::start(&policy(&ca, &["registry.test"])).await;
    let target = format!("/v2/app/blobs/{asked}?ns=registry.test:{}", server.address.port());
    let answer_with = |response: String| {
        responses.lock().unwrap().insert(path.clone(), response);
    };
    for response in [answer("200 OK", "", &right), chunked(&right)] {
        answer_with(response);
        let (head, body) = get(&world, &target).await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(body.contains(&right));
    }
    let short =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", right.len(), &right[..99]);
    for response in [
        answer("200 OK", "", &wrong),
        answer("200 OK", "", &format!("{right}{right}")),
        answer("200 OK", "", &right[..right.len() - 1]),
        chunked(&wrong),
        short,
    ] {
        answer_with(response);
        let (head, body) = get(&world, &target).await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        match length {
            Some(length) => assert!(body.len() < length, "{} of {length}", body.len()),
            None => assert!(!body.ends_with("\r\n0\r\n\r\n") && !body.ends_with("0\r\n\r\n"), "{head}"),
        }
    }
    for (response, reason) in [
        (answer("200 OK", "", ""), "was asked for"),
        (answer("200 OK", &format!("Docker-Content-Digest: {}\r\n", digest(&wrong)), &right), "it has the digest"),
        (answer("200 OK", "Content-Encoding: gzip\r\n", &right), "it is encoded"),
        (answer("206 Partial Content", "Content-Range: bytes 0-9/10\r\n", &wrong), "it gave a part"),
    ] {
        answer_with(response);
        let (head, body) = get(&world, &target).await;
        assert!(head.starts_with("HTTP/1.1 502 pullgate: ") && body.contains(reason), "{body}");
    }
    assert!(world.records().iter().any(|record| record["transfer"]["end"] == "wrong-content"));
    // A manifest by tag is held to the digest that its registry gives it.
    let lie = answer("200 OK", &format!("Docker-Content-Digest: {}\r\n", digest(&right)), &wrong);
    responses.lock().unwrap().insert("/v2/app/manifests/1".to_owned(), lie);
    let (_, body) = get(&world, &format!("/v2/app/manifests/1?ns=registry.test:{}", server.address.port())).await;
    assert!(body.len() < wrong.len(), "{}", body.len());
    let large = answer("200 OK", "", &"x".repeat((4 << 20) + 1));
    responses.lock().unwrap().insert("/v2/app/manifests/1".to_owned(), large);
    let (head, _) = get(&world, &format!("/v2/app/manifests/1?ns=registry.test:{}", server.address.port())).await;
    assert!(head.starts_with("HTTP/1.1 502 pullgate: ") && head.contains("has more than"), "{head}");
}

#[tokio::test]
async fn part_of_a_blob_is_passed_on() {
    let ca = Ca::new("Lab CA");
    let asked = digest("0123456789");
    let part = answer("206 Partial Content", "Content-Range: bytes 5-9/10\r\n", "56789");
    let path = format!("/v2/app/blobs/{asked}");
    let (server, _) = registry(&ca.server(&["registry.test"]), &[(&path, part)]).await;
    let world = World::start(&policy(&ca, &["registry.test"])).await;
    let line = format!("GET {path}?ns=registry.test:{}", server.address.port());
    let (head, body) =
        ask(&world, &line, "Range: bytes=5-\r\nAccept-Encoding: gzip\r\nAccept: a/b\r\nCookie: x\r\n").await;
    assert!(head.starts_with("HTTP/1.1 206 Partial Content") && head.contains("content-range: bytes 5-9/10"), "{head}");
    assert_eq!(body, "56789");
    let heard = server.heard().to_ascii_lowercase();
    assert!(heard.contains("range: bytes=5-") && heard.contains("accept: a/b"), "{heard}");
    assert!(!heard.contains("encoding") && !heard.contains("cookie"), "{heard}");
}

#[tokio::test]
async fn redirects_are_asked_and_carry_no_login() {
    let ca = Ca::new("Lab CA");
    let blob = "a blob from elsewhere";
    let path = format!("/v2/app/blobs/{}", digest(blob));
    let (cdn, _) = registry(&ca.server(&["cdn.test"]), &[("/data?key=1", answer("200 OK", "", blob))]).await;
    let at_cdn = format!("https://cdn.test:{}/data?key=1", cdn.address.port());
    let (server, responses) = registry(&ca.server(&["registry.test"]), &[]).await;
    let redirect = |location: &str| answer("307 Temporary Redirect", &format!("Location: {location}\r\n"), "");
    responses.lock().unwrap().extend([
        (path.clone(), answer("401 Unauthorized", "WWW-Authenticate: Basic realm=x\r\n", "")),
        (format!("login {path}"), redirect("/v2/elsewhere")),
        ("/v2/elsewhere".to_owned(), redirect(&at_cdn)),
    ]);
    let (options, _folder) = with_login(server.address.port());
    let world = World::start_with(&policy(&ca, &["registry.test", "cdn.test"]), |_| options).await;
    let target = format!("{path}?ns=registry.test:{}", server.address.port());
    let (head, body) = get(&world, &target).await;
    assert!(head.starts_with("HTTP/1.1 200 OK") && body == blob, "{head}");
    let (at_registry, at_cdn_heard) = (server.heard(), cdn.heard());
    assert!(at_registry.to_ascii_lowercase().contains("authorization: basic bwu6ahvudgvymg=="), "{at_registry}");
    let elsewhere = at_registry.rsplit_once("GET /v2/elsewhere").unwrap().1.to_ascii_lowercase();
    assert!(!elsewhere.contains("authorization"), "{elsewhere}");
    assert!(!at_cdn_heard.to_ascii_lowercase().contains("authorization"), "{at_cdn_heard}");

    // The host of the redirect is no longer allowed.
    world.replace_policy(&policy(&ca, &["registry.test"])).await;
    let connections = cdn.connections();
    let (head, body) = get(&world, &target).await;
    assert!(head.starts_with("HTTP/1.1 403 pullgate: `app` of `registry.test:"), "{head}");
    assert!(body.contains("it redirects to `https://cdn.test:") && body.contains("no entry"), "{body}");
    assert!(!body.contains("key=1"), "{body}");
    assert_eq!(cdn.connections(), connections);

    // Nor are those that are no registry's, or that never end.
    world.replace_policy(&policy(&ca, &["registry.test", "cdn.test"])).await;
    for (location, status) in [
        ("ftp://cdn.test/x".to_owned(), "403"),
        (format!("https://user:secret@cdn.test:{}/x", cdn.address.port()), "403"),
        ("https://0x7f.1/x".to_owned(), "403"),
        (format!("http://cdn.test:{}/data?key=1", cdn.address.port()), "403"),
        ("/v2/elsewhere".to_owned(), "502"),
    ] {
        responses.lock().unwrap().insert("/v2/elsewhere".to_owned(), redirect(&location));
        let (head, _) = get(&world, &target).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} pullgate: ")), "{location}: {head}");
    }
}

/// Returns options with a login for a registry of a port.
pub fn with_login(port: u16) -> (GateOptions, tempfile::TempDir) {
    with_credentials(&json!({"auths": {format!("registry.test:{port}"): {"username": "me", "password": "hunter2"}}}))
}

/// Returns options with a file of credentials.
pub fn with_credentials(file: &Value) -> (GateOptions, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let credentials = Some(Arc::new(Credentials::load(&path).unwrap()));
    (GateOptions { credentials, ..GateOptions::default() }, folder)
}

#[tokio::test]
async fn unlisted_host_of_content_must_be_public() {
    let ca = Ca::new("Lab CA");
    let blob = "a blob from elsewhere";
    let path = format!("/v2/app/blobs/{}", digest(blob));
    let redirect = answer("307 Temporary Redirect", "Location: https://decoy.test/x\r\n", "");
    let (server, _) = registry(&ca.server(&["registry.test"]), &[(&path, redirect)]).await;
    let options = |_| GateOptions { redirects: RedirectPolicy::Content, ..GateOptions::default() };
    let world = World::start_with(&policy(&ca, &["registry.test"]), options).await;
    let line = format!("GET {path}?ns=registry.test:{}", server.address.port());
    let (head, body) = ask(&world, &line, "").await;
    assert!(head.starts_with("HTTP/1.1 403") && body.contains("none of its addresses is public"), "{body}");
    // A part, or a look at it, is no content that can be checked.
    for (line, header) in [(line.clone(), "Range: bytes=1-\r\n"), (line.replace("GET", "HEAD"), "")] {
        let (head, _) = ask(&world, &line, header).await;
        assert!(head.starts_with("HTTP/1.1 403 pullgate: `app` of") && !head.contains("public"), "{head}");
    }
}

#[tokio::test]
async fn errors_of_the_registry_keep_what_a_client_can_act_on() {
    let ca = Ca::new("Lab CA");
    let error = r#"{"errors":[{"code":"X","message":"because\u001b[31m"}]}"#;
    for (status, headers, expected) in [
        ("404 Not Found", "", "404 pullgate: `registry.test:"),
        ("429 Too Many Requests", "Retry-After: 7\r\n", "429 pullgate: `registry.test:"),
        ("403 Forbidden", "", "403 pullgate: `registry.test:"),
        ("400 Bad Request", "", "502 pullgate: `registry.test:"),
        ("500 Internal Server Error", "", "502 pullgate: `registry.test:"),
        ("204 No Content", "", "502 pullgate: `registry.test:"),
    ] {
        let response = answer(status, headers, error);
        let (server, _) = registry(&ca.server(&["registry.test"]), &[("/v2/app/manifests/1", response)]).await;
        let world = World::start(&policy(&ca, &["registry.test"])).await;
        let (head, body) =
            get(&world, &format!("/v2/app/manifests/1?ns=registry.test:{}", server.address.port())).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected}")), "{status}: {head}");
        assert!(!head.contains('\u{1b}') && !body.contains('\u{1b}'));
        if status.starts_with("204") {
            continue;
        }
        assert!(body.contains("because"), "{body}");
        assert_eq!(head.contains("retry-after: 7"), status.starts_with("429"));
    }
}

#[tokio::test]
async fn pages_of_tags_lead_back_here() {
    let ca = Ca::new("Lab CA");
    let next = "Link: </v2/app/tags/list?n=2&last=b>; rel=\"next\"\r\n";
    let (server, _) = registry(
        &ca.server(&["registry.test"]),
        &[("/v2/app/tags/list?n=2", answer("200 OK", next, r#"{"tags":["a","b"]}"#))],
    )
    .await;
    let world = World::start(&policy(&ca, &["registry.test"])).await;
    let port = server.address.port();
    let (head, body) = get(&world, &format!("/v2/app/tags/list?ns=registry.test%3A{port}&n=2")).await;
    assert_eq!(body, r#"{"tags":["a","b"]}"#);
    assert!(
        head.contains(&format!("link: </v2/app/tags/list?ns=registry.test%3A{port}&n=2&last=b>; rel=\"next\"")),
        "{head}"
    );
    let (head, _) = get(&world, &format!("/v2/registry.test__{port}/app/tags/list?n=2")).await;
    assert!(head.contains(&format!("link: </v2/registry.test__{port}/app/tags/list?n=2&last=b>")), "{head}");
}

#[tokio::test]
async fn only_pulls_of_this_machine_are_served() {
    let ca = Ca::new("Lab CA");
    let world = World::start(&policy(&ca, &["registry.test"])).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let (head, body) = ask(&world, &format!("{method} /v2/app/blobs/uploads/?ns=registry.test"), "").await;
        assert!(head.starts_with("HTTP/1.1 405 pullgate: nothing is pushed through here"), "{head}");
        assert!(head.contains("allow: GET, HEAD") && body.contains("UNSUPPORTED"), "{head}");
    }
    for target in [
        "/v2/_catalog",
        "/v2/app/manifests/1?ns=harbor",
        "/v2/app/manifests/1?ns=registry.test&ns=registry.test",
        "/v2/registry.test/app/manifests/1?ns=registry.test",
        "/v2/app/blobs/latest?ns=registry.test",
        "/v2/app/blobs/uploads/x?ns=registry.test",
    ] {
        let (head, _) = get(&world, target).await;
        assert!(head.starts_with("HTTP/1.1 400 pullgate: "), "{target}: {head}");
    }
    for target in [
        "/v2/../app/manifests/1?ns=registry.test",
        "/v2/App/manifests/1?ns=registry.test",
        "/v2/a%2fb/manifests/1?ns=registry.test",
        "/v2/app/manifests/%20?ns=registry.test",
        "/v2//app/manifests/1?ns=registry.test",
    ] {
        let (head, _) = get(&world, target).await;
        assert!(head.starts_with("HTTP/1.1 403 pullgate: ") || head.starts_with("HTTP/1.1 400 "), "{target}: {head}");
    }
    let rebinding = "GET /v2/ HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n";
    assert!(world.send(rebinding).await.starts_with("HTTP/1.1 400 pullgate: the request is for another host"));
    let (head, _) = ask(&world, "GET /v2/", "Via: 1.1 pullgate\r\n").await;
    assert!(head.starts_with("HTTP/1.1 400 ") && head.contains("in a circle"), "{head}");
}

#[tokio::test]
async fn pull_is_cut_in_the_middle_of_a_blob() {
    let ca = Ca::new("Lab CA");
    let acceptor = acceptor(&ca.server(&["registry.test"]));
    let server = Server::start(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let _ = read_request(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
            let _ = stream.write_all(format!("{head}{}", "x".repeat(100_000)).as_bytes()).await;
            let _ = stream.flush().await;
            std::future::pending::<()>().await;
        }
    })
    .await;
    let world = World::start(&policy(&ca, &["registry.test"])).await;
    let mut stream = world.connect().await;
    let target = format!("/v2/app/blobs/{}?ns=registry.test:{}", digest("x"), server.address.port());
    let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", world.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    stream.read_exact(&mut [0; 10_000]).await.unwrap();
    world.replace_policy(&policy(&ca, &["registry.test:1"])).await;
    let ended = tokio::time::timeout(std::time::Duration::from_secs(1), stream.read_to_end(&mut Vec::new())).await;
    assert!(ended.is_ok());
    assert_eq!(world.transfer().await["transfer"]["end"], "policy-changed");
}
