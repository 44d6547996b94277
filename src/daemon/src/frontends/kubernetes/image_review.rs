//! The image policy webhook (`imagepolicy.k8s.io/v1alpha1`).
//!
//! Every answer is one, and status 200, even to what cannot be read: the API server takes an error as it is configured
//! to, and `defaultAllow: true` would make it a permission.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::evaluate::{self, Context};
use super::image::{Image, MOST};
use super::{ARRIVAL, Unread, Webhooks, sanitize};
use crate::admission::{Admission, Door};
use crate::util::strict_json::Object;

const API_VERSION: &str = "imagepolicy.k8s.io/v1alpha1";
const KIND: &str = "ImageReview";

/// A review. Its annotations have no say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    #[serde(borrow)]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    spec: Object<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    containers: Vec<Object<Container>>,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct Container {
    image: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    api_version: &'static str,
    kind: &'static str,
    status: Status,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    allowed: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    audit_annotations: BTreeMap<&'static str, String>,
}

/// Answers a review.
pub async fn answer(State(webhooks): State<Webhooks>, body: Body) -> Json<Reply> {
    let read = timeout(ARRIVAL, webhooks.read(body)).await;
    let review = match &read {
        Ok(read) => spec(read.as_ref().map(|(text, _)| text.as_str())),
        Err(_) => Err(format!("the review was not complete after {} seconds", ARRIVAL.as_secs())),
    };
    let unread = if matches!(read, Ok(Err(Unread::Busy(_)))) { "busy" } else { "malformed-review" };
    let status = decide(&webhooks.admission, review, unread).await;
    Json(Reply { api_version: API_VERSION, kind: KIND, status })
}

fn spec(read: Result<&str, &Unread>) -> Result<Spec, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("the review cannot be read: {error}");
    let text = read.map_err(|unread| unreadable(unread))?;
    let Object::<Review<'_>>(review) =
        serde_json::from_str(text).map_err(|error| unreadable(&sanitize::problem(&error)))?;
    if review.api_version != API_VERSION || review.kind != KIND {
        return Err(format!("this is no {KIND} of {API_VERSION}"));
    }
    Ok(review.spec.0)
}

/// `unread` is the code for what could not be read.
async fn decide(admission: &Admission, review: Result<Spec, String>, unread: &'static str) -> Status {
    let generation = admission.begin();
    let namespace = review.as_ref().ok().and_then(|spec| spec.namespace.clone());
    let context = Context::new(admission, &generation, Door::ImagePolicy, namespace.as_deref());
    let context = Context { action: "create pods", ..context };
    let settled = |reason: &'static str, message: String| {
        context.settle(false, reason, &message);
        let audit_annotations = context.annotations(false, reason, &[]);
        Status { allowed: false, reason: message, audit_annotations }
    };
    let images: Vec<_> = match review {
        Ok(spec) => spec.containers.into_iter().map(image).collect(),
        Err(message) => return settled(unread, message),
    };
    if images.is_empty() {
        return settled("malformed-review", "the review names no image, and every pod has one".to_owned());
    }
    if evaluate::are_too_many(&images) {
        return settled("too-many-images", format!("the review names more than {} images", MOST));
    }
    let decided = context.decide(&images).await;
    let all = decided.len();
    let refused = context.record(decided);
    Status {
        allowed: refused.is_empty(),
        reason: if refused.is_empty() { String::new() } else { evaluate::message(&refused, all) },
        audit_annotations: context.annotations(refused.is_empty(), evaluate::reason(&refused), &refused),
    }
}

/// Where it stands, the review does not say.
fn image(Object(container): Object<Container>) -> Image {
    Image { place: String::new(), name: container.image, may_be_empty: false }
}
