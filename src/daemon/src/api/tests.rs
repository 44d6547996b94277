//! Resource limits of the API, tested without a listener.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::http::header::RETRY_AFTER;
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

fn test_router() -> Router {
    let policy = PolicyFile::built_in(r#"{"whitelist": ["docker.io"]}"#);
    let (policies, _) = PolicyStore::load(Module::built_in().unwrap(), policy, EvaluatorOptions::default()).unwrap();
    let admission = Arc::new(Admission::new(Arc::new(policies), AuditLog::open(&AuditSink::Off).unwrap()));
    let guard = AccessPolicy::new(None, true, false);
    router(
        Arc::new(ApiState {
            admission,
            resources: ApiResources::new(None),
            allow_policy_updates: false,
            access_policy: guard,
        }),
        Router::new(),
    )
}

async fn ask(api: &Router, line: &str, body: impl Into<Body>) -> Response {
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
    api.clone().oneshot(request).await.unwrap()
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
        assert!(said.starts_with(br#"{"code":"bad-request","message":"a request has at most 32 DNS answers"#), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn unread_responses_hold_memory() {
    let api = test_router();
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
