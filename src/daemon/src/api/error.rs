//! Errors of the API.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::load_shed::{Overloaded, RETRY_AFTER_SECS};

/// An error response.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiError {
    #[serde(skip)]
    status: StatusCode,
    /// The stable code, for programs.
    code: &'static str,
    /// The message, human-readable.
    message: String,
}

impl ApiError {
    /// Creates an error with a stable code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Returns the error for a malformed request.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    /// Returns the error for a request that a stopping daemon does not complete.
    pub fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "the daemon is stopping")
    }

    /// Returns the error for an unknown path.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing at this path: see /v1/openapi.json")
    }

    /// Returns the error for a known path with another method.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "this path has other methods: see /v1/openapi.json",
        )
    }
}

/// A response extension with the error, for the log.
#[derive(Clone, Debug)]
pub struct LoggedError {
    /// The code of the [`ApiError`].
    pub code: &'static str,
    /// The message of the [`ApiError`].
    pub message: String,
}

impl From<Overloaded> for ApiError {
    fn from(busy: Overloaded) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", busy.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let refusal = LoggedError { code: self.code, message: self.message.clone() };
        let is_busy = self.status == StatusCode::SERVICE_UNAVAILABLE;
        let again = is_busy.then(|| AppendHeaders([(RETRY_AFTER, RETRY_AFTER_SECS)]));
        (self.status, again, Extension(refusal), Json(self)).into_response()
    }
}
