//! Kubernetes' two webhooks: the validating admission webhook and the image policy webhook.
//!
//! Both turn what the API server sends into the images that it names, and ask about each. What cannot be read to its end
//! is denied: an image that is not seen is not allowed. TLS is the listener's, see [`server`](crate::server).

mod admission_review;
mod evaluate;
mod generic_images;
mod image;
mod image_review;
mod pod_images;
mod sanitize;
mod validating_webhook;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::post;
use thiserror::Error;
use tower_http::timeout::TimeoutLayer;

use crate::admission::Admission;
use crate::server::load_shed::{
    MemoryBudget, Overloaded, Permit, RETRY_AFTER_SECS, SMALL_BODY_BYTES, expected_len, read_up_to,
};

/// Where the validating admission webhook is served.
pub const VALIDATE_PATH: &str = "/kubernetes/validate";

/// Where the image policy webhook is served.
pub const IMAGE_POLICY_PATH: &str = "/kubernetes/imagepolicy";

/// The largest review that is read. An object in a request has at most 3 MiB, and an update comes with the object as it was.
pub const MAX_REVIEW_BYTES: usize = 8 << 20;

/// How much of reviews is in memory at once, in bytes. What is short does not count ([`SHORT`]).
const MEMORY_BUDGET: usize = 64 << 20;

/// The time for one review. What is not decided by then is denied with a reason, which the API server would not have:
/// by default it waits 10 seconds.
pub const DECISION_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a review may take to arrive and to be decided, and what is said of one that takes longer.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
const TIMEOUT_STATUS: StatusCode = StatusCode::REQUEST_TIMEOUT;

/// The two webhooks.
pub fn router(admission: Arc<Admission>) -> Router {
    Router::new()
        .route(
            VALIDATE_PATH,
            post(validating_webhook::handle_review).layer(TimeoutLayer::with_status_code(TIMEOUT_STATUS, READ_TIMEOUT)),
        )
        .route(IMAGE_POLICY_PATH, post(image_review::handle_review))
        .with_state(WebhookState {
            admission,
            memory: MemoryBudget::new(MEMORY_BUDGET, "too many large reviews are read at the moment"),
        })
}

/// What both have at hand.
#[derive(Clone)]
struct WebhookState {
    admission: Arc<Admission>,
    memory: MemoryBudget,
}

impl WebhookState {
    /// Reads a review. It has its room until that is dropped.
    async fn read_review(&self, mut body: Body) -> Result<(String, Permit), ReadError> {
        let mut bytes = Vec::new();
        let mut room = None;
        if !read_up_to(&mut body, &mut bytes, SMALL_BODY_BYTES).await? {
            room = self.memory.acquire(expected_len(&body, bytes.len(), MAX_REVIEW_BYTES)).await?;
            if !read_up_to(&mut body, &mut bytes, MAX_REVIEW_BYTES).await? {
                return Err(ReadError::TooLarge);
            }
        }
        Ok((String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)?, room))
    }
}

/// Why a review was not read.
#[derive(Debug, Error)]
enum ReadError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it has more than {MAX_REVIEW_BYTES} bytes")]
    TooLarge,
    #[error("it broke off: {0}")]
    Interrupted(#[from] axum::Error),
    #[error("{0}")]
    Overloaded(#[from] Overloaded),
}

/// The API server takes each for a failure of the webhook, which is a denial with `failurePolicy: Fail`.
impl IntoResponse for ReadError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotUtf8 | Self::Interrupted(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Overloaded(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let again = matches!(self, Self::Overloaded(_)).then(|| AppendHeaders([(RETRY_AFTER, RETRY_AFTER_SECS)]));
        (status, again, format!("the review cannot be read: {self}")).into_response()
    }
}
