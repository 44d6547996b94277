//! What the API server sends to the validating admission webhook, and what it wants back (`admission.k8s.io/v1`).
//!
//! The types have what is read and no more. A member of theirs that stands twice is an error.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::util::strict_json::JsonObject;

/// The only version that there is.
pub const API_VERSION: &str = "admission.k8s.io/v1";

/// The only kind.
pub const KIND: &str = "AdmissionReview";

/// A review, its request still unread.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionReview<'a> {
    #[serde(borrow)]
    pub api_version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub request: &'a RawValue,
}

/// What of a request is needed to answer at all.
#[derive(Debug, Deserialize)]
pub struct RequestUid {
    pub uid: String,
}

/// A request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewRequest<'a> {
    pub kind: JsonObject<GroupVersionKind>,
    pub resource: Option<JsonObject<GroupVersionResource>>,
    pub sub_resource: Option<String>,
    pub namespace: Option<String>,
    pub operation: String,
    pub user_info: Option<JsonObject<UserInfo>>,
    #[serde(borrow)]
    pub object: Option<&'a RawValue>,
    #[serde(borrow)]
    pub old_object: Option<&'a RawValue>,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GroupVersionKind {
    #[serde(default)]
    pub group: String,
    pub version: String,
    pub kind: String,
}

/// Where an object stands in the API.
#[derive(Debug, Deserialize)]
pub struct GroupVersionResource {
    #[serde(default)]
    pub resource: String,
}

/// Who wants it.
#[derive(Debug, Deserialize)]
pub struct UserInfo {
    #[serde(default)]
    pub username: String,
}

impl GroupVersionKind {
    /// The group and version as objects have them.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl ReviewRequest<'_> {
    /// What is to be done: `create pods`, `update pods/ephemeralcontainers`.
    pub fn action(&self) -> String {
        let operation = self.operation.to_ascii_lowercase();
        let resource = self.resource.as_ref().map_or(&*self.kind.0.kind, |JsonObject(resource)| &*resource.resource);
        match self.sub_resource.as_deref() {
            None | Some("") => format!("{operation} {resource}"),
            Some(part) => format!("{operation} {resource}/{part}"),
        }
    }

    /// The name of who wants it.
    pub fn user(&self) -> &str {
        self.user_info.as_ref().map_or("", |JsonObject(user)| &user.username)
    }
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionReviewResponse<'a> {
    pub api_version: &'a str,
    pub kind: &'a str,
    pub response: ReviewResponse<'a>,
}

/// What the answer says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewResponse<'a> {
    pub uid: &'a str,
    pub allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ReviewStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    pub audit_annotations: BTreeMap<&'static str, String>,
}

/// Why it is denied.
#[derive(Debug, Serialize)]
pub struct ReviewStatus {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
}

impl ReviewStatus {
    /// A denial with this message.
    pub fn forbidden(message: String) -> Self {
        Self { code: 403, reason: "Forbidden", message }
    }
}
