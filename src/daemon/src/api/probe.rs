//! The endpoint of the connection probe.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::ApiState;
use crate::api::decide::{evaluator_for, internal_error, parse_json};
use crate::api::error::ApiError;
use crate::api::request_body::{self, BufferedBody};
use crate::util::strict_json::JsonObject;
use pullgate_connect::probe::{NO_REGISTRY_MESSAGE, is_blank};

/// A request to probe a registry.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeRequest {
    /// The registry, as `docker login` takes it.
    registry: String,
    /// The project of the request.
    project: Option<String>,
    /// A policy document to use in place of the daemon's own.
    #[schema(value_type = Option<Object>)]
    policy: Option<Box<RawValue>>,
}

/// Connects to a registry in the ways that the policy allows, and no other.
#[utoipa::path(post, path = "/v1/probe", request_body = ProbeRequest, responses(
    (status = 200, body = Object, description = "the report"),
    (status = 400, body = ApiError),
    (status = 413, body = ApiError, description = "longer than the longest policy"),
    (status = 503, body = ApiError, description = "too many connections are tested at the moment")
))]
pub async fn probe(State(context): State<Arc<ApiState>>, body: Body) -> Result<Response, ApiError> {
    let work = &context.resources;
    // The permit is acquired before the body is read, so that waiting requests hold no memory.
    let _probing = match work.probe_limit.acquire().await {
        Ok(turn) => turn,
        Err(busy) => return Err(request_body::drain_and_reject(body, busy).await),
    };
    let BufferedBody { text, permit, policy_permit: _policy } =
        request_body::read_document(body, &work.request_memory, &work.document_limits).await?;
    let JsonObject(ProbeRequest { registry, project, policy }) = parse_json(&text)?;
    if is_blank(&registry) {
        return Err(ApiError::bad_request(NO_REGISTRY_MESSAGE));
    }
    let evaluator = evaluator_for(&context, policy.as_deref()).await?;
    // The probe takes long and no longer needs the document. A loaded large policy stays in memory, and so does its
    // permit.
    drop((policy, text, permit));
    let prober = work.prober().await.map_err(|error| internal_error(error.to_string()))?;
    Ok(Json(prober.probe(&evaluator, &registry, project.as_deref()).await).into_response())
}
