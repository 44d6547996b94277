//! Kubernetes' two webhooks: the validating admission webhook and the image policy webhook.
//!
//! Both turn what the API server sends into the images that it names, and ask about each. What cannot be read to its end
//! is denied: an image that is not seen is not allowed. TLS is the listener's, see [`server`](crate::server).

mod image_policy;
mod images;
mod object;
mod review;
mod shown;
mod validate;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::post;
use tower_http::timeout::TimeoutLayer;

use crate::admission::Admission;

/// Where the validating admission webhook is served.
pub const VALIDATE: &str = "/kubernetes/validate";

/// Where the image policy webhook is served.
pub const IMAGE_POLICY: &str = "/kubernetes/imagepolicy";

/// The largest review that is read. An object in a request has at most 3 MiB, and an update comes with the object as it was.
pub const LARGEST: usize = 8 << 20;

/// The time for one review. What is not decided by then is denied with a reason, which the API server would not have:
/// by default it waits 10 seconds.
pub const LONGEST: Duration = Duration::from_secs(8);

/// How long a review may take to arrive and to be decided, and what is said of one that takes longer.
const ARRIVAL: Duration = Duration::from_secs(15);
const SLOW: StatusCode = StatusCode::REQUEST_TIMEOUT;

/// The two webhooks.
pub fn router(admission: Arc<Admission>) -> Router {
    Router::new()
        .route(VALIDATE, post(validate::answer).layer(TimeoutLayer::with_status_code(SLOW, ARRIVAL)))
        .route(IMAGE_POLICY, post(image_policy::answer))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(admission)
}
