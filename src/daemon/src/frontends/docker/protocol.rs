//! The plugin protocol: calls from dockerd and the responses to them.

use std::collections::HashMap;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::util::strict_json::{JsonObject, describe_json_error};

/// Maximum size of a call in bytes. Relevant bodies have some kilobytes, and dockerd passes a few megabytes at most, a
/// third more in base64.
pub const MAX_CALL_BYTES: usize = 16 << 20;

const MEDIA_TYPE: &str = "application/vnd.docker.plugins.v1.2+json";

/// A call of dockerd about a request (AuthZReq). Empty members are omitted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AuthzRequest {
    /// The common name of the client's certificate; empty on a unix socket.
    pub user: String,
    pub request_method: String,
    /// The target of the request line. dockerd writes `RequestUri`, its documentation `RequestURI`.
    #[serde(alias = "RequestURI")]
    pub request_uri: String,
    /// The headers, each with its last value.
    pub request_headers: Option<HashMap<String, String>>,
    request_body: Option<String>,
}

/// The error of a malformed call or body; a human-readable sentence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct CallError(pub String);

/// Parses a call.
pub fn parse_call(bytes: &[u8]) -> Result<AuthzRequest, CallError> {
    // dockerd writes an object; a list of the members could be read in another way by its next version.
    let JsonObject(call): JsonObject<AuthzRequest> = serde_json::from_slice(bytes).map_err(|error| {
        CallError(format!("dockerd's call is not the JSON that it should be: {}", describe_json_error(&error)))
    })?;
    if call.request_method.is_empty() || call.request_uri.is_empty() {
        return Err(CallError("dockerd's call does not say what was requested".to_owned()));
    }
    Ok(call)
}

impl AuthzRequest {
    /// Returns the body of the request, if dockerd passed it: it has bytes and is JSON to dockerd.
    pub fn body(&self) -> Result<Option<Vec<u8>>, CallError> {
        match self.request_body.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => STANDARD
                .decode(text)
                .map(Some)
                .map_err(|_| CallError("the body in dockerd's call is not base64".into())),
        }
    }

    /// Returns whether dockerd cannot have read a parameter from the body.
    ///
    /// It reads forms, which plugins do not see, and the content type does not tell: of repeated headers dockerd takes
    /// the first, and plugins see the last. A body that dockerd passed was JSON to it.
    pub fn has_no_form(&self) -> bool {
        self.header("Content-Length") == Some("0") || self.request_body.as_deref().is_some_and(|body| !body.is_empty())
    }

    /// Returns whether the content type declares a form. Its absence proves nothing.
    pub fn declares_form(&self) -> bool {
        self.header("Content-Type").is_some_and(|value| {
            let value = value.trim_start().to_ascii_lowercase();
            value.starts_with("application/x-www-form-urlencoded") || value.starts_with("multipart/")
        })
    }

    /// Returns a header. dockerd normalizes all names.
    fn header(&self, name: &str) -> Option<&str> {
        self.request_headers.as_ref()?.get(name).map(String::as_str)
    }
}

/// The response to a call (AuthZRes).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AuthzResponse {
    pub allow: bool,
    /// The message for the client, after `authorization denied by plugin NAME: `.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub msg: String,
}

impl AuthzResponse {
    pub fn allow() -> Self {
        Self { allow: true, msg: String::new() }
    }

    pub fn deny(msg: String) -> Self {
        Self { allow: false, msg }
    }
}

impl IntoResponse for AuthzResponse {
    fn into_response(self) -> Response {
        // Serializing two plain members does not fail; an empty response would deny as well.
        json_response(serde_json::to_string(&self).unwrap_or_default())
    }
}

/// Returns the response to the activation of the plugin.
pub fn activation_response() -> Response {
    json_response(r#"{"Implements":["authz"]}"#.to_owned())
}

fn json_response(text: String) -> Response {
    ([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_dockerd_are_parsed() {
        let text = r#"{"User":"alice","UserAuthNMethod":"TLS","RequestMethod":"POST","RequestUri":"/v1.41/containers/create",
            "RequestBody":"e30K","RequestHeaders":{"Content-Length":"3","Content-Type":"application/json"}}"#;
        let call = parse_call(text.as_bytes()).unwrap();
        assert_eq!(
            (&*call.user, &*call.request_method, &*call.request_uri),
            ("alice", "POST", "/v1.41/containers/create")
        );
        assert_eq!(call.body(), Ok(Some(b"{}\n".to_vec())));
        assert!(call.has_no_form());
        assert!(parse_call(br#"{"RequestMethod":"GET","RequestURI":"/info"}"#).is_ok());
    }

    #[test]
    fn malformed_calls_are_errors() {
        for text in [
            "",
            "{}",
            "[]",
            r#"["u","GET","/info",null,null]"#,
            "null",
            "{",
            r#"{"RequestMethod":"GET"}"#,
            r#"{"RequestUri":"/info"}"#,
            r#"{"RequestMethod":1,"RequestUri":"/info"}"#,
            r#"{"RequestMethod":"GET","RequestUri":"/info","RequestURI":"/images/json"}"#,
            r#"{"RequestMethod":"GET","RequestUri":"/info"} x"#,
        ] {
            assert!(parse_call(text.as_bytes()).is_err(), "{text}");
        }
        let call = parse_call(br#"{"RequestMethod":"GET","RequestUri":"/info","RequestBody":"!"}"#).unwrap();
        assert!(call.body().is_err());
    }

    #[test]
    fn only_an_empty_body_or_one_in_view_is_no_form() {
        let call = |headers: &str, body: &str| {
            let text = format!(
                r#"{{"RequestMethod":"POST","RequestUri":"/x","RequestHeaders":{headers},"RequestBody":"{body}"}}"#
            );
            parse_call(text.as_bytes()).unwrap()
        };
        assert!(call(r#"{"Content-Length":"0"}"#, "").has_no_form());
        assert!(call(r#"{"Content-Length":"2","Content-Type":"application/json"}"#, "e30=").has_no_form());
        for headers in
            [r"null", "{}", r#"{"Content-Length":"00"}"#, r#"{"Content-Length":"5"}"#, r#"{"content-length":"0"}"#]
        {
            assert!(!call(headers, "").has_no_form(), "{headers}");
        }
        assert!(call(r#"{"Content-Type":" Application/X-WWW-Form-Urlencoded; a=b"}"#, "").declares_form());
        assert!(!call(r#"{"Content-Type":"application/x-tar"}"#, "").declares_form());
    }
}
