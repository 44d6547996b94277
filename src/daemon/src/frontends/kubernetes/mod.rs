//! Kubernetes' two webhooks: the validating admission webhook and the image policy webhook.
//!
//! Both extract the images of a review and decide each. A review that cannot be read completely is denied, since an
//! unseen image must not be allowed. TLS is terminated by the listener, see [`server`](crate::server).

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

use crate::admission::Admission;
use crate::server::load_shed::{BodyError, MemoryBudget, Permit, RETRY_AFTER_SECS};
use crate::settings::Settings;

/// Path of the validating admission webhook.
pub const VALIDATE_PATH: &str = "/kubernetes/validate";

/// Path of the image policy webhook.
pub const IMAGE_POLICY_PATH: &str = "/kubernetes/imagepolicy";

/// Maximum size of a review in bytes. An object has at most 3 MiB, and an update also carries the old object.
pub const MAX_REVIEW_BYTES: usize = 8 << 20;

/// Memory budget for reviews in bytes. Reviews of up to [`SMALL_BODY_BYTES`](crate::server::load_shed::SMALL_BODY_BYTES)
/// do not count.
const MEMORY_BUDGET: usize = 64 << 20;

/// The memory that one byte of a review becomes at most, its text included: a member of an unknown kind.
const REVIEW_EXPANSION: usize = 6;

/// Timeout for the decisions of one review, below the API server's 10 seconds, so that a denial carries the reason.
pub const DECISION_TIMEOUT: Duration = Duration::from_secs(8);

/// Timeout for reading a review.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// Options of both webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesOptions {
    /// Names that a template may have for another webhook to replace in its pods, such as `auto` of Istio. No rule
    /// decides them, and a pod that still has one is denied: validating webhooks run after all mutating ones.
    pub open_images: Vec<String>,
}

impl From<&Settings> for KubernetesOptions {
    fn from(settings: &Settings) -> Self {
        Self { open_images: settings.kubernetes_open_images.clone() }
    }
}

/// Returns the routes of both webhooks.
pub fn router(admission: Arc<Admission>, options: KubernetesOptions) -> Router {
    Router::new()
        .route(VALIDATE_PATH, post(validating_webhook::handle_review))
        .route(IMAGE_POLICY_PATH, post(image_review::handle_review))
        .with_state(WebhookState {
            admission,
            options: Arc::new(options),
            memory: MemoryBudget::new(MEMORY_BUDGET, "too many large reviews are read at the moment")
                .with_expansion(REVIEW_EXPANSION),
        })
}

/// State shared by both webhooks.
#[derive(Clone)]
struct WebhookState {
    admission: Arc<Admission>,
    options: Arc<KubernetesOptions>,
    memory: MemoryBudget,
}

impl WebhookState {
    /// Reads a review. The permit holds its memory.
    async fn read_review(&self, mut body: Body) -> Result<(String, Permit), ReadError> {
        let (mut bytes, mut permit) = (Vec::new(), None);
        if !self.memory.read_body(&mut body, &mut bytes, &mut permit, MAX_REVIEW_BYTES, READ_TIMEOUT).await? {
            return Err(ReadError::TooLarge);
        }
        Ok((String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)?, permit))
    }
}

/// The error of an unread review.
#[derive(Debug, Error)]
enum ReadError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it has more than {MAX_REVIEW_BYTES} bytes")]
    TooLarge,
    #[error("{0}")]
    Body(#[from] BodyError),
}

impl ReadError {
    /// Returns the stable code of the denial.
    fn code(&self) -> &'static str {
        match self {
            Self::Body(BodyError::Overloaded(_)) => "busy",
            _ => "malformed-review",
        }
    }
}

/// The API server takes each status for a failure of the webhook, which denies with `failurePolicy: Fail`.
impl IntoResponse for ReadError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotUtf8 | Self::Body(BodyError::Interrupted(_)) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::Stalled | BodyError::TimedOut(_)) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(BodyError::Overloaded(_)) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let is_busy = status == StatusCode::SERVICE_UNAVAILABLE;
        let again = is_busy.then(|| AppendHeaders([(RETRY_AFTER, RETRY_AFTER_SECS)]));
        (status, again, format!("the review cannot be read: {self}")).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_images_are_those_of_the_settings() {
        let settings = Settings { kubernetes_open_images: vec!["auto".to_owned()], ..Settings::default() };
        assert_eq!(KubernetesOptions::from(&settings), KubernetesOptions { open_images: vec!["auto".to_owned()] });
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_overload_is_answered_with_retry_after() {
        const BYTES: usize = 16 << 10;
        let memory = MemoryBudget::new(BYTES, "too much is read at the moment");
        let _held = memory.acquire(BYTES).await.unwrap();
        let overload = BodyError::from(memory.acquire(BYTES).await.unwrap_err());
        for (error, code, status, again) in [
            (ReadError::from(overload), "busy", 503, Some("10")),
            (ReadError::TooLarge, "malformed-review", 413, None),
            (ReadError::NotUtf8, "malformed-review", 400, None),
        ] {
            assert_eq!(error.code(), code);
            let response = error.into_response();
            let header = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!((response.status().as_u16(), header), (status, again), "{code}");
        }
    }
}
