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
use crate::server::load_shed::{AGAIN, Budget, Busy, Room, SHORT, gather, whole};

/// Where the validating admission webhook is served.
pub const VALIDATE: &str = "/kubernetes/validate";

/// Where the image policy webhook is served.
pub const IMAGE_POLICY: &str = "/kubernetes/imagepolicy";

/// The largest review that is read. An object in a request has at most 3 MiB, and an update comes with the object as it was.
pub const LARGEST: usize = 8 << 20;

/// How much of reviews is in memory at once, in bytes. What is short does not count ([`SHORT`]).
const ROOM: usize = 64 << 20;

/// The time for one review. What is not decided by then is denied with a reason, which the API server would not have:
/// by default it waits 10 seconds.
pub const LONGEST: Duration = Duration::from_secs(8);

/// How long a review may take to arrive and to be decided, and what is said of one that takes longer.
const ARRIVAL: Duration = Duration::from_secs(15);
const SLOW: StatusCode = StatusCode::REQUEST_TIMEOUT;

/// The two webhooks.
pub fn router(admission: Arc<Admission>) -> Router {
    Router::new()
        .route(VALIDATE, post(validating_webhook::answer).layer(TimeoutLayer::with_status_code(SLOW, ARRIVAL)))
        .route(IMAGE_POLICY, post(image_review::answer))
        .with_state(Webhooks { admission, rooms: Budget::new(ROOM, "too many large reviews are read at the moment") })
}

/// What both have at hand.
#[derive(Clone)]
struct Webhooks {
    admission: Arc<Admission>,
    rooms: Budget,
}

impl Webhooks {
    /// Reads a review. It has its room until that is dropped.
    async fn read(&self, mut body: Body) -> Result<(String, Room), Unread> {
        let mut bytes = Vec::new();
        let mut room = None;
        if !gather(&mut body, &mut bytes, SHORT).await? {
            room = self.rooms.room(whole(&body, bytes.len(), LARGEST)).await?;
            if !gather(&mut body, &mut bytes, LARGEST).await? {
                return Err(Unread::TooLong);
            }
        }
        Ok((String::from_utf8(bytes).map_err(|_| Unread::NoText)?, room))
    }
}

/// Why a review was not read.
#[derive(Debug, Error)]
enum Unread {
    #[error("it is not UTF-8")]
    NoText,
    #[error("it has more than {LARGEST} bytes")]
    TooLong,
    #[error("it broke off: {0}")]
    BrokeOff(#[from] axum::Error),
    #[error("{0}")]
    Busy(#[from] Busy),
}

/// The API server takes each for a failure of the webhook, which is a denial with `failurePolicy: Fail`.
impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NoText | Self::BrokeOff(_) => StatusCode::BAD_REQUEST,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let again = matches!(self, Self::Busy(_)).then(|| AppendHeaders([(RETRY_AFTER, AGAIN)]));
        (status, again, format!("the review cannot be read: {self}")).into_response()
    }
}
