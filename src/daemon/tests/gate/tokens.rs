//! Tokens of registries: what token servers are asked for, and with which login.

use serde_json::json;

use crate::pki::Ca;
use crate::pull::{answer, ask, get, policy, registry, with_credentials, with_login};
use crate::world::World;

#[tokio::test]
async fn token_is_for_pulling_from_one_repository() {
    let ca = Ca::new("Lab CA");
    let manifest = r#"{"schemaVersion": 2}"#;
    let (issuer, _) = registry(&ca.server(&["token.test"]), &[]).await;
    let realm = format!("https://token.test:{}/token?x=1", issuer.address.port());
    let challenge =
        format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s v\",scope=\"repository:app:pull,push\"\r\n");
    let (server, _) = registry(
        &ca.server(&["registry.test"]),
        &[
            ("/v2/app/manifests/1", answer("401 Unauthorized", &challenge, "")),
            ("login /v2/app/manifests/1", answer("200 OK", "", manifest)),
        ],
    )
    .await;
    let world = World::start(&policy(&ca, &["registry.test", "token.test"])).await;
    let target = format!("/v2/app/manifests/1?ns=registry.test:{}", server.address.port());
    let (head, _) = get(&world, &target).await;
    assert!(head.starts_with("HTTP/1.1 502 pullgate: the token server `https://token.test:"), "{head}");
    let asked = issuer.heard();
    assert!(asked.starts_with("GET /token?x=1&service=s+v&scope=repository%3Aapp%3Apull HTTP/1.1"), "{asked}");

    let (issuer, responses) = registry(&ca.server(&["token.test"]), &[]).await;
    let challenge = challenge.replace(&realm, &format!("https://token.test:{}/token", issuer.address.port()));
    let issued = "/token?service=s+v&scope=repository%3Aapp%3Apull".to_owned();
    responses.lock().unwrap().insert(issued.clone(), answer("200 OK", "", r#"{"token": "t0ken", "expires_in": 300}"#));
    let (server, at_registry) = registry(
        &ca.server(&["registry.test"]),
        &[
            ("/v2/app/manifests/1", answer("401 Unauthorized", &challenge, "")),
            ("login /v2/app/manifests/1", answer("200 OK", "", manifest)),
        ],
    )
    .await;
    let target = format!("/v2/app/manifests/1?ns=registry.test:{}", server.address.port());
    for _ in 0..3 {
        // A client's own login is not passed on.
        let (head, body) = ask(&world, &format!("GET {target}"), "Authorization: Bearer own\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK") && body == manifest, "{head}");
    }
    assert_eq!(issuer.heard().matches("GET ").count(), 1, "the token is kept");
    assert!(server.heard().to_ascii_lowercase().contains("authorization: bearer t0ken"));
    assert!(!server.heard().contains("own"));

    // A token server that the policy denies is asked for none, and one that wants a login is named.
    at_registry.lock().unwrap().insert("/v2/other/manifests/1".to_owned(), answer("401 Unauthorized", &challenge, ""));
    let other = target.replace("/app/", "/other/");
    let (head, _) = get(&world, &other).await;
    assert!(head.starts_with("HTTP/1.1 502 pullgate: the token server"), "{head}");
    let asked = issuer.heard().matches("GET ").count();
    world.replace_policy(&policy(&ca, &["registry.test"])).await;
    let (head, body) = get(&world, &other).await;
    assert!(head.starts_with("HTTP/1.1 403 ") && body.contains("tokens come from `https://token.test:"), "{body}");
    assert_eq!(issuer.heard().matches("GET ").count(), asked);
    for (challenge, reason) in [
        ("", "kind that is not known"),
        ("WWW-Authenticate: Basic realm=x\r\n", "it wants a login"),
        ("WWW-Authenticate: Bearer realm=\"https://u:p@token.test/\"\r\n", "no token server"),
        ("WWW-Authenticate: Bearer realm=\"https://token.test/t?scope=registry:catalog:*\"\r\n", "scope of its own"),
    ] {
        at_registry
            .lock()
            .unwrap()
            .insert("/v2/other/manifests/1".to_owned(), answer("401 Unauthorized", challenge, ""));
        let (head, body) = get(&world, &other).await;
        assert!(head.starts_with("HTTP/1.1 403 ") && body.contains(reason), "{challenge}: {body}");
    }
}

#[tokio::test]
async fn password_goes_to_no_foreign_token_server() {
    let ca = Ca::new("Lab CA");
    let (issuer, _) = registry(&ca.server(&["token.test"]), &[]).await;
    let challenge =
        format!("WWW-Authenticate: Bearer realm=\"https://token.test:{}/token\"\r\n", issuer.address.port());
    let (server, _) = registry(
        &ca.server(&["registry.test"]),
        &[("/v2/app/manifests/1", answer("401 Unauthorized", &challenge, ""))],
    )
    .await;
    let (options, _folder) = with_login(server.address.port());
    let world = World::start_with(&policy(&ca, &["registry.test", "token.test"]), |_| options).await;
    let (head, body) = get(&world, &format!("/v2/app/manifests/1?ns=registry.test:{}", server.address.port())).await;
    assert!(head.starts_with("HTTP/1.1 403 ") && body.contains("its login is not sent there"), "{body}");
    assert!(!issuer.heard().contains("me:") && !issuer.heard().to_ascii_lowercase().contains("authorization"));
    assert!(!format!("{:?}", world.records()).contains("hunter2"));
}

/// A manifest that a registry gives to those with a token.
const MANIFEST: &str = r#"{"schemaVersion": 2}"#;

/// Returns a challenge that names a token server.
fn bearer(realm: &str) -> String {
    let challenge = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s v\"\r\n");
    answer("401 Unauthorized", &challenge, "")
}

#[tokio::test]
async fn identity_token_is_exchanged_for_a_token_to_pull() {
    let ca = Ca::new("Lab CA");
    let (server, responses) =
        registry(&ca.server(&["registry.test"]), &[("login /v2/app/manifests/1", answer("200 OK", "", MANIFEST))])
            .await;
    let port = server.address.port();
    let realm = format!("https://registry.test:{port}/oauth2/token");
    let granted = answer("200 OK", "", r#"{"access_token": "acce55", "expires_in": 300, "refresh_token": "n3w"}"#);
    responses
        .lock()
        .unwrap()
        .extend([("/v2/app/manifests/1".to_owned(), bearer(&realm)), ("/oauth2/token".to_owned(), granted)]);
    let file = json!({"auths": {format!("registry.test:{port}"): {"auth": "bWU6", "identitytoken": "id&nt1ty"}}});
    let (options, _folder) = with_credentials(&file);
    let world = World::start_with(&policy(&ca, &["registry.test"]), |_| options).await;
    let target = format!("/v2/app/manifests/1?ns=registry.test:{port}");
    for _ in 0..3 {
        let (head, body) = get(&world, &target).await;
        assert!(head.starts_with("HTTP/1.1 200 OK") && body == MANIFEST, "{head}\n{body}");
    }
    let heard = server.heard();
    assert_eq!(heard.matches("POST /oauth2/token HTTP/1.1").count(), 1, "the token is kept: {heard}");
    let form = "grant_type=refresh_token&refresh_token=id%26nt1ty&client_id=pullgate&service=s+v\
                &scope=repository%3Aapp%3Apull";
    assert!(heard.contains(form) && heard.contains("application/x-www-form-urlencoded"), "{heard}");
    assert!(heard.to_ascii_lowercase().contains("authorization: bearer acce55"), "{heard}");
    assert!(!heard.to_ascii_lowercase().contains("basic"), "{heard}");

    // What can be done about it is in the refusal, and no secret.
    let other = target.replace("/app/", "/other/");
    for (challenge, response, reason) in [
        (bearer(&realm), "400 Bad Request", "does not take the identity token: log in again"),
        (bearer(&realm), "404 Not Found", "takes no identity tokens: write a user and a password"),
        (bearer(&realm), "405 Method Not Allowed", "takes no identity tokens: write a user and a password"),
        (bearer(&realm), "401 Unauthorized", "wants a login"),
        (bearer(&realm), "500 Internal Server Error", "answered 500"),
        (answer("401 Unauthorized", "WWW-Authenticate: Basic realm=x\r\n", ""), "200 OK", "it wants a password, and"),
        (bearer("https://elsewhere.test/token"), "200 OK", "tokens come from `https://elsewhere.test/token`"),
    ] {
        responses.lock().unwrap().extend([
            ("/v2/other/manifests/1".to_owned(), challenge),
            ("/oauth2/token".to_owned(), answer(response, "", "{}")),
        ]);
        let (head, body) = get(&world, &other).await;
        assert!(head.starts_with("HTTP/1.1 403 ") || head.starts_with("HTTP/1.1 502 "), "{head}");
        assert!(body.contains(reason) && !body.contains("nt1ty"), "{reason}: {body}");
    }
    assert!(!format!("{:?}", world.records()).contains("nt1ty"));
}

#[tokio::test]
async fn identity_token_goes_to_no_foreign_token_server() {
    let ca = Ca::new("Lab CA");
    let (issuer, _) = registry(&ca.server(&["token.test"]), &[]).await;
    let realm = format!("https://token.test:{}/token", issuer.address.port());
    let (server, _) = registry(&ca.server(&["registry.test"]), &[("/v2/app/manifests/1", bearer(&realm))]).await;
    let port = server.address.port();
    let file = json!({"auths": {format!("registry.test:{port}"): {"identitytoken": "id3ntity"}}});
    let (options, _folder) = with_credentials(&file);
    let world = World::start_with(&policy(&ca, &["registry.test", "token.test"]), |_| options).await;
    let (head, body) = get(&world, &format!("/v2/app/manifests/1?ns=registry.test:{port}")).await;
    assert!(head.starts_with("HTTP/1.1 403 ") && body.contains("its login is not sent there"), "{body}");
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn token_server_that_closed_its_idle_connection_is_asked_again() {
    let ca = Ca::new("Lab CA");
    let (server, responses) =
        registry(&ca.server(&["registry.test"]), &[("login /v2/app/manifests/1", answer("200 OK", "", MANIFEST))])
            .await;
    let port = server.address.port();
    // The challenge comes over a connection that its server then closes.
    let realm = format!("https://registry.test:{port}/token");
    let closing = bearer(&realm).replace("Content-Length", "X-Closes: Connection: close\r\nContent-Length");
    responses.lock().unwrap().extend([
        ("/v2/app/manifests/1".to_owned(), closing),
        ("/token?service=s+v&scope=repository%3Aapp%3Apull".to_owned(), answer("200 OK", "", r#"{"token": "t"}"#)),
    ]);
    let world = World::start(&policy(&ca, &["registry.test"])).await;
    let (head, body) = get(&world, &format!("/v2/app/manifests/1?ns=registry.test:{port}")).await;
    assert!(head.starts_with("HTTP/1.1 200 OK") && body == MANIFEST, "{head}\n{body}");
}
