//! The validating admission webhook.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response as HttpResponse};

use super::admission_review::{
    API_VERSION, AdmissionReview, AdmissionReviewResponse, KIND, RequestUid, ReviewRequest, ReviewResponse,
    ReviewStatus,
};
use super::evaluate::{self, RejectedImage, ReviewContext};
use super::image::{Image, MAX_IMAGES};
use super::pod_images;
use super::{WebhookState, sanitize};
use crate::admission::{Admission, Frontend};
use crate::util::strict_json::JsonObject;

/// The longest warning, in characters: a longer one may not reach whoever it is for.
const MAX_WARNING_CHARS: usize = 120;

/// How many warnings there are at most. The API server drops those above 4,096 characters together.
const MAX_WARNINGS: usize = 16;

/// Answers a review. Without a `uid` there is nothing to answer to, and the API server takes the error as a denial.
pub async fn handle_review(State(webhooks): State<WebhookState>, body: Body) -> HttpResponse {
    let bad = |message: String| (StatusCode::BAD_REQUEST, message).into_response();
    let (text, _room) = match webhooks.read_review(body).await {
        Ok(read) => read,
        Err(unread) => return unread.into_response(),
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
    let outcome = decide(&webhooks.admission, &review).await;
    let (allowed, message, warnings) = match outcome.result {
        Ok(warnings) => (true, None, warnings),
        Err(message) => (false, Some(message), Vec::new()),
    };
    let reply = AdmissionReviewResponse {
        api_version: review.api_version.as_deref().unwrap_or(API_VERSION),
        kind: review.kind.as_deref().unwrap_or(KIND),
        response: ReviewResponse {
            uid: &uid,
            allowed,
            status: message.map(ReviewStatus::forbidden),
            warnings,
            audit_annotations: outcome.annotations,
        },
    };
    Json(reply).into_response()
}

/// What became of a review.
struct ReviewOutcome {
    /// The warnings, or why it is denied.
    result: Result<Vec<String>, String>,
    annotations: BTreeMap<&'static str, String>,
}

async fn decide(admission: &Admission, review: &AdmissionReview<'_>) -> ReviewOutcome {
    let generation = admission.current_policy();
    let nobody = ReviewContext::new(admission, &generation, Frontend::Kubernetes, None);
    if review.api_version.as_deref() != Some(API_VERSION) || review.kind.as_deref() != Some(KIND) {
        return record_outcome(&nobody, Err(format!("this is no {KIND} of {API_VERSION}")), "malformed-review");
    }
    let request: ReviewRequest<'_> = match serde_json::from_str(review.request.get()) {
        Ok(JsonObject(request)) => request,
        Err(error) => {
            return record_outcome(
                &nobody,
                Err(format!("the request cannot be read: {}", sanitize::sanitize_json_error(&error))),
                "malformed-review",
            );
        }
    };
    let action = request.action();
    let context = ReviewContext::new(admission, &generation, Frontend::Kubernetes, request.namespace.as_deref());
    let context = ReviewContext { user: request.user(), action: &action, ..context };
    let is_update = match &*request.operation {
        // Neither pulls an image.
        "DELETE" | "CONNECT" => return record_outcome(&context, Ok(()), "no-image"),
        "CREATE" => false,
        "UPDATE" => true,
        other => {
            let message =
                format!("pullgate does not know the operation `{}`", sanitize::sanitize_line(other, MAX_WARNING_CHARS));
            return record_outcome(&context, Err(message), "unknown-operation");
        }
    };
    let Some(object) = request.object else {
        return record_outcome(&context, Err("the request has no object".to_owned()), "malformed-review");
    };
    let images = match pod_images::extract_images(&request.kind.0, object.get()) {
        Ok(images) => images,
        Err(unread) => return record_outcome(&context, Err(unread.to_string()), unread.code()),
    };
    if evaluate::exceeds_image_limit(&images) {
        let message = format!("the object names more than {} images", MAX_IMAGES);
        return record_outcome(&context, Err(message), "too-many-images");
    }
    if images.iter().all(Image::is_unset) {
        return record_outcome(&context, Ok(()), "no-image");
    }
    let decided = context.decide(&images).await;
    let all = decided.len();
    let stays = is_update && is_unchanged(&request, &images);
    let refused = if stays { context.record_unchanged(decided) } else { context.record_decisions(decided) };
    let allowed = stays || refused.is_empty();
    let reason = if stays && !refused.is_empty() { "unchanged" } else { evaluate::rejection_code(&refused) };
    ReviewOutcome {
        annotations: context.annotations(allowed, reason, &refused),
        result: if allowed {
            Ok(rejection_warnings(&refused))
        } else {
            Err(evaluate::rejection_message(&refused, all))
        },
    }
}

fn record_outcome(context: &ReviewContext<'_>, verdict: Result<(), String>, reason: &'static str) -> ReviewOutcome {
    context.record_override(verdict.is_ok(), reason, verdict.as_ref().err().map_or("", |message| message));
    let annotations = context.annotations(verdict.is_ok(), reason, &[]);
    ReviewOutcome { result: verdict.map(|()| Vec::new()), annotations }
}

/// Whether an update leaves every image where it was. A tighter policy must not freeze what runs already.
fn is_unchanged(request: &ReviewRequest<'_>, images: &[Image]) -> bool {
    let Some(old) = request.old_object else { return false };
    let Ok(mut old) = pod_images::extract_images(&request.kind.0, old.get()) else { return false };
    let mut new = images.to_vec();
    old.sort();
    new.sort();
    old == new
}

fn rejection_warnings(refused: &[RejectedImage]) -> Vec<String> {
    let mut warnings: Vec<_> = refused
        .iter()
        .take(MAX_WARNINGS)
        .map(|refused| {
            sanitize::sanitize_line(
                &format!("would be refused now: `{}`: {}", refused.name, refused.message),
                MAX_WARNING_CHARS,
            )
        })
        .collect();
    if refused.len() > MAX_WARNINGS {
        warnings.push(format!("would be refused now: {} more images", refused.len() - MAX_WARNINGS));
    }
    warnings
}
