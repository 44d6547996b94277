//! Responses of the pull-through endpoint.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::ext::ReasonPhrase;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    LAST_MODIFIED, LINK, RANGE, RETRY_AFTER, WARNING,
};
use hyper::{HeaderMap, Method, Response, StatusCode};
use pullgate::display::sanitize_line;
use pullgate::is_digest;
use serde_json::Value;
use thiserror::Error;
use tokio::time::timeout;

use super::Pull;
use super::digest_check::{DigestCheck, DigestMismatch};
use super::target::Resource;
use crate::frontends::gate::Gate;
use crate::frontends::gate::body::{GateBody, TransferBody, full_body};
use crate::frontends::gate::headers::add_via;
use crate::frontends::gate::refusal::Refusal;
use crate::frontends::gate::transfer::Transfer;
use crate::frontends::gate::upstream::ReusableUpstream;

const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");

/// The fields of a registry's response that are passed on.
const PASSED_FIELDS: [HeaderName; 11] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    ACCEPT_RANGES,
    ETAG,
    LAST_MODIFIED,
    RETRY_AFTER,
    WARNING,
    DOCKER_CONTENT_DIGEST,
    HeaderName::from_static("oci-filters-applied"),
    HeaderName::from_static("oci-subject"),
];

/// Maximum size of a manifest in bytes, as registries have it.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// Maximum size of the body of an error in bytes, and the timeout for it.
const MAX_ERROR_BYTES: usize = 64 << 10;
const ERROR_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of characters of a registry's own text in a message.
const MAX_TEXT_CHARS: usize = 300;

/// A response that is not what was asked for. The texts are human-readable, after the name of the repository.
#[derive(Debug, Error)]
enum WrongContentError {
    /// The registry says so itself.
    #[error("it has the digest `{said}`, and `{asked}` was asked for")]
    OtherDigest {
        /// The digest that the registry gives.
        said: String,
        /// The digest of the request.
        asked: String,
    },
    /// A part, though the whole was asked for.
    #[error("it gave a part, and the whole was asked for")]
    Part,
    /// Another encoding than that of the digest.
    #[error("it is encoded, which was not asked for")]
    Encoded,
    /// A manifest that is too long.
    #[error("its manifest has more than {MAX_MANIFEST_BYTES} bytes")]
    LongManifest,
    /// No bytes, where there must be some.
    #[error(transparent)]
    Digest(#[from] DigestMismatch),
}

/// Returns the response to `/v2/`. It is the same for all registries, so that no client begins a login for one of them.
pub fn api_version_response() -> Response<GateBody> {
    let mut response = Response::new(full_body("{}".to_owned()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

impl Pull<'_> {
    /// Passes the response of a server on, if it is what was asked for.
    ///
    /// # Errors
    ///
    /// If it is not, or if it is an error.
    pub(super) async fn pass_on(
        &self,
        gate: &Gate,
        response: Response<Incoming>,
        upstream: ReusableUpstream,
        transfer: Transfer,
    ) -> Result<Response<GateBody>, Refusal> {
        let status = response.status();
        if status != StatusCode::OK && status != StatusCode::PARTIAL_CONTENT {
            return Err(self.explain_error(response).await);
        }
        let (parts, body) = response.into_parts();
        let wrong = |error: WrongContentError| {
            let message = format!("`{}` of `{}`: {error}", self.repository, self.route.registry);
            gate.refuse(self.request, "wrong-content", &message);
            Refusal::unreachable(message)
        };
        let check = self.digest_check(&parts.headers, status).map_err(wrong)?;
        let length = body.size_hint();
        if matches!(self.target.resource, Resource::Manifest(_)) && length.lower() > MAX_MANIFEST_BYTES {
            return Err(wrong(WrongContentError::LongManifest));
        }
        let is_get = self.parts.method == Method::GET;
        // Nothing could be held back of a body without bytes.
        if let (Some(0), Some(check), true) = (length.exact(), &check, is_get)
            && let Err(error) = check.check_empty()
        {
            return Err(wrong(error.into()));
        }
        let mut passed = self.passed_fields(&parts.headers);
        if let Ok(registry) = HeaderValue::try_from(&self.route.registry) {
            passed.insert(OCI_NAMESPACE, registry);
        }
        passed.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
        add_via(&mut passed);
        let limit = matches!(self.target.resource, Resource::Manifest(_)).then_some(MAX_MANIFEST_BYTES);
        let body = TransferBody::reusable(body, transfer, upstream, check.filter(|_| is_get), limit);
        let mut passed_on = Response::new(body.boxed_unsync());
        *passed_on.status_mut() = status;
        *passed_on.headers_mut() = passed;
        Ok(passed_on)
    }

    /// Returns the check of the body: by the digest that was asked for, or else by the one that the registry says it has.
    fn digest_check(&self, headers: &HeaderMap, status: StatusCode) -> Result<Option<DigestCheck>, WrongContentError> {
        let said = headers.get(DOCKER_CONTENT_DIGEST).and_then(|value| value.to_str().ok());
        let asked = self.target.digest();
        if let (Some(asked), Some(said)) = (asked, said)
            && asked != said
            // Of another algorithm it says nothing.
            && asked.split(':').next() == said.split(':').next()
        {
            let said = sanitize_line(said, MAX_TEXT_CHARS);
            return Err(WrongContentError::OtherDigest { said, asked: asked.to_owned() });
        }
        if status == StatusCode::PARTIAL_CONTENT && !self.parts.headers.contains_key(RANGE) {
            return Err(WrongContentError::Part);
        }
        if headers.get_all(CONTENT_ENCODING).iter().any(|value| value != "identity") {
            return Err(WrongContentError::Encoded);
        }
        let digest = asked.or_else(|| {
            let is_manifest = matches!(self.target.resource, Resource::Manifest(_));
            said.filter(|said| is_manifest && is_digest(said))
        });
        match digest {
            // A part has no digest: the client checks the whole.
            Some(_) if status == StatusCode::PARTIAL_CONTENT => Ok(None),
            digest => Ok(digest.and_then(DigestCheck::new)),
        }
    }

    /// Returns the fields that are passed on; a `Link` to the next page leads to this endpoint.
    fn passed_fields(&self, headers: &HeaderMap) -> HeaderMap {
        let mut passed = HeaderMap::new();
        for name in &PASSED_FIELDS {
            for value in headers.get_all(name) {
                passed.append(name, value.clone());
            }
        }
        let next = headers.get(LINK).and_then(|value| value.to_str().ok()).and_then(next_page_query);
        if let Some(link) = next
            .and_then(|query| HeaderValue::try_from(format!("<{}>; rel=\"next\"", self.target.next_page(query))).ok())
        {
            passed.insert(LINK, link);
        }
        passed
    }

    /// Returns the refusal for a registry's error, with its own text. Only what tells a client something that it can act
    /// on keeps its status: that there is no such thing, or that it must wait.
    async fn explain_error(&self, response: Response<Incoming>) -> Refusal {
        let status = response.status();
        let retry = response.headers().get(RETRY_AFTER).cloned();
        let phrase = response
            .extensions()
            .get::<ReasonPhrase>()
            .map(|phrase| String::from_utf8_lossy(phrase.as_bytes()).into_owned());
        let body = timeout(ERROR_TIMEOUT, Limited::new(response.into_body(), MAX_ERROR_BYTES).collect()).await;
        let text = match body {
            Ok(Ok(body)) => error_text(&body.to_bytes()),
            _ => None,
        };
        let text = text.or(phrase).map(|text| format!(": {}", sanitize_line(&text, MAX_TEXT_CHARS)));
        let message = format!(
            "`{}` answered {} for `{}`{}",
            self.route.registry,
            status.as_u16(),
            self.repository,
            text.unwrap_or_default()
        );
        match status {
            StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE => {
                let code = match self.target.resource {
                    Resource::Manifest(_) => "MANIFEST_UNKNOWN",
                    Resource::Blob(_) => "BLOB_UNKNOWN",
                    Resource::Tags | Resource::Referrers(_) => "NAME_UNKNOWN",
                };
                Refusal::from_registry(status, code, message, None)
            }
            StatusCode::TOO_MANY_REQUESTS => Refusal::from_registry(status, "TOOMANYREQUESTS", message, retry),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Refusal::denied(message),
            _ => Refusal::unreachable(message),
        }
    }
}

/// Returns the message of the distribution specification's errors.
fn error_text(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("errors")?.get(0)?;
    let message = error.get("message").and_then(Value::as_str).filter(|message| !message.is_empty());
    message.or_else(|| error.get("code")?.as_str()).map(str::to_owned)
}

/// Returns the query of the URL in `<URL>; rel="next"` (RFC 8288).
fn next_page_query(link: &str) -> Option<&str> {
    let (url, parameters) = link.strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.contains("rel=\"next\"") || parameters.contains("rel=next");
    url.split_once('?').filter(|_| is_next).map(|(_, query)| query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_links_are_read() {
        assert_eq!(
            error_text(br#"{"errors":[{"code":"X","message":"no such thing"}]}"#).as_deref(),
            Some("no such thing")
        );
        assert_eq!(error_text(br#"{"errors":[{"code":"X"}]}"#).as_deref(), Some("X"));
        for other in [&b""[..], b"<html>", b"{}", br#"{"errors":[]}"#, br#"{"errors":[{"code":5}]}"#] {
            assert_eq!(error_text(other), None);
        }
        assert_eq!(next_page_query("</v2/a/tags/list?n=2&last=b>; rel=\"next\""), Some("n=2&last=b"));
        for other in ["", "</v2/x>; rel=\"next\"", "</v2/x?n=1>; rel=\"prev\"", "/v2/x?n=1; rel=next"] {
            assert_eq!(next_page_query(other), None, "{other}");
        }
    }
}
