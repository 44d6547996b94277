//! The request and response of the validating admission webhook (`admission.k8s.io/v1`).
//!
//! The types have the members that are read. A duplicate of one of them is an error.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::util::strict_json::JsonObject;

/// The only supported version.
pub const API_VERSION: &str = "admission.k8s.io/v1";

/// The only supported kind.
pub const KIND: &str = "AdmissionReview";

/// A review with its raw request.
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

/// The part of a request that every response needs.
#[derive(Debug, Deserialize)]
pub struct RequestUid {
    pub uid: String,
}

/// An admission request.
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

/// The kind of an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GroupVersionKind {
    #[serde(default)]
    pub group: String,
    pub version: String,
    pub kind: String,
}

/// The resource of an object in the API.
#[derive(Debug, Deserialize)]
pub struct GroupVersionResource {
    #[serde(default)]
    pub resource: String,
}

/// The requesting user.
#[derive(Debug, Deserialize)]
pub struct UserInfo {
    #[serde(default)]
    pub username: String,
}

impl GroupVersionKind {
    /// Returns the `apiVersion` of objects of this kind.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl ReviewRequest<'_> {
    /// Returns the action: `create pods`, `update pods/ephemeralcontainers`.
    pub fn action(&self) -> String {
        let operation = self.operation.to_ascii_lowercase();
        let resource = self.resource.as_ref().map_or(&*self.kind.0.kind, |JsonObject(resource)| &*resource.resource);
        match self.sub_resource.as_deref() {
            None | Some("") => format!("{operation} {resource}"),
            Some(part) => format!("{operation} {resource}/{part}"),
        }
    }

    /// Returns the name of the requesting user.
    pub fn user(&self) -> &str {
        self.user_info.as_ref().map_or("", |JsonObject(user)| &user.username)
    }
}

/// The review with the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionReviewResponse<'a> {
    pub api_version: &'a str,
    pub kind: &'a str,
    pub response: ReviewResponse<'a>,
}

/// The response to a request.
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

/// The reason of a denial.
#[derive(Debug, Serialize)]
pub struct ReviewStatus {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
}

impl ReviewStatus {
    /// Returns a denial with this message.
    pub fn forbidden(message: String) -> Self {
        Self { code: 403, reason: "Forbidden", message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_is_the_operation_and_the_resource() {
        let request = |members: &str| {
            let text = format!(r#"{{"kind": {{"version": "v1", "kind": "Pod"}}{members}}}"#);
            let request: ReviewRequest<'_> = serde_json::from_str(&text).unwrap();
            (request.action(), request.user().to_owned())
        };
        for (members, action, user) in [
            (
                r#", "operation": "CREATE", "resource": {"resource": "pods"}, "userInfo": {"username": "alice"}"#,
                "create pods",
                "alice",
            ),
            (r#", "operation": "CREATE", "resource": {"resource": "pods"}, "subResource": """#, "create pods", ""),
            (
                r#", "operation": "UPDATE", "resource": {"resource": "pods"}, "subResource": "ephemeralcontainers""#,
                "update pods/ephemeralcontainers",
                "",
            ),
            (r#", "operation": "DELETE""#, "delete Pod", ""),
        ] {
            assert_eq!(request(members), (action.to_owned(), user.to_owned()), "{members}");
        }
    }

    #[test]
    fn objects_of_the_core_group_have_no_group_in_their_version() {
        let of = |group: &str| {
            GroupVersionKind { group: group.to_owned(), version: "v1".to_owned(), kind: "Pod".to_owned() }.api_version()
        };
        assert_eq!([of(""), of("apps")], ["v1", "apps/v1"]);
    }
}
