//! The endpoints that read and replace the policy.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::ApiState;
use crate::api::decide::internal_error;
use crate::api::error::ApiError;
use crate::api::request_body;
use crate::policy::reload;
use crate::policy::store::{Generation, PolicyError};

/// The number of the generation in a header: a response without a body has it, too.
pub const GENERATION_HEADER: HeaderName = HeaderName::from_static("pullgate-generation");

/// The current policy with its identity.
#[derive(Serialize, ToSchema)]
pub struct CurrentPolicy<'a> {
    /// Number of the generation; it counts up from 1 with each new policy.
    generation: u64,
    /// SHA-256 of the document in canonical form; the `ETag` too.
    sha256: &'a str,
    /// The document in canonical form.
    #[schema(value_type = Object)]
    policy: &'a RawValue,
}

/// Returns the current policy. With `If-None-Match`, only if it is another one than that of the `ETag`.
#[utoipa::path(get, path = "/v1/policy", responses(
    (status = 200, body = CurrentPolicy),
    (status = 304, description = "the policy is that of `If-None-Match`; `pullgate-generation` has its generation")
))]
pub async fn get_policy(State(context): State<Arc<ApiState>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let generation = context.admission.current_policy();
    if is_known(&headers, &generation.etag()) {
        return Ok((StatusCode::NOT_MODIFIED, identity_headers(&generation)).into_response());
    }
    policy_response(&context, &generation)
}

/// Returns whether `If-None-Match` lists an entity tag (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    tags.flat_map(|tags| tags.split(',')).any(|tag| matches!(tag.trim(), tag if tag == "*" || tag == etag))
}

/// Replaces the policy: the document is checked, written to disk, and then takes effect; or it is refused and nothing
/// changes.
///
/// With `If-Match`, only if the current policy has this `ETag`.
#[utoipa::path(put, path = "/v1/policy", request_body(content = Object, description = "the document, JSON"), responses(
    (status = 200, body = CurrentPolicy),
    (status = 400, body = ApiError),
    (status = 401, body = ApiError, description = "neither the token nor a client certificate"),
    (status = 403, body = ApiError, description = "updates are off"),
    (status = 412, body = ApiError, description = "the policy is another one than `If-Match` says"),
    (status = 413, body = ApiError, description = "longer than the longest policy"),
    (status = 422, body = ApiError, description = "the document has errors, or the policy file cannot be written")
))]
pub async fn put_policy(
    State(context): State<Arc<ApiState>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if !context.allow_policy_updates {
        let message = "policy updates are off: start the daemon with --allow-policy-updates";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "updates-off", message));
    }
    let body = request_body::read_policy(body).await?;
    let admission = &context.admission;
    let wanted = headers.get(IF_MATCH).map(|tag| tag.to_str().unwrap_or_default().to_owned());
    match reload::replace(admission, body, wanted.as_deref()).await {
        Ok(()) => policy_response(&context, &context.admission.current_policy()),
        Err(PolicyError::Outdated(message)) => {
            Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "another-policy", message))
        }
        Err(error) => Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "policy-refused", error.to_string())),
    }
}

fn policy_response(context: &ApiState, generation: &Generation) -> Result<Response, ApiError> {
    let text =
        context.resources.policy_cache.get_or_render(generation).map_err(|error| internal_error(error.to_string()))?;
    Ok((identity_headers(generation), [(CONTENT_TYPE, "application/json")], text).into_response())
}

fn identity_headers(generation: &Generation) -> [(HeaderName, String); 2] {
    [(ETAG, generation.etag()), (GENERATION_HEADER, generation.number.to_string())]
}

/// The response for one policy, with the number of its generation. It is as long as the policy and needs no
/// authentication on local listeners, so all responses share it.
#[derive(Default)]
pub struct PolicyResponseCache(Mutex<Option<(u64, Bytes)>>);

impl PolicyResponseCache {
    fn get_or_render(&self, generation: &Generation) -> serde_json::Result<Bytes> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((number, text)) = &*last
            && *number == generation.number
        {
            return Ok(text.clone());
        }
        let policy = serde_json::from_str(&generation.canonical)?;
        let current = CurrentPolicy { generation: generation.number, sha256: &generation.sha256, policy };
        let text = Bytes::from(serde_json::to_vec(&current)?);
        *last = Some((generation.number, text.clone()));
        Ok(text)
    }
}
