//! Request bodies in bounded memory.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::api::error::ApiError;
use crate::server::load_shed::{
    BodyError, ConcurrencyLimit, MemoryBudget, Overloaded, Permit, SMALL_BODY_BYTES, read_up_to,
};

/// Maximum size of a request in bytes: 10,000 references of 200 bytes, the most in one call, or a small policy.
pub const MAX_REQUEST_BYTES: usize = 2 << 20;

/// Maximum size of a body with a policy in bytes: twice the policy limit, for the JSON around it.
pub const MAX_DOCUMENT_BYTES: usize = 2 * pullgate::MAX_DOCUMENT_BYTES;

/// Timeout for reading a request, which holds memory that others wait for.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout for reading a body with a policy.
const DOCUMENT_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A request body with its permits.
#[derive(Debug)]
pub struct BufferedBody {
    /// The text.
    pub text: String,
    /// Permit for its memory.
    pub permit: Permit,
    /// Permit for a body with a policy that is not small, and for what is made of it.
    pub policy_permit: Permit,
}

/// Reads a request.
pub async fn read_request(mut body: Body, rooms: &MemoryBudget) -> Result<BufferedBody, ApiError> {
    let mut bytes = Vec::new();
    match read_prefix(&mut body, &mut bytes, rooms).await? {
        (true, room) => Ok(BufferedBody { text: decode_utf8(bytes)?, permit: room, policy_permit: None }),
        (false, room) => {
            drop((bytes, room));
            Err(reject_too_large(body, MAX_REQUEST_BYTES).await)
        }
    }
}

/// Reads a request that may contain a policy, no longer than other requests.
pub async fn read_request_with_policy(
    body: Body,
    rooms: &MemoryBudget,
    limits: &DocumentLimits,
) -> Result<BufferedBody, ApiError> {
    let read = read_request(body, rooms).await?;
    let policy_permit = if read.text.len() > SMALL_BODY_BYTES { limits.medium.acquire().await? } else { None };
    Ok(BufferedBody { policy_permit, ..read })
}

/// Limits of bodies with a policy, each with what is made of the policy.
#[derive(Clone)]
pub struct DocumentLimits {
    /// Bodies over the limit of plain requests. A slow one delays no smaller one.
    pub large: ConcurrencyLimit,
    /// Other bodies above [`SMALL_BODY_BYTES`]: a policy takes up to a hundred times the memory of its text.
    pub medium: ConcurrencyLimit,
}

/// Reads a body that may contain a policy. A body over the limit of plain requests is read only with a permit.
pub async fn read_document(
    mut body: Body,
    rooms: &MemoryBudget,
    limits: &DocumentLimits,
) -> Result<BufferedBody, ApiError> {
    let mut bytes = Vec::new();
    let (is_whole, room) = read_prefix(&mut body, &mut bytes, rooms).await?;
    if is_whole {
        let policy_permit = if bytes.len() > SMALL_BODY_BYTES { limits.medium.acquire().await? } else { None };
        return Ok(BufferedBody { text: decode_utf8(bytes)?, permit: room, policy_permit });
    }
    // The permit below stands for the memory of a body of this length.
    drop(room);
    if body.size_hint().lower() > MAX_DOCUMENT_BYTES as u64 {
        return Err(reject_too_large(body, MAX_DOCUMENT_BYTES).await);
    }
    let turn = match limits.large.acquire().await {
        Ok(turn) => turn,
        Err(busy) => return Err(drain_and_reject(body, busy).await),
    };
    match read_with_deadline(DOCUMENT_READ_TIMEOUT, &mut body, &mut bytes, MAX_DOCUMENT_BYTES).await? {
        true => Ok(BufferedBody { text: decode_utf8(bytes)?, permit: None, policy_permit: turn }),
        false => Err(reject_too_large(body, MAX_DOCUMENT_BYTES).await),
    }
}

/// Reads a new policy. An authenticated caller needs no permit for its memory.
pub async fn read_policy(mut body: Body) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    match read_with_deadline(DOCUMENT_READ_TIMEOUT, &mut body, &mut bytes, MAX_DOCUMENT_BYTES).await? {
        true => decode_utf8(bytes),
        false => Err(reject_too_large(body, MAX_DOCUMENT_BYTES).await),
    }
}

/// Reads up to the limit of plain requests, above [`SMALL_BODY_BYTES`] with a memory permit. Returns whether that is
/// the whole body. A body declared longer is not read.
async fn read_prefix(body: &mut Body, bytes: &mut Vec<u8>, rooms: &MemoryBudget) -> Result<(bool, Permit), ApiError> {
    let mut permit = None;
    if body.size_hint().lower() > MAX_REQUEST_BYTES as u64 {
        return Ok((false, None));
    }
    match rooms.read_body(body, bytes, &mut permit, MAX_REQUEST_BYTES, READ_TIMEOUT).await {
        Ok(is_whole) => Ok((is_whole, permit)),
        Err(BodyError::Overloaded(busy)) => {
            // Draining takes a while, and others wait for the memory.
            drop((std::mem::take(bytes), permit));
            Err(drain_and_reject(std::mem::take(body), busy).await)
        }
        Err(BodyError::Interrupted(error)) => Err(ApiError::bad_request(format!("the body broke off: {error}"))),
        Err(slow @ (BodyError::Stalled | BodyError::TimedOut(_))) => {
            Err(too_slow(format!("the body is too slow: {slow}")))
        }
    }
}

fn too_slow(message: String) -> ApiError {
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "too-slow", message)
}

async fn read_with_deadline(
    time: Duration,
    body: &mut Body,
    bytes: &mut Vec<u8>,
    most: usize,
) -> Result<bool, ApiError> {
    match timeout(time, read_up_to(body, bytes, most)).await {
        Ok(read) => read.map_err(|error| ApiError::bad_request(format!("the body broke off: {error}"))),
        Err(_) => Err(too_slow(format!("the body was not complete after {} seconds", time.as_secs()))),
    }
}

fn decode_utf8(bytes: Vec<u8>) -> Result<String, ApiError> {
    String::from_utf8(bytes)
        .map_err(|error| ApiError::bad_request(format!("the body cannot be read: {}", error.utf8_error())))
}

/// Drains the body and returns the overload error.
pub async fn drain_and_reject(body: Body, busy: Overloaded) -> ApiError {
    drain(body).await;
    busy.into()
}

async fn reject_too_large(body: Body, most: usize) -> ApiError {
    drain(body).await;
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("the body has more than {most} bytes"))
}

/// Discards most of an unread body, since a client may not read the response before it has sent everything.
async fn drain(mut body: Body) {
    let pass = async {
        let mut passed = 0;
        while let Some(Ok(frame)) = body.frame().await
            && passed <= MAX_DOCUMENT_BYTES
        {
            passed += frame.data_ref().map_or(0, |data| data.len());
        }
    };
    // A slower client gets the response before its upload ends.
    let _ = timeout(READ_TIMEOUT, pass).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::response::IntoResponse;
    use futures_util::stream::{self, StreamExt};

    use super::*;

    fn status<T>(read: Result<T, ApiError>) -> StatusCode {
        read.map_or_else(|error| error.into_response().status(), |_| StatusCode::OK)
    }

    /// A body without a `Content-Length`.
    fn pieces(length: usize) -> Body {
        let pieces = std::iter::repeat_n("x".repeat(1 << 10), length >> 10);
        Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
    }

    /// A body that stalls after so many bytes.
    fn stalled(length: usize) -> Body {
        let begun = stream::iter([Ok::<_, Infallible>("x".repeat(length))]);
        Body::from_stream(begun.chain(stream::pending()))
    }

    fn memory_budget(bytes: usize) -> MemoryBudget {
        MemoryBudget::new(bytes, "full")
    }

    fn document_limits() -> DocumentLimits {
        let limit = || ConcurrencyLimit::new(1, 1, Duration::from_secs(1), "full");
        DocumentLimits { large: limit(), medium: limit() }
    }

    #[tokio::test]
    async fn request_size_is_limited_with_and_without_a_content_length() {
        let rooms = memory_budget(MAX_REQUEST_BYTES);
        for body in [Body::from("x".repeat(MAX_REQUEST_BYTES)), pieces(MAX_REQUEST_BYTES)] {
            assert_eq!(read_request(body, &rooms).await.unwrap().text.len(), MAX_REQUEST_BYTES);
        }
        for body in [Body::from("x".repeat(MAX_REQUEST_BYTES + 1)), pieces(MAX_REQUEST_BYTES + (1 << 10))] {
            assert_eq!(status(read_request(body, &rooms).await), StatusCode::PAYLOAD_TOO_LARGE);
        }
        assert_eq!(status(read_request(Body::from(vec![b'"', 0xff]), &rooms).await), StatusCode::BAD_REQUEST);
    }

    #[tokio::test(start_paused = true)]
    async fn exhausted_memory_delays_no_small_request_and_a_stalled_upload_takes_only_its_own() {
        let rooms = memory_budget(MAX_REQUEST_BYTES);
        let large = || Body::from("x".repeat(SMALL_BODY_BYTES + 1));
        let held = rooms.acquire(MAX_REQUEST_BYTES).await.unwrap();
        assert_eq!(
            read_request(Body::from("x".repeat(SMALL_BODY_BYTES)), &rooms).await.unwrap().text.len(),
            SMALL_BODY_BYTES
        );
        for body in [large(), pieces(2 * SMALL_BODY_BYTES)] {
            assert_eq!(status(read_request(body, &rooms).await), StatusCode::SERVICE_UNAVAILABLE);
        }
        drop(held);
        let slow = tokio::spawn({
            let rooms = rooms.clone();
            async move { read_request(stalled(SMALL_BODY_BYTES + 1), &rooms).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(status(read_request(large(), &rooms).await), StatusCode::OK);
        assert_eq!(status(slow.await.unwrap()), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn large_document_waits_for_a_permit_and_a_small_one_does_not() {
        let (rooms, turns) = (memory_budget(2 * MAX_REQUEST_BYTES), document_limits());
        let first = read_document(pieces(2 * MAX_REQUEST_BYTES), &rooms, &turns).await.unwrap();
        assert_eq!(first.text.len(), 2 * MAX_REQUEST_BYTES);
        assert!(read_document(Body::from("{}"), &rooms, &turns).await.is_ok_and(|read| read.policy_permit.is_none()));
        for body in [pieces(2 * MAX_REQUEST_BYTES), Body::from("x".repeat(2 * MAX_REQUEST_BYTES))] {
            assert_eq!(status(read_document(body, &rooms, &turns).await), StatusCode::SERVICE_UNAVAILABLE);
        }
        // A policy of middle length waits for others of its kind only.
        let medium = || read_document(pieces(2 * SMALL_BODY_BYTES), &rooms, &turns);
        let held = medium().await.unwrap();
        assert!(held.policy_permit.is_some());
        assert_eq!(status(medium().await), StatusCode::SERVICE_UNAVAILABLE);
        drop(first);
        assert_eq!(status(read_document(pieces(2 * MAX_REQUEST_BYTES), &rooms, &turns).await), StatusCode::OK);
        let longest = read_document(pieces(MAX_DOCUMENT_BYTES + (1 << 10)), &rooms, &turns).await;
        assert_eq!(status(longest), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
