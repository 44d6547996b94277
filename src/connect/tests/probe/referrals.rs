//! Redirects and token servers.

use pullgate_connect::probe::{ProbeLimits, StageKind};
use serde_json::json;

use crate::pki::Ca;
use crate::servers::{Server, answer, tokens, v2, v2_with_tokens};
use crate::support::{course, detail, insecure, limits, only, probe, probe_within, says};

#[tokio::test]
async fn a_redirect_goes_where_the_policy_allows() {
    let (ca, other) = (Ca::new("Lab CA"), Ca::new("Other CA"));
    let to = |url: String| move |_: &str| answer("307 Temporary Redirect", &[("Location", &url)], "");
    let target = Server::start("127.0.0.2", Some(&other.server(&["127.0.0.2"])), v2("200 OK", &[])).await;
    let url = format!("https://{}/v2/?secret=1", target.registry());
    let server = Server::tls(&ca.server(&["127.0.0.1"]), to(url.clone())).await;

    // Denied.
    let ca_of = |ca: &Ca, host: &str| json!({ "pem": ca.pem(), "registries": [host] });
    let mine = ca_of(&ca, "127.0.0.1");
    let policy = json!({ "whitelist": ["127.0.0.1"], "certificate_authorities": [mine] });
    let report = probe(&policy, &server.registry()).await;
    let attempt = only(&report);
    assert!(!report.ok && report.protocol.is_none() && target.connections() == 0, "{report:#?}");
    assert_eq!(course(attempt), "dns+ tcp+ tls+ v2-");
    let place =
        format!("it redirects to `https://{}/v2/`, which was not contacted: denied by the policy", target.registry());
    says(detail(attempt, StageKind::V2), &["307 Temporary Redirect", &place]);
    let elsewhere = &attempt.elsewhere[0];
    assert!(elsewhere.registry == target.registry() && elsewhere.attempts.is_empty() && !elsewhere.ok);

    // Allowed, but the CA of the first host is not trusted for the second.
    let policy = json!({ "whitelist": ["127.0.0.0/8"], "certificate_authorities": [mine] });
    let report = probe(&policy, &server.registry()).await;
    says(detail(only(&report), StageKind::V2), &["which cannot be reached: HTTPS", "leads to `CN=Other CA`"]);
    assert_eq!((course(&only(&report).elsewhere[0].attempts[0]).as_str(), report.ok), ("dns+ tcp+ tls-", false));
    assert_eq!(target.requests().len(), 0);

    // Allowed, with a CA of its own.
    let policy = json!({ "whitelist": ["127.0.0.0/8"], "certificate_authorities": [mine, ca_of(&other, "127.0.0.2")] });
    let report = probe(&policy, &server.registry()).await;
    assert!(report.ok && report.protocol.as_deref() == Some("v2 over HTTPS"), "{report:#?}");
    assert_eq!(course(only(&report)), "dns+ tcp+ tls+ v2+ v2+");
    let voucher = only(&report).elsewhere[0].attempts[0].vouched_by.as_ref().unwrap();
    assert_eq!(voucher.subject, "CN=Other CA");
    assert!(target.requests()[0].starts_with("GET /v2/?secret=1 "), "what is asked for is what was named");
    assert!(!serde_json::to_string(&report).unwrap().contains("secret"), "a query may have secrets");

    // Neither "unverified" nor plain HTTP carries over to a host that the policy verifies.
    let insecure = Server::plain(to(url)).await;
    let policy = json!({ "whitelist": ["127.0.0.0/8"], "insecure": ["127.0.0.1"] });
    let report = probe(&policy, &insecure.registry()).await;
    assert!(!report.ok && report.attempts[1].elsewhere[0].attempts[0].verified, "{report:#?}");
    says(&report.summary, &["leads to `CN=Other CA`"]);
    let plain = Server::start("127.0.0.3", None, v2("200 OK", &[])).await;
    let insecure = Server::plain(to(format!("http://{}/v2/", plain.registry()))).await;
    let report = probe(&policy, &insecure.registry()).await;
    says(&report.summary, &["which was not contacted: the policy does not allow plain HTTP there"]);
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let server = Server::plain(|path| match path {
        "/v2/" => answer("301 Moved Permanently", &[("Location", "/registry/v2/")], ""),
        "/registry/v2/" => answer("302 Found", &[("Location", "x/")], ""),
        path => v2("200 OK", &[])(if path == "/registry/v2/x/" { "/v2/" } else { path }),
    });
    let report = probe(&insecure(), &server.await.registry()).await;
    assert!(report.ok && report.attempts[1].elsewhere.is_empty(), "{report:#?}");
    assert_eq!(course(&report.attempts[1]), "dns+ tcp+ v2+ v2+ v2+");

    let circle = Server::plain(|_| answer("301 Moved Permanently", &[("Location", "/v2/")], "")).await;
    let report = probe(&insecure(), &circle.registry()).await;
    says(&report.summary, &["it redirects more than 4 times"]);
    assert!(circle.requests().len() <= 5);

    for location in ["ftp://127.0.0.1/", "https://me:hunter2@127.0.0.1/", "http://[::1", "https://", "//@x"] {
        let server = Server::plain(move |_| answer("302 Found", &[("Location", location)], "")).await;
        let report = probe(&insecure(), &server.registry()).await;
        says(&report.summary, &["it redirects to where a registry cannot be"]);
        assert!(!report.summary.contains("hunter2"));
    }

    // An endless chain of hosts.
    let policy = json!({ "insecure": ["127.0.0.0/8"] });
    let mut url = "http://127.0.0.9:9/".to_owned();
    let mut hops = Vec::new();
    for number in 2..8 {
        let next = url.clone();
        let hop = move |_: &str| answer("302 Found", &[("Location", &next)], "");
        let server = Server::start(&format!("127.0.0.{number}"), None, hop).await;
        url = format!("http://{}/", server.registry());
        hops.push(server);
    }
    let limits = ProbeLimits { max_hosts: 2, ..limits() };
    let report = probe_within(limits, &policy, &hops[5].registry()).await;
    says(&report.summary, &["which was not contacted: the registry points to too many other hosts"]);
    assert_eq!(hops.iter().filter(|hop| hop.connections() > 0).count(), 3);
}

#[tokio::test]
async fn tokens_are_asked_for_where_the_policy_allows() {
    let (ca, other) = (Ca::new("Lab CA"), Ca::new("Other CA"));
    let issuer = Server::start("127.0.0.2", Some(&other.server(&["127.0.0.2"])), tokens).await;
    let realm = format!("https://{}/token", issuer.registry());
    let server = Server::tls(&ca.server(&["127.0.0.1"]), v2_with_tokens(&realm)).await;
    let ca_of = |ca: &Ca, host: &str| json!({ "pem": ca.pem(), "registries": [host] });
    let mine = ca_of(&ca, "127.0.0.1");

    let policy = json!({ "whitelist": ["127.0.0.1"], "certificate_authorities": [mine] });
    let report = probe(&policy, &server.registry()).await;
    assert_eq!((report.ok, issuer.connections()), (false, 0), "{report:#?}");
    assert_eq!(report.protocol.as_deref(), Some("v2 over HTTPS with token authentication"));
    assert_eq!(course(only(&report)), "dns+ tcp+ tls+ v2+ token-");
    let text = format!("tokens come from `{realm}`, which was not contacted: denied by the policy: access to registry");
    says(&report.summary, &["but it cannot be used: ", &text]);

    let policy = json!({ "whitelist": ["127.0.0.0/8"], "certificate_authorities": [mine] });
    let report = probe(&policy, &server.registry()).await;
    assert!(!report.ok && issuer.requests().is_empty(), "{report:#?}");
    says(&report.summary, &["which cannot be reached: HTTPS", "leads to `CN=Other CA`"]);

    let policy = json!({ "whitelist": ["127.0.0.0/8"], "certificate_authorities": [mine, ca_of(&other, "127.0.0.2")] });
    let report = probe(&policy, &server.registry()).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!(only(&report).elsewhere[0].attempts[0].vouched_by.as_ref().unwrap().subject, "CN=Other CA");
    assert!(only(&report).elsewhere[0].ok);
    let seen: Vec<String> = server.requests().into_iter().chain(issuer.requests()).collect();
    assert!(seen.iter().all(|request| !request.to_lowercase().contains("authorization:")), "{seen:?}");

    // An insecure registry makes no other host insecure.
    let plain = Server::plain(v2_with_tokens(&realm)).await;
    let policy = json!({ "whitelist": ["127.0.0.0/8"], "insecure": ["127.0.0.1"] });
    let report = probe(&policy, &plain.registry()).await;
    assert!(!report.ok && report.attempts[1].elsewhere[0].attempts[0].verified, "{report:#?}");
}

#[tokio::test]
async fn token_errors_are_reported() {
    for (challenge, part) in [
        ("Bearer service=x", "its challenge has no `realm`"),
        ("Bearer realm=\"/token\"", "where tokens come from is no `http` or `https` URL"),
        ("Bearer realm=\"https://me:hunter2@127.0.0.1/\"", "where tokens come from is no `http` or `https` URL"),
        ("Bearer realm=\"https://0x7f.1/\"", "`https://0x7f.1/`, which was not contacted: denied by the policy"),
    ] {
        let server = Server::plain(v2("401 Unauthorized", &[("WWW-Authenticate", challenge)])).await;
        let report = probe(&insecure(), &server.registry()).await;
        assert!(!report.ok && !report.summary.contains("hunter2"), "{report:#?}");
        says(&report.summary, &[part]);
    }
    for (status, body, ok, part) in [
        ("200 OK", "<html>", false, "200 OK, but the answer has no token"),
        ("200 OK", r#"{"access_token": "secret"}"#, true, "a token without a login"),
        ("401 Unauthorized", "", true, "it wants a login"),
        ("404 Not Found", "", false, "404 Not Found"),
        ("500 Internal Server Error", "", false, "500 Internal Server Error"),
    ] {
        let issuer = Server::start("127.0.0.2", None, move |_| answer(status, &[], body)).await;
        let server = Server::plain(v2_with_tokens(&format!("http://{}/token", issuer.registry()))).await;
        let report = probe(&json!({ "insecure": ["127.0.0.0/8"] }), &server.registry()).await;
        assert_eq!(report.ok, ok, "{report:#?}");
        says(detail(&report.attempts[1], StageKind::Token), &[part]);
    }
    let server = Server::plain(v2("401 Unauthorized", &[("WWW-Authenticate", "Negotiate, Basic realm=x")])).await;
    let report = probe(&insecure(), &server.registry()).await;
    assert_eq!(report.protocol.as_deref(), Some("v2 over HTTP with basic authentication"));
    let server = Server::plain(v2("401 Unauthorized", &[("WWW-Authenticate", "Negotiate")])).await;
    let report = probe(&insecure(), &server.registry()).await;
    assert_eq!(report.protocol.as_deref(), Some("v2 over HTTP with `negotiate` authentication"));
}
