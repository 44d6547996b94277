//! The endpoints for monitoring and the module's identity.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admission::enforcement::FrontendEnforcement;
use crate::admission::request::Frontend;
use crate::api::{ApiState, HealthState};

/// The content type of OpenMetrics 1.0 text.
const OPENMETRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The module that decides.
#[derive(Serialize, ToSchema)]
pub struct ModuleInfo {
    /// SHA-256 of the core module in lower-case hexadecimal, the same as that of the file in the npm package.
    sha256: String,
    /// SHA-256 of the component around it.
    component: String,
    /// The version of pullgate.
    version: &'static str,
}

/// Returns the module's identity.
#[utoipa::path(get, path = "/v1/module", responses((status = 200, body = ModuleInfo)))]
pub async fn module(State(context): State<Arc<ApiState>>) -> Json<ModuleInfo> {
    let module = context.admission.policy_store().module();
    Json(ModuleInfo {
        sha256: module.digest().to_owned(),
        component: module.component_digest().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// The daemon, as far as its settings say how it decides.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaemonInfo {
    /// The version of pullgate.
    version: &'static str,
    /// The frontends that are served: `docker`, `kubernetes`, `gate`, and `containerd` where its settings are given.
    #[schema(value_type = Vec<String>)]
    frontends: Vec<Frontend>,
    /// The effect of a denial for each frontend: `deny`, or `audit`, which refuses nothing.
    #[schema(value_type = Object)]
    enforcement: FrontendEnforcement,
    /// True if a policy without `whitelist` is refused.
    require_whitelist: bool,
    /// True if `PUT /v1/policy` takes policies.
    allow_policy_updates: bool,
}

/// Returns how the daemon decides.
#[utoipa::path(get, path = "/v1/daemon", responses((status = 200, body = DaemonInfo)))]
pub async fn daemon(State(context): State<Arc<ApiState>>) -> Json<DaemonInfo> {
    Json(DaemonInfo {
        version: env!("CARGO_PKG_VERSION"),
        frontends: context.frontends.clone(),
        enforcement: context.admission.enforcement(),
        require_whitelist: context.admission.policy_store().requires_whitelist(),
        allow_policy_updates: context.allow_policy_updates,
    })
}

/// Liveness: the process runs.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = str, description = "it does")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Readiness: a policy is loaded, and the daemon is not stopping.
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, body = str, description = "it may"), (status = 503, body = str, description = "it is stopping")
))]
pub async fn readyz(State(health): State<Arc<HealthState>>) -> (StatusCode, &'static str) {
    if *health.stopping.borrow() { (StatusCode::SERVICE_UNAVAILABLE, "stopping\n") } else { (StatusCode::OK, "ok\n") }
}

/// The metrics as OpenMetrics text.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = str)))]
pub async fn metrics(State(health): State<Arc<HealthState>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS_CONTENT_TYPE)], health.admission.metrics().to_openmetrics())
}
