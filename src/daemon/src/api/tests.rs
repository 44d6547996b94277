//! Resource limits of the API, tested without a listener.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::http::header::{ETAG, IF_NONE_MATCH, RETRY_AFTER};
use axum::response::Response;
use futures_util::stream;
use http_body_util::BodyExt;
use pullgate_host::{EvaluatorOptions, Module};
use pullgate_source::PolicyFile;
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::*;
use crate::admission::audit_log::{AuditLog, AuditSink};
use crate::policy::store::PolicyStore;
use crate::server::Peer;

fn test_router() -> Router {
    router(Arc::new(test_state()), Router::new())
}

fn test_state() -> ApiState {
    let policy = PolicyFile::built_in(r#"{"whitelist": ["docker.io"]}"#);
    let (policies, _) = PolicyStore::load(Module::built_in().unwrap(), policy, EvaluatorOptions::default()).unwrap();
    let admission = Arc::new(Admission::new(Arc::new(policies), AuditLog::open(&AuditSink::Off).unwrap()));
    ApiState {
        admission,
        resources: ApiResources::new(None, BackgroundHandle::current(), 2),
        frontends: Vec::new(),
        allow_policy_updates: false,
        containerd_project: None,
        access_policy: AccessPolicy::new(None, true, false),
    }
}

async fn ask(api: &Router, line: &str, body: impl Into<Body>) -> Response {
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
    api.clone().oneshot(request).await.unwrap()
}

/// Asks as a process of a user on the unix socket.
async fn ask_as(api: &Router, user: u32, line: &str, body: impl Into<Body>) -> Response {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
    request.extensions_mut().insert(Peer::from_uid(Some(user)));
    api.clone().oneshot(request).await.unwrap()
}

/// Pauses the clock once the API has an instance: a thread outside of tokio starts it, and a paused clock would run to
/// the timeout of the request meanwhile.
async fn start_instance_and_pause_clock(api: &Router) {
    assert_eq!(ask(api, "POST /v1/decide", r#"{"reference": "alpine"}"#).await.status(), StatusCode::OK);
    tokio::time::pause();
}

async fn text(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn policy_requests_share_one_response() {
    let api = test_router();
    let first = text(ask(&api, "GET /v1/policy", "").await).await;
    assert!(first.ends_with(br#""policy":{"whitelist":["docker.io"]}}"#), "{first:?}");
    let second = text(ask(&api, "GET /v1/policy", "").await).await;
    assert_eq!(first.as_ptr(), second.as_ptr());
}

#[tokio::test]
async fn known_policy_is_not_sent_again_but_its_generation_is() {
    let api = test_router();
    let first = ask(&api, "GET /v1/policy", "").await;
    let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
    for (known, status) in [
        (tag.as_str(), StatusCode::NOT_MODIFIED),
        (&format!("\"other\", {tag}"), StatusCode::NOT_MODIFIED),
        ("*", StatusCode::NOT_MODIFIED),
        ("\"other\"", StatusCode::OK),
        (tag.trim_matches('"'), StatusCode::OK),
    ] {
        let request = Request::builder().uri("/v1/policy").header(IF_NONE_MATCH, known).body(Body::empty()).unwrap();
        let response = api.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{known}");
        assert_eq!(response.headers()["pullgate-generation"], "1");
        assert_eq!(response.headers()[ETAG], tag.as_str());
        assert_eq!(text(response).await.is_empty(), status == StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn waiting_probe_request_is_not_read_and_the_queue_is_limited() {
    let api = test_router();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let question =
        format!(r#"{{"registry": "{}", "policy": {{"insecure": ["127.0.0.1"]}}}}"#, silent.local_addr().unwrap());
    let read = Arc::new(AtomicUsize::new(0));
    let mut tests = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (api, read, question) = (api.clone(), Arc::clone(&read), question.clone());
        tests.spawn(async move {
            let body = stream::once(async move {
                read.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(question)
            });
            ask(&api, "POST /v1/probe", Body::from_stream(body)).await
        });
    }
    // Eight probes have connected to the silent server.
    for _ in 0..8 {
        silent.accept().await.unwrap();
    }
    assert_eq!(read.load(Ordering::Relaxed), 8);
    let turned_away = ask(&api, "POST /v1/probe", question).await;
    assert_eq!(turned_away.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(turned_away.headers()[RETRY_AFTER], "10");
    let said = text(turned_away).await;
    assert!(said.starts_with(br#"{"code":"busy","message":"too many connections are tested"#), "{said:?}");
    // Other requests are answered meanwhile.
    assert_eq!(ask(&api, "POST /v1/decide", r#"{"reference": "alpine"}"#).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn request_beyond_the_limits_of_dns_answers_is_a_bad_request() {
    let api = test_router();
    let question = |count: usize| {
        let answers = vec![r#"{"kind":"forward","subject":"h.example","answers":[]}"#; count].join(",");
        format!(r#"{{"reference":"h.example/x","dnsAnswers":[{answers}]}}"#)
    };
    for path in ["POST /v1/decide", "POST /v1/explain"] {
        assert_eq!(ask(&api, path, question(32)).await.status(), StatusCode::OK, "{path}");
        let refused = ask(&api, path, question(33)).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{path}");
        let said = text(refused).await;
        let text = br#"{"code":"bad-request","message":"the body cannot be read: a request has at most 32 DNS answers"#;
        assert!(said.starts_with(text), "{said:?}");
    }
}

#[tokio::test]
async fn unread_responses_hold_memory() {
    let api = test_router();
    start_instance_and_pause_clock(&api).await;
    // 10,000 requests, so that the response is much longer than the body.
    let questions = format!("[{}]", vec![r#"{"reference":"alpine"}"#; 10_000].join(","));
    let mut unread = Vec::new();
    for _ in 0..16 {
        unread.push(ask(&api, "POST /v1/decide", questions.clone()).await);
    }
    let answered = unread.iter().take_while(|response| response.status() == StatusCode::OK).count();
    assert!((8..16).contains(&answered), "{answered}");
    assert!(unread.drain(answered..).all(|response| response.status() == StatusCode::SERVICE_UNAVAILABLE));
    drop(unread);
    assert_eq!(ask(&api, "POST /v1/decide", questions).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn only_root_and_the_own_user_ask_for_containerd() {
    let state = Arc::new(test_state());
    let api = router(Arc::clone(&state), Router::new());
    let claim = r#"{"reference": "alpine", "frontend": "containerd"}"#;
    let own = rustix::process::geteuid().as_raw();
    for user in [0, own] {
        assert_eq!(ask_as(&api, user, "POST /v1/decide", claim).await.status(), StatusCode::OK);
        assert_eq!(ask_as(&api, user, "POST /v1/decide", format!("[{claim}]")).await.status(), StatusCode::OK);
    }
    for body in [claim.to_owned(), format!("[{claim}]")] {
        for refused in
            [ask(&api, "POST /v1/decide", body.clone()).await, ask_as(&api, own + 1, "POST /v1/decide", body).await]
        {
            assert_eq!(refused.status(), StatusCode::FORBIDDEN);
            assert!(text(refused).await.starts_with(br#"{"code":"not-a-runtime""#));
        }
    }
    let given = r#"{"reference": "alpine", "frontend": "containerd", "dnsAnswers": [
        {"kind": "forward", "subject": "a", "answers": []}]}"#;
    assert_eq!(ask_as(&api, own, "POST /v1/decide", given).await.status(), StatusCode::BAD_REQUEST);
    let metrics = state.admission.metrics().to_openmetrics();
    assert!(metrics.contains(r#"{frontend="containerd",decision="allow",reason="matched"} 4"#), "{metrics}");
}

#[tokio::test]
async fn dns_answers_beyond_their_bounds_are_refused() {
    let api = test_router();
    let answers = |number: usize, values: usize, length: usize| {
        let value = format!("\"{}\"", "x".repeat(length));
        let answer =
            format!(r#"{{"kind":"reverse","subject":"10.0.0.1","answers":[{}]}}"#, vec![value; values].join(","));
        format!(r#"{{"reference":"alpine","dnsAnswers":[{}]}}"#, vec![answer; number].join(","))
    };
    for (body, status) in [
        (answers(32, 16, 253), StatusCode::OK),
        (answers(33, 0, 0), StatusCode::BAD_REQUEST),
        (answers(1, 257, 0), StatusCode::BAD_REQUEST),
        (answers(1, 1, 254), StatusCode::BAD_REQUEST),
    ] {
        for path in ["/v1/decide", "/v1/explain"] {
            assert_eq!(ask(&api, &format!("POST {path}"), body.clone()).await.status(), status);
        }
    }
    let long = format!("[{}]", vec!["{}"; 10_001].join(","));
    assert_eq!(ask(&api, "POST /v1/decide", long).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn explanations_of_the_own_policy_take_turns() {
    let state = Arc::new(test_state());
    let api = router(Arc::clone(&state), Router::new());
    start_instance_and_pause_clock(&api).await;
    let question = r#"{"reference": "alpine"}"#;
    let held = [
        state.resources.own_explain_limit.acquire().await.unwrap(),
        state.resources.own_explain_limit.acquire().await.unwrap(),
    ];
    assert_eq!(ask(&api, "POST /v1/explain", question).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&api, "POST /v1/decide", question).await.status(), StatusCode::OK);
    let policy = r#"{"reference": "alpine", "policy": {}}"#;
    assert_eq!(ask(&api, "POST /v1/explain", policy).await.status(), StatusCode::OK);
    drop(held);
    assert_eq!(ask(&api, "POST /v1/explain", question).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn policies_that_are_not_small_take_turns() {
    let state = Arc::new(test_state());
    let api = router(Arc::clone(&state), Router::new());
    let entries = vec![r#""10.0.0.1""#; 2_000].join(",");
    let bodies = [
        ("/v1/check", format!(r#"{{"whitelist":[{entries}]}}"#)),
        ("/v1/probe", format!(r#"{{"registry":"alpine.invalid","policy":{{"whitelist":[{entries}]}}}}"#)),
        ("/v1/explain", format!(r#"{{"reference":"alpine","policy":{{"whitelist":[{entries}]}}}}"#)),
    ];
    let limit = &state.resources.document_limits.medium;
    let held = [limit.acquire().await.unwrap(), limit.acquire().await.unwrap()];
    for (path, body) in &bodies {
        let refused = ask(&api, &format!("POST {path}"), body.clone()).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    drop(held);
    for (path, body) in bodies {
        assert_eq!(ask(&api, &format!("POST {path}"), body).await.status(), StatusCode::OK, "{path}");
    }
}
