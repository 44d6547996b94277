//! Refusals, in the two places where clients show them: the reason phrase, which Go's clients show of a refused tunnel and
//! of every manifest, and the body of the distribution specification's errors.

use hyper::ext::ReasonPhrase;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, PROXY_AUTHENTICATE, RETRY_AFTER};
use hyper::{Response, StatusCode};
use pullgate::display::single_line;
use serde_json::json;

use super::body::{GateBody, full_body};

/// Maximum length of a reason phrase in bytes, without its prefix.
const MAX_PHRASE_BYTES: usize = 200;

/// A response of the gate's own. Never 401, 404, 429 or 5xx for a denial: clients would ask for a login, try again or go
/// elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    /// The code of the distribution specification.
    code: &'static str,
    message: String,
    retry_after: Option<HeaderValue>,
}

impl Refusal {
    /// Creates a refusal by the policy.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "DENIED", message.into())
    }

    /// Creates a refusal of a request that the gate does not understand.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", message.into())
    }

    /// Creates a refusal of a method other than those for pulls.
    pub fn method_not_allowed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message.into())
    }

    /// Creates the response for an error of a registry that its client can act on.
    pub fn from_registry(
        status: StatusCode,
        code: &'static str,
        message: String,
        retry_after: Option<HeaderValue>,
    ) -> Self {
        Self { retry_after, ..Self::new(status, code, message) }
    }

    fn new(status: StatusCode, code: &'static str, message: String) -> Self {
        Self { status, code, message, retry_after: None }
    }

    /// Creates a refusal of a client without the token.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PROXY_AUTHENTICATION_REQUIRED, "DENIED", message.into())
    }

    /// Creates the response for what the policy allows and the network does not.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "UNKNOWN", message.into())
    }

    /// Returns the reason, human-readable.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the response.
    pub fn to_response(&self) -> Response<GateBody> {
        let error = json!({"errors": [{"code": self.code, "message": self.message}]});
        let mut response = Response::new(full_body(format!("{error}\n")));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            let challenge = HeaderValue::from_static("Basic realm=\"pullgate\"");
            response.headers_mut().insert(PROXY_AUTHENTICATE, challenge);
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        if let Some(seconds) = &self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.clone());
        }
        if let Ok(phrase) = ReasonPhrase::try_from(reason_phrase(&self.message)) {
            response.extensions_mut().insert(phrase);
        }
        response
    }
}

/// Returns the reason phrase of a message: on one line, in ASCII, of limited length.
fn reason_phrase(message: &str) -> String {
    let is_shown = |character: char| character.is_ascii_graphic() || character == ' ';
    let shown = single_line(message);
    let characters = shown.chars().map(|character| if is_shown(character) { character } else { '?' });
    let mut phrase: String = characters.take(MAX_PHRASE_BYTES + 1).collect();
    if phrase.len() > MAX_PHRASE_BYTES {
        phrase.truncate(MAX_PHRASE_BYTES - 3);
        phrase.push_str("...");
    }
    format!("pullgate: {phrase}")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn phrase_is_one_short_line_of_ascii() {
        assert_eq!(reason_phrase("access to `h` is denied"), "pullgate: access to `h` is denied");
        assert_eq!(reason_phrase("a\r\nSet-Cookie: x\u{1b}[31m\u{fc}"), "pullgate: a  Set-Cookie: x\\u{1b}[31m?");
        let long = reason_phrase(&"x".repeat(1_000));
        assert_eq!((long.len(), long.ends_with("x...")), ("pullgate: ".len() + MAX_PHRASE_BYTES, true));
    }

    #[tokio::test]
    async fn refusal_has_its_reason_in_phrase_and_body() {
        let response = Refusal::denied("no \"entry\"\ncovers it").to_response();
        assert_eq!(response.status(), 403);
        let phrase = response.extensions().get::<ReasonPhrase>().unwrap();
        assert_eq!(phrase.as_bytes(), b"pullgate: no \"entry\" covers it");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body, json!({"errors": [{"code": "DENIED", "message": "no \"entry\"\ncovers it"}]}));
    }
}
