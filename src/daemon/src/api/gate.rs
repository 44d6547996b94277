//! Recent traffic of the gate.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admission::recent_registries::RecentRegistry;
use crate::api::ApiState;

/// The registries that the clients of the gate asked for.
#[derive(Serialize, ToSchema)]
pub struct GateInfo {
    /// The registries, the last one first; at most 256, since the start of the daemon.
    registries: Vec<RecentRegistry>,
}

/// Returns what went through the gate lately: each registry with its requests and with the second hosts that it refers to.
#[utoipa::path(get, path = "/v1/gate", responses((status = 200, body = GateInfo)))]
pub async fn gate(State(context): State<Arc<ApiState>>) -> Json<GateInfo> {
    Json(GateInfo { registries: context.admission.recent_registries().list() })
}
