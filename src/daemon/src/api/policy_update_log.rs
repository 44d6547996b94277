//! The log of those who change the policy, or try to. Whatever refuses it, it is seen here.

use std::panic::resume_unwind;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::task::JoinError;

use crate::api::error::LoggedError;
use crate::server::Peer;

/// Says who sent another policy, and what became of it; never what they bear to be known.
pub async fn log_policy_updates(request: Request, next: Next) -> Response {
    if request.method() != Method::PUT || request.uri().path() != "/v1/policy" {
        return next.run(request).await;
    }
    // To its end, even if whoever sent it is gone by then: the policy may be another one all the same.
    match tokio::spawn(log_response(request, next)).await.map_err(JoinError::try_into_panic) {
        Ok(response) => response,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn log_response(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map_or_else(|| "unknown".to_owned(), |peer| peer.name.clone());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    match response.extensions().get::<LoggedError>() {
        None if response.status().is_success() => tracing::info!(peer, status, "the policy came over the API"),
        None => tracing::warn!(peer, status, "a policy that came over the API was refused"),
        Some(LoggedError { code, message }) => {
            tracing::warn!(peer, status, code, why = message, "a policy that came over the API was refused");
        }
    }
    response
}
