//! The validating admission webhook.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response as HttpResponse};
use thiserror::Error;

use super::admission_review::{
    API_VERSION, AdmissionReview, AdmissionReviewResponse, KIND, RequestUid, ReviewRequest, ReviewResponse,
    ReviewStatus,
};
use super::evaluate::{self, ImageDecision, OPEN_IMAGE, RejectedImage, ReviewContext};
use super::image::{ExtractError, Image, MAX_IMAGES};
use super::pod_images;
use super::{WebhookState, sanitize};
use crate::admission::{Admission, Frontend};
use crate::util::strict_json::JsonObject;

/// Maximum length of a warning in characters: longer ones may be cut off before they reach the client.
const MAX_WARNING_CHARS: usize = 120;

/// Maximum number of warnings. The API server drops those above 4,096 characters together.
const MAX_WARNINGS: usize = 16;

/// The beginning of a warning: about an object that is there, or one that is created or changed.
const WOULD_BE_REFUSED_NOW: &str = "would be refused now";
const WOULD_BE_REFUSED: &str = "would be refused";

/// Handles a review. Without a `uid` there is no valid response; the API server takes the error as a denial.
pub async fn handle_review(State(webhooks): State<WebhookState>, body: Body) -> HttpResponse {
    let admission = &webhooks.admission;
    let bad = |message: String| {
        record_unread(admission, "malformed-review", &message);
        (StatusCode::BAD_REQUEST, message).into_response()
    };
    let (text, _room) = match webhooks.read_review(body).await {
        Ok(read) => read,
        Err(unread) => {
            record_unread(admission, unread.code(), &format!("the review cannot be read: {unread}"));
            return unread.into_response();
        }
    };
    let review: AdmissionReview<'_> = match serde_json::from_str(&text) {
        Ok(JsonObject(review)) => review,
        Err(error) => return bad(format!("the review cannot be read: {}", sanitize::sanitize_json_error(&error))),
    };
    let uid = match serde_json::from_str::<JsonObject<RequestUid>>(review.request.get()) {
        Ok(JsonObject(RequestUid { uid })) if !uid.is_empty() => uid,
        Ok(_) => return bad("the request has an empty uid".to_owned()),
        Err(error) => return bad(format!("the request cannot be read: {}", sanitize::sanitize_json_error(&error))),
    };
    let outcome = decide(&webhooks, &review).await;
    let reply = AdmissionReviewResponse {
        api_version: review.api_version.as_deref().unwrap_or(API_VERSION),
        kind: review.kind.as_deref().unwrap_or(KIND),
        response: ReviewResponse {
            uid: &uid,
            allowed: outcome.denial.is_none(),
            status: outcome.denial.map(ReviewStatus::forbidden),
            warnings: outcome.warnings,
            audit_annotations: outcome.annotations,
        },
    };
    Json(reply).into_response()
}

/// An error of a review that is denied without a decision. The texts are human-readable.
#[derive(Debug, Error)]
enum ReviewError {
    #[error("this is no {KIND} of {API_VERSION}")]
    WrongKind,
    #[error("the request cannot be read: {0}")]
    UnreadableRequest(String),
    #[error("pullgate does not know the operation `{0}`")]
    UnknownOperation(String),
    #[error("the request has no object")]
    NoObject,
    #[error(transparent)]
    Images(#[from] ExtractError),
    #[error("the object names more than {MAX_IMAGES} images")]
    TooManyImages,
}

impl ReviewError {
    /// Returns the stable code of the denial.
    fn code(&self) -> &'static str {
        match self {
            Self::WrongKind | Self::UnreadableRequest(_) | Self::NoObject => "malformed-review",
            Self::UnknownOperation(_) => "unknown-operation",
            Self::Images(error) => error.code(),
            Self::TooManyImages => "too-many-images",
        }
    }
}

/// The outcome of a review.
struct ReviewOutcome {
    /// The reason of a denial.
    denial: Option<String>,
    warnings: Vec<String>,
    annotations: BTreeMap<&'static str, String>,
}

async fn decide(webhooks: &WebhookState, review: &AdmissionReview<'_>) -> ReviewOutcome {
    let (admission, open_images) = (&*webhooks.admission, &*webhooks.options.open_images);
    let generation = admission.current_policy();
    let nobody = ReviewContext::new(admission, &generation, Frontend::Kubernetes, open_images, None);
    if review.api_version.as_deref() != Some(API_VERSION) || review.kind.as_deref() != Some(KIND) {
        return record_error(&nobody, &ReviewError::WrongKind);
    }
    let request: ReviewRequest<'_> = match serde_json::from_str(review.request.get()) {
        Ok(JsonObject(request)) => request,
        Err(error) => {
            return record_error(&nobody, &ReviewError::UnreadableRequest(sanitize::sanitize_json_error(&error)));
        }
    };
    let action = request.action();
    let namespace = request.namespace.as_deref();
    let context = ReviewContext::new(admission, &generation, Frontend::Kubernetes, open_images, namespace);
    let context = ReviewContext { user: request.user(), action: &action, ..context };
    let is_update = match &*request.operation {
        // Neither pulls an image.
        "DELETE" | "CONNECT" => return record_no_image(&context),
        "CREATE" => false,
        "UPDATE" => true,
        other => {
            let operation = sanitize::sanitize_line(other, MAX_WARNING_CHARS);
            return record_error(&context, &ReviewError::UnknownOperation(operation));
        }
    };
    let Some(object) = request.object else {
        return record_error(&context, &ReviewError::NoObject);
    };
    let images = match pod_images::extract_images(&request.kind.0, object.get()) {
        Ok(images) => images,
        Err(error) => return record_error(&context, &error.into()),
    };
    if evaluate::exceeds_image_limit(&images) {
        return record_error(&context, &ReviewError::TooManyImages);
    }
    if images.iter().all(Image::is_unset) {
        return record_no_image(&context);
    }
    let decided = context.decide(&images).await;
    let (all, is_open) = (decided.len(), decided.iter().all(ImageDecision::is_open));
    let stays = is_update && is_unchanged(&request, &images);
    let refused = if stays { context.record_unchanged(decided) } else { context.record_decisions(decided) };
    let allowed = stays || refused.is_empty();
    let reason = match refused.is_empty() {
        false if stays => "unchanged",
        true if is_open => OPEN_IMAGE,
        _ => evaluate::rejection_code(&refused),
    };
    let denial = (!allowed && context.enforces()).then(|| evaluate::rejection_message(&refused, all));
    ReviewOutcome {
        annotations: context.annotations(allowed, reason, &refused),
        warnings: if denial.is_none() { rejection_warnings(&refused, stays) } else { Vec::new() },
        denial,
    }
}

/// Records a review that is answered with an error in place of a response, which the API server takes for a denial.
fn record_unread(admission: &Admission, code: &'static str, message: &str) {
    let generation = admission.current_policy();
    ReviewContext::new(admission, &generation, Frontend::Kubernetes, &[], None).record_override(false, code, message);
}

/// Denies a review without a decision, unless denials are not enforced.
fn record_error(context: &ReviewContext<'_>, error: &ReviewError) -> ReviewOutcome {
    let message = error.to_string();
    context.record_override(false, error.code(), &message);
    let annotations = context.annotations(false, error.code(), &[]);
    if context.enforces() {
        return ReviewOutcome { denial: Some(message), warnings: Vec::new(), annotations };
    }
    let warning = sanitize::sanitize_line(&format!("{WOULD_BE_REFUSED}: {message}"), MAX_WARNING_CHARS);
    ReviewOutcome { denial: None, warnings: vec![warning], annotations }
}

/// Allows a review of an operation or object without images.
fn record_no_image(context: &ReviewContext<'_>) -> ReviewOutcome {
    const CODE: &str = "no-image";
    context.record_override(true, CODE, "");
    ReviewOutcome { denial: None, warnings: Vec::new(), annotations: context.annotations(true, CODE, &[]) }
}

/// Returns whether an update keeps every image in its place. A stricter policy must not block updates of running
/// objects.
fn is_unchanged(request: &ReviewRequest<'_>, images: &[Image]) -> bool {
    let Some(old) = request.old_object else { return false };
    let Ok(mut old) = pod_images::extract_images(&request.kind.0, old.get()) else { return false };
    let mut new = images.to_vec();
    old.sort();
    new.sort();
    old == new
}

/// Returns the warnings for images that were rejected, and allowed because they stay or denials are not enforced.
fn rejection_warnings(refused: &[RejectedImage], stays: bool) -> Vec<String> {
    let beginning = if stays { WOULD_BE_REFUSED_NOW } else { WOULD_BE_REFUSED };
    let mut warnings: Vec<_> = refused
        .iter()
        .take(MAX_WARNINGS)
        .map(|refused| {
            sanitize::sanitize_line(&format!("{beginning}: `{}`: {}", refused.name, refused.message), MAX_WARNING_CHARS)
        })
        .collect();
    if refused.len() > MAX_WARNINGS {
        warnings.push(format!("{beginning}: {} more images", refused.len() - MAX_WARNINGS));
    }
    warnings
}
