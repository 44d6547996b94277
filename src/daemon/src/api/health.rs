//! How the daemon is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{ApiState, HealthState};

/// What Prometheus wants to be told that the text is (OpenMetrics 1.0).
const OPENMETRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The module that decides here.
#[derive(Serialize, ToSchema)]
pub struct ModuleInfo {
    /// The SHA-256 of the core module, in lower-case hexadecimal: that of the file in the npm package.
    sha256: String,
    /// The SHA-256 of the component around it.
    component: String,
    /// The version of pullgate.
    version: &'static str,
}

/// Which module decides.
#[utoipa::path(get, path = "/v1/module", responses((status = 200, body = ModuleInfo)))]
pub async fn module(State(context): State<Arc<ApiState>>) -> Json<ModuleInfo> {
    let module = context.admission.policy_store().module();
    Json(ModuleInfo {
        sha256: module.digest().to_owned(),
        component: module.component_digest().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = str, description = "it does")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether it may be asked: it has a policy, and is not about to stop.
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, body = str, description = "it may"), (status = 503, body = str, description = "it is stopping")
))]
pub async fn readyz(State(health): State<Arc<HealthState>>) -> (StatusCode, &'static str) {
    if *health.stopping.borrow() { (StatusCode::SERVICE_UNAVAILABLE, "stopping\n") } else { (StatusCode::OK, "ok\n") }
}

/// The counters, as OpenMetrics text.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = str)))]
pub async fn metrics(State(health): State<Arc<HealthState>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS_CONTENT_TYPE)], health.admission.metrics().to_openmetrics())
}
