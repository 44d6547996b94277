//! What the API answers where it has no answer.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::load_shed::{Overloaded, RETRY_AFTER_SECS};

/// Why there is no answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiError {
    #[serde(skip)]
    status: StatusCode,
    /// What it is, for programs.
    code: &'static str,
    /// What it is, for people.
    message: String,
}

impl ApiError {
    /// An error with a stable code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    /// There is nothing at this path.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing at this path: see /v1/openapi.json")
    }

    /// The path has other methods.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "this path has other methods: see /v1/openapi.json",
        )
    }
}

/// What an answer carries for the log: the error that it is.
#[derive(Clone, Debug)]
pub struct LoggedError {
    /// As in [`Error`].
    pub code: &'static str,
    /// As in [`Error`].
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
