//! The image policy webhook (`imagepolicy.k8s.io/v1alpha1`).
//!
//! Every response is a review with status 200, even to malformed input: the API server treats an error by its
//! configuration, and `defaultAllow: true` would make it a permission.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::evaluate::{self, ReviewContext};
use super::image::{Image, MAX_CONTAINERS, MAX_IMAGES};
use super::{ReadError, WebhookState, sanitize};
use crate::admission::Frontend;
use crate::util::bounded_list::TruncatedList;
use crate::util::strict_json::JsonObject;

const API_VERSION: &str = "imagepolicy.k8s.io/v1alpha1";
const KIND: &str = "ImageReview";

/// An image review. Its annotations are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageReview<'a> {
    #[serde(borrow)]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    spec: JsonObject<ImageReviewSpec>,
}

#[derive(Deserialize)]
struct ImageReviewSpec {
    containers: TruncatedList<JsonObject<ImageReviewContainerSpec>, MAX_CONTAINERS>,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct ImageReviewContainerSpec {
    image: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageReviewResponse {
    api_version: &'static str,
    kind: &'static str,
    status: ImageReviewStatus,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageReviewStatus {
    allowed: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    audit_annotations: BTreeMap<&'static str, String>,
}

impl ImageReviewStatus {
    /// Creates a status. The reason of a permission is left out, as the API server shows only that of a denial.
    fn new(allowed: bool, reason: String, audit_annotations: BTreeMap<&'static str, String>) -> Self {
        Self { allowed, reason: if allowed { String::new() } else { reason }, audit_annotations }
    }
}

/// An error of a review that is not decided. The texts are human-readable.
#[derive(Debug, Error)]
enum ImageReviewError {
    #[error("the review cannot be read: {0}")]
    Unreadable(String),
    #[error("this is no {KIND} of {API_VERSION}")]
    WrongKind,
}

/// Handles a review.
pub async fn handle_review(State(webhooks): State<WebhookState>, body: Body) -> Json<ImageReviewResponse> {
    let read = webhooks.read_review(body).await;
    let review = parse_review(read.as_ref().map(|(text, _)| text.as_str()));
    let unread = read.as_ref().map_or_else(ReadError::code, |_| "malformed-review");
    let status = decide(&webhooks, review, unread).await;
    Json(ImageReviewResponse { api_version: API_VERSION, kind: KIND, status })
}

fn parse_review(read: Result<&str, &ReadError>) -> Result<ImageReviewSpec, ImageReviewError> {
    let text = read.map_err(|unread| ImageReviewError::Unreadable(unread.to_string()))?;
    let JsonObject::<ImageReview<'_>>(review) = serde_json::from_str(text)
        .map_err(|error| ImageReviewError::Unreadable(sanitize::sanitize_json_error(&error)))?;
    if review.api_version != API_VERSION || review.kind != KIND {
        return Err(ImageReviewError::WrongKind);
    }
    Ok(review.spec.0)
}

/// Decides a review; `unread` is the code for one that could not be read.
async fn decide(
    webhooks: &WebhookState,
    review: Result<ImageReviewSpec, ImageReviewError>,
    unread: &'static str,
) -> ImageReviewStatus {
    let (admission, open_images) = (&*webhooks.admission, &*webhooks.options.open_images);
    let generation = admission.current_policy();
    let namespace = review.as_ref().ok().and_then(|spec| spec.namespace.clone());
    let context = ReviewContext::new(admission, &generation, Frontend::ImagePolicy, open_images, namespace.as_deref());
    let context = ReviewContext { action: "create pods", ..context };
    let settled = |reason: &'static str, message: String| {
        context.record_override(false, reason, &message);
        let audit_annotations = context.annotations(false, reason, &[]);
        ImageReviewStatus::new(!context.enforces(), message, audit_annotations)
    };
    let (images, is_truncated): (Vec<_>, _) = match review {
        Ok(spec) => (spec.containers.elements.into_iter().map(to_image).collect(), spec.containers.is_truncated),
        Err(error) => return settled(unread, error.to_string()),
    };
    if images.is_empty() {
        return settled("malformed-review", "the review names no image, and every pod has one".to_owned());
    }
    if is_truncated || evaluate::exceeds_image_limit(&images) {
        return settled("too-many-images", format!("the review names more than {} images", MAX_IMAGES));
    }
    let decided = context.decide(&images).await;
    let all = decided.len();
    let refused = context.record_decisions(decided);
    let allowed = refused.is_empty();
    ImageReviewStatus::new(
        allowed || !context.enforces(),
        evaluate::rejection_message(&refused, all),
        context.annotations(allowed, evaluate::rejection_code(&refused), &refused),
    )
}

/// Converts a container; an image review has no location.
fn to_image(JsonObject(container): JsonObject<ImageReviewContainerSpec>) -> Image {
    Image { location: String::new(), name: container.image, is_template: false }
}
