//! One request and its answer, within bounds.

use std::error::Error;
use std::io;
use std::pin::pin;

use crate::{Connection, rustls};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::Builder;
use hyper::header::{ACCEPT, CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;

use super::ProbeLimits;
use super::tap::PrefixRecorder;
use super::text::sanitize_line;

/// The least that hyper reads at once.
const MIN_BUFFER_BYTES: usize = 8 << 10;

/// An answer.
pub(super) struct HttpResponse {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    /// Its beginning, if there is more than may be read.
    pub(super) body: Vec<u8>,
}

impl HttpResponse {
    /// All headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header as text; the first of that name.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// Where it sends those who ask.
    pub(super) fn redirect_location(&self) -> Option<String> {
        let redirects = matches!(self.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        redirects.then(|| self.header(LOCATION.as_str())).flatten()
    }
}

/// Asks for a path, without credentials, and reads the answer as far as the limits go. The connection is used up.
///
/// # Errors
///
/// If there is no answer, or it is not HTTP: for a person.
pub(super) async fn get(connection: Connection, path: &str, limits: &ProbeLimits) -> Result<HttpResponse, String> {
    let request = Request::get(path)
        .header(HOST, connection.endpoint().host_header())
        .header(USER_AGENT, concat!("pullgate/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("`{}` cannot be asked for: {error}", sanitize_line(path)))?;
    let is_plain = connection.certificates().is_empty();
    let (tap, head) = PrefixRecorder::new(connection);
    let mut builder = Builder::new();
    builder.max_buf_size(limits.max_head_bytes.max(MIN_BUFFER_BYTES));
    let (mut sender, http) =
        builder.handshake(TokioIo::new(tap)).await.map_err(|error| describe_error(&error, &head.bytes(), is_plain))?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        Ok(HttpResponse {
            status: parts.status,
            headers: parts.headers,
            body: read_prefix(body, limits.max_body_bytes).await,
        })
    };
    let (mut answer, mut http) = (pin!(answer), pin!(http));
    // The connection ends first where the server closes it; the answer may be complete all the same.
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut http => answer.await,
    };
    answer.map_err(|error: hyper::Error| describe_error(&error, &head.bytes(), is_plain))
}

/// As much of a body as may be read. What breaks off is what there is.
async fn read_prefix(mut body: Incoming, limit: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let room = limit.saturating_sub(read.len());
        read.extend(frame.data_ref().into_iter().flatten().take(room));
        if read.len() >= limit {
            break;
        }
    }
    read
}

/// Why there is no answer. `head` is how it began.
fn describe_error(error: &hyper::Error, head: &[u8], is_plain: bool) -> String {
    if is_plain && is_tls_record(head) {
        return "the server speaks TLS on this port, not plain HTTP".to_owned();
    }
    if let Some(alert) = received_alert(error) {
        return match alert.as_str() {
            "CertificateRequired" => "the server wants a client certificate, which a test has none of".to_owned(),
            alert => format!("the server ended TLS with the alert {alert}"),
        };
    }
    if error.is_parse_too_large() {
        return "the headers of the answer are larger than is read".to_owned();
    }
    if error.is_parse() {
        let begins: String = head.iter().flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
        // What began like one may have two lengths, or a header that is none.
        return match head.starts_with(b"HTTP/1.") {
            true => format!("the answer breaks the rules of HTTP ({error}): it begins with `{begins}`"),
            false => format!("the answer is not HTTP: it begins with `{begins}`"),
        };
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return match (head.is_empty(), is_plain) {
            (false, _) => "the server closed the connection in the middle of its answer".to_owned(),
            (true, true) => {
                "the server closed the connection without an answer; it may speak TLS on this port".to_owned()
            }
            (true, false) => "the server closed the connection without an answer".to_owned(),
        };
    }
    match error.source() {
        Some(source) => format!("the request failed: {}", sanitize_line(&source.to_string())),
        None => format!("the request failed: {}", sanitize_line(&error.to_string())),
    }
}

/// Whether this is how TLS begins: an alert or a handshake, of version 3.
fn is_tls_record(head: &[u8]) -> bool {
    matches!(head, [0x15 | 0x16, 3, ..])
}

/// What TLS calls the reason for which the server ended it.
fn received_alert(error: &hyper::Error) -> Option<String> {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(rustls::Error::AlertReceived(alert)) = error.downcast_ref() {
            return Some(format!("{alert:?}"));
        }
        // An I/O error's source is not the error in it, but the source of that.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
