//! HTTP client for one request with bounded response size.

use std::error::Error;
use std::io;
use std::pin::pin;

use crate::{Connection, rustls};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::Builder;
use hyper::header::{ACCEPT, CONNECTION, HOST, LOCATION, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;

use super::ProbeLimits;
use super::proxy_error::login_error;
use crate::prefix_recorder::PrefixRecorder;
use crate::text::sanitize_server_text;

/// The minimum read buffer of hyper, in bytes.
const MIN_BUFFER_BYTES: usize = 8 << 10;

/// The `User-Agent` of requests.
pub(super) const USER_AGENT_TEXT: &str = concat!("pullgate/", env!("CARGO_PKG_VERSION"));

/// An HTTP response with a bounded body.
pub(super) struct HttpResponse {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    /// The body, truncated at the size limit.
    pub(super) body: Vec<u8>,
}

impl HttpResponse {
    /// Returns all headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the first header of that name as text.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// Returns the `Location` of a redirect.
    pub(super) fn redirect_location(&self) -> Option<String> {
        let redirects = matches!(self.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        redirects.then(|| self.header(LOCATION.as_str())).flatten()
    }
}

/// Sends a GET request without credentials and reads the response within the limits. Consumes the connection.
///
/// # Errors
///
/// If there is no response or it is not HTTP; the error is human-readable.
pub(super) async fn get(connection: Connection, path: &str, limits: &ProbeLimits) -> Result<HttpResponse, String> {
    let (host, proxy) = (connection.endpoint().host_header(), connection.forward_proxy.clone());
    let mut request = match &proxy {
        Some(_) => Request::get(format!("http://{host}{path}")),
        None => Request::get(path),
    };
    if let Some(authorization) = proxy.as_ref().and_then(|proxy| proxy.authorization()) {
        request = request.header(PROXY_AUTHORIZATION, authorization);
    }
    let request = request
        .header(HOST, host)
        .header(USER_AGENT, USER_AGENT_TEXT)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("`{}` cannot be asked for: {error}", sanitize_server_text(path)))?;
    let is_plain = connection.certificates().is_empty();
    let recorder = PrefixRecorder::new(connection);
    let head = recorder.prefix();
    let mut builder = Builder::new();
    builder.max_buf_size(max_buffer_bytes(limits));
    let (mut sender, http) = builder
        .handshake(TokioIo::new(recorder))
        .await
        .map_err(|error| describe_error(&error, &head.bytes(), is_plain))?;
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
    // A server that closes the connection ends the connection task first; the response may still be complete.
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut http => answer.await,
    };
    let answer = answer.map_err(|error: hyper::Error| describe_error(&error, &head.bytes(), is_plain))?;
    match (answer.status, proxy) {
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(proxy)) => {
            Err(format!("the proxy `{proxy}`: {}", login_error(&proxy, answer.headers())))
        }
        _ => Ok(answer),
    }
}

/// Returns the size of the read buffer of hyper, which bounds the headers.
pub(super) fn max_buffer_bytes(limits: &ProbeLimits) -> usize {
    limits.max_head_bytes.max(MIN_BUFFER_BYTES)
}

/// Reads at most `limit` bytes of a body. A body that breaks off is returned as far as it came.
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

/// Describes the error of a request. `head` holds the first bytes of the response.
pub(super) fn describe_error(error: &hyper::Error, head: &[u8], is_plain: bool) -> String {
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
        // An HTTP response can still be invalid: two lengths, or a malformed header.
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
        Some(source) => format!("the request failed: {}", sanitize_server_text(&source.to_string())),
        None => format!("the request failed: {}", sanitize_server_text(&error.to_string())),
    }
}

/// Returns whether the bytes begin a TLS record: alert or handshake, major version 3.
fn is_tls_record(head: &[u8]) -> bool {
    matches!(head, [0x15 | 0x16, 3, ..])
}

/// Returns the alert with which the server ended TLS.
fn received_alert(error: &hyper::Error) -> Option<String> {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(rustls::Error::AlertReceived(alert)) = error.downcast_ref() {
            return Some(format!("{alert:?}"));
        }
        // `io::Error::source` skips the wrapped error itself, hence `get_ref`.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
