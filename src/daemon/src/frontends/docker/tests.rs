//! The whole plugin, called as dockerd calls it.

mod dockerd_model;
mod fuzz;
mod operation_table;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pullgate_host::Module;
use pullgate_source::PolicyFile;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{DockerOptions, router};
use crate::admission::Admission;
use crate::admission::audit_log::{AuditLog, AuditSink};
use crate::policy::store::PolicyStore;
use crate::settings::{CreateDecision, OperationPermission};

/// Whitelist mode with one registry.
const POLICY: &str = r#"{"whitelist": ["good.example"]}"#;

fn admission(policy: &'static str) -> Arc<Admission> {
    let (policies, _) = PolicyStore::load(
        Module::built_in().unwrap(),
        PolicyFile::built_in(policy),
        pullgate_host::EvaluatorOptions::default(),
    )
    .unwrap();
    let audit = AuditLog::open(&AuditSink::Off).unwrap();
    Arc::new(Admission::new(Arc::new(policies), audit))
}

fn plugin_router(policy: &'static str) -> Router {
    router(admission(policy), DockerOptions::default())
}

/// Returns a plugin that lets the rules decide about the images of containers, too.
fn deciding_router(policy: &'static str) -> Router {
    router(admission(policy), DockerOptions { creates: CreateDecision::Decide, ..DockerOptions::default() })
}

/// Sends a call. The response must be 200, JSON, and of the plugin's media type.
async fn call(router: &Router, path: &str, body: impl Into<Body>) -> Value {
    let request = Request::post(path).body(body.into()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/vnd.docker.plugins.v1.2+json");
    serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap()
}

/// Requests a decision. Returns whether it is allowed, and the message.
async fn ask(router: &Router, request: &Value) -> (bool, String) {
    let reply = call(router, "/AuthZPlugin.AuthZReq", request.to_string()).await;
    (reply["Allow"].as_bool().unwrap(), reply["Msg"].as_str().unwrap_or_default().to_owned())
}

/// Returns a request without a body, as Docker's clients send it.
fn empty(method: &str, uri: &str) -> Value {
    let mut request = json!({"RequestMethod": method, "RequestUri": uri});
    if method == "POST" {
        request["RequestHeaders"] = json!({"Content-Length": "0", "User-Agent": "Docker-Client/28.2.2 (linux)"});
    }
    request
}

/// Returns a request with a JSON body.
fn with_json(uri: &str, body: &str) -> Value {
    json!({
        "RequestMethod": "POST",
        "RequestUri": uri,
        "RequestHeaders": {"Content-Length": body.len().to_string(), "Content-Type": "application/json"},
        "RequestBody": STANDARD.encode(body),
    })
}

#[tokio::test]
async fn terminal_controls_are_escaped() {
    for request in [
        "/v1.51/images/create?fromImage=evil.example%2fx%1b%5b31mRED%c2%9b31m%e2%80%ae",
        "/v1.51/a%1b/b%c2%9b%e2%80%ae",
        "/v1.51/plugins/pull?remote=evil.example%2fx%1b%5b31m",
    ] {
        let (allowed, message) = ask(&plugin_router(POLICY), &empty("POST", request)).await;
        assert!(!allowed && !message.is_empty(), "{request}");
        assert!(!message.contains(pullgate::display::is_unsafe_for_display), "{request}: {message:?}");
    }
}
