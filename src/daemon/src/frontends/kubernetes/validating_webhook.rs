//! The validating admission webhook.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response as HttpResponse};

use super::admission_review::{API_VERSION, Head, KIND, Reply, Request, Response, Review, Status};
use super::evaluate::{self, Context, Refused};
use super::image::{Image, MOST};
use super::pod_images;
use super::{Webhooks, sanitize};
use crate::admission::{Admission, Door};
use crate::util::strict_json::Object;

/// The longest warning, in characters: a longer one may not reach whoever it is for.
const WARNING: usize = 120;

/// How many warnings there are at most. The API server drops those above 4,096 characters together.
const WARNINGS: usize = 16;

/// Answers a review. Without a `uid` there is nothing to answer to, and the API server takes the error as a denial.
pub async fn answer(State(webhooks): State<Webhooks>, body: Body) -> HttpResponse {
    let bad = |message: String| (StatusCode::BAD_REQUEST, message).into_response();
    let (text, _room) = match webhooks.read(body).await {
        Ok(read) => read,
        Err(unread) => return unread.into_response(),
    };
    let review: Review<'_> = match serde_json::from_str(&text) {
        Ok(Object(review)) => review,
        Err(error) => return bad(format!("the review cannot be read: {}", sanitize::problem(&error))),
    };
    let uid = match serde_json::from_str::<Object<Head>>(review.request.get()) {
        Ok(Object(Head { uid })) if !uid.is_empty() => uid,
        Ok(_) => return bad("the request has an empty uid".to_owned()),
        Err(error) => return bad(format!("the request cannot be read: {}", sanitize::problem(&error))),
    };
    let outcome = decide(&webhooks.admission, &review).await;
    let (allowed, message, warnings) = match outcome.verdict {
        Ok(warnings) => (true, None, warnings),
        Err(message) => (false, Some(message), Vec::new()),
    };
    let reply = Reply {
        api_version: review.api_version.as_deref().unwrap_or(API_VERSION),
        kind: review.kind.as_deref().unwrap_or(KIND),
        response: Response {
            uid: &uid,
            allowed,
            status: message.map(Status::forbidden),
            warnings,
            audit_annotations: outcome.annotations,
        },
    };
    Json(reply).into_response()
}

/// What became of a review.
struct Outcome {
    /// The warnings, or why it is denied.
    verdict: Result<Vec<String>, String>,
    annotations: BTreeMap<&'static str, String>,
}

async fn decide(admission: &Admission, review: &Review<'_>) -> Outcome {
    let generation = admission.begin();
    let nobody = Context::new(admission, &generation, Door::Kubernetes, None);
    if review.api_version.as_deref() != Some(API_VERSION) || review.kind.as_deref() != Some(KIND) {
        return settled(&nobody, Err(format!("this is no {KIND} of {API_VERSION}")), "malformed-review");
    }
    let request: Request<'_> = match serde_json::from_str(review.request.get()) {
        Ok(Object(request)) => request,
        Err(error) => {
            return settled(
                &nobody,
                Err(format!("the request cannot be read: {}", sanitize::problem(&error))),
                "malformed-review",
            );
        }
    };
    let action = request.action();
    let context = Context::new(admission, &generation, Door::Kubernetes, request.namespace.as_deref());
    let context = Context { user: request.user(), action: &action, ..context };
    let is_update = match &*request.operation {
        // Neither pulls an image.
        "DELETE" | "CONNECT" => return settled(&context, Ok(()), "no-image"),
        "CREATE" => false,
        "UPDATE" => true,
        other => {
            let message = format!("pullgate does not know the operation `{}`", sanitize::line(other, WARNING));
            return settled(&context, Err(message), "unknown-operation");
        }
    };
    let Some(object) = request.object else {
        return settled(&context, Err("the request has no object".to_owned()), "malformed-review");
    };
    let images = match pod_images::images(&request.kind.0, object.get()) {
        Ok(images) => images,
        Err(unread) => return settled(&context, Err(unread.to_string()), unread.code()),
    };
    if evaluate::are_too_many(&images) {
        let message = format!("the object names more than {} images", MOST);
        return settled(&context, Err(message), "too-many-images");
    }
    if images.iter().all(Image::is_open) {
        return settled(&context, Ok(()), "no-image");
    }
    let decided = context.decide(&images).await;
    let all = decided.len();
    let stays = is_update && is_unchanged(&request, &images);
    let refused = if stays { context.let_stay(decided) } else { context.record(decided) };
    let allowed = stays || refused.is_empty();
    let reason = if stays && !refused.is_empty() { "unchanged" } else { evaluate::reason(&refused) };
    Outcome {
        annotations: context.annotations(allowed, reason, &refused),
        verdict: if allowed { Ok(warnings(&refused)) } else { Err(evaluate::message(&refused, all)) },
    }
}

fn settled(context: &Context<'_>, verdict: Result<(), String>, reason: &'static str) -> Outcome {
    context.settle(verdict.is_ok(), reason, verdict.as_ref().err().map_or("", |message| message));
    let annotations = context.annotations(verdict.is_ok(), reason, &[]);
    Outcome { verdict: verdict.map(|()| Vec::new()), annotations }
}

/// Whether an update leaves every image where it was. A tighter policy must not freeze what runs already.
fn is_unchanged(request: &Request<'_>, images: &[Image]) -> bool {
    let Some(old) = request.old_object else { return false };
    let Ok(mut old) = pod_images::images(&request.kind.0, old.get()) else { return false };
    let mut new = images.to_vec();
    old.sort();
    new.sort();
    old == new
}

fn warnings(refused: &[Refused]) -> Vec<String> {
    let mut warnings: Vec<_> = refused
        .iter()
        .take(WARNINGS)
        .map(|refused| {
            sanitize::line(&format!("would be refused now: `{}`: {}", refused.name, refused.message), WARNING)
        })
        .collect();
    if refused.len() > WARNINGS {
        warnings.push(format!("would be refused now: {} more images", refused.len() - WARNINGS));
    }
    warnings
}
