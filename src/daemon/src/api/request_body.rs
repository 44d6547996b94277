//! What a request brings along, in bounded memory.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::api::error::ApiError;
use crate::server::load_shed::{
    ConcurrencyLimit, MemoryBudget, Overloaded, Permit, SMALL_BODY_BYTES, expected_len, read_up_to,
};

/// The longest question, in bytes: 10,000 references of 200 bytes, the most that one call has, and small policies.
pub const MAX_REQUEST_BYTES: usize = 2 << 20;

/// The longest body with a policy, in bytes: the longest policy, and as much again for what JSON adds around it.
pub const MAX_DOCUMENT_BYTES: usize = 2 * pullgate::MAX_DOCUMENT_BYTES;

/// How long a question may take to arrive: meanwhile it has room that others wait for.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for a body with a policy.
const DOCUMENT_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A body, and the room that it has in memory.
#[derive(Debug)]
pub struct BufferedBody {
    /// What was sent.
    pub text: String,
    /// Room for it.
    pub permit: Permit,
    /// The turn of one that is longer than a question.
    pub upload_permit: Permit,
}

/// Reads a question.
pub async fn read_request(mut body: Body, rooms: &MemoryBudget) -> Result<BufferedBody, ApiError> {
    let mut bytes = Vec::new();
    match read_prefix(&mut body, &mut bytes, rooms).await? {
        (true, room) => Ok(BufferedBody { text: decode_utf8(bytes)?, permit: room, upload_permit: None }),
        (false, room) => {
            drop((bytes, room));
            Err(reject_too_large(body, MAX_REQUEST_BYTES).await)
        }
    }
}

/// Reads a body that may have a policy in it. More than a question is read only when it is its turn.
pub async fn read_document(
    mut body: Body,
    rooms: &MemoryBudget,
    turns: &ConcurrencyLimit,
) -> Result<BufferedBody, ApiError> {
    let mut bytes = Vec::new();
    let (is_whole, room) = read_prefix(&mut body, &mut bytes, rooms).await?;
    if is_whole {
        return Ok(BufferedBody { text: decode_utf8(bytes)?, permit: room, upload_permit: None });
    }
    if body.size_hint().lower() > MAX_DOCUMENT_BYTES as u64 {
        return Err(reject_too_large(body, MAX_DOCUMENT_BYTES).await);
    }
    let turn = match turns.acquire().await {
        Ok(turn) => turn,
        Err(busy) => return Err(drain_and_reject(body, busy).await),
    };
    match read_with_deadline(DOCUMENT_READ_TIMEOUT, &mut body, &mut bytes, MAX_DOCUMENT_BYTES).await? {
        true => Ok(BufferedBody { text: decode_utf8(bytes)?, permit: room, upload_permit: turn }),
        false => Err(reject_too_large(body, MAX_DOCUMENT_BYTES).await),
    }
}

/// Reads the policy that is to take the current one's place. Who may do this may have the memory for it.
pub async fn read_policy(mut body: Body) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    match read_with_deadline(DOCUMENT_READ_TIMEOUT, &mut body, &mut bytes, MAX_DOCUMENT_BYTES).await? {
        true => decode_utf8(bytes),
        false => Err(reject_too_large(body, MAX_DOCUMENT_BYTES).await),
    }
}

/// Reads a body as far as a question goes: what is short at once, and the rest when there is room for it. Says whether that
/// is all of it. One that says that it is longer is not read.
async fn read_prefix(body: &mut Body, bytes: &mut Vec<u8>, rooms: &MemoryBudget) -> Result<(bool, Permit), ApiError> {
    if read_with_deadline(READ_TIMEOUT, body, bytes, SMALL_BODY_BYTES).await? {
        return Ok((true, None));
    }
    if bytes.len() as u64 + body.size_hint().lower() > MAX_REQUEST_BYTES as u64 {
        return Ok((false, None));
    }
    match rooms.acquire(expected_len(body, bytes.len(), MAX_REQUEST_BYTES)).await {
        Ok(room) => Ok((read_with_deadline(READ_TIMEOUT, body, bytes, MAX_REQUEST_BYTES).await?, room)),
        Err(busy) => Err(drain_and_reject(std::mem::take(body), busy).await),
    }
}

async fn read_with_deadline(
    time: Duration,
    body: &mut Body,
    bytes: &mut Vec<u8>,
    most: usize,
) -> Result<bool, ApiError> {
    match timeout(time, read_up_to(body, bytes, most)).await {
        Ok(read) => read.map_err(|error| ApiError::bad_request(format!("the body broke off: {error}"))),
        Err(_) => {
            let message = format!("the body was not complete after {} seconds", time.as_secs());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "too-slow", message))
        }
    }
}

fn decode_utf8(bytes: Vec<u8>) -> Result<String, ApiError> {
    String::from_utf8(bytes)
        .map_err(|error| ApiError::bad_request(format!("the body cannot be read: {}", error.utf8_error())))
}

/// Says that others come first.
pub async fn drain_and_reject(body: Body, busy: Overloaded) -> ApiError {
    drain(body).await;
    busy.into()
}

async fn reject_too_large(body: Body, most: usize) -> ApiError {
    drain(body).await;
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("the body has more than {most} bytes"))
}

/// Lets most of a body pass that is not read: its client may look for no answer before.
async fn drain(mut body: Body) {
    let pass = async {
        let mut passed = 0;
        while let Some(Ok(frame)) = body.frame().await
            && passed <= MAX_DOCUMENT_BYTES
        {
            passed += frame.data_ref().map_or(0, |data| data.len());
        }
    };
    // Who takes longer than that is answered meanwhile.
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

    /// A body that does not say how long it is.
    fn pieces(length: usize) -> Body {
        let pieces = std::iter::repeat_n("x".repeat(1 << 10), length >> 10);
        Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
    }

    /// A body that does not go on after so much.
    fn stalled(length: usize) -> Body {
        let begun = stream::iter([Ok::<_, Infallible>("x".repeat(length))]);
        Body::from_stream(begun.chain(stream::pending()))
    }

    fn memory_budget(bytes: usize) -> MemoryBudget {
        MemoryBudget::new(bytes, "full")
    }

    fn upload_limit() -> ConcurrencyLimit {
        ConcurrencyLimit::new(1, 1, Duration::from_secs(1), "full")
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
    async fn stalled_upload_delays_no_small_request() {
        let rooms = memory_budget(MAX_REQUEST_BYTES);
        let slow = tokio::spawn({
            let rooms = rooms.clone();
            async move { read_request(stalled(SMALL_BODY_BYTES + 1), &rooms).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(
            read_request(Body::from("x".repeat(SMALL_BODY_BYTES)), &rooms).await.unwrap().text.len(),
            SMALL_BODY_BYTES
        );
        for body in [Body::from("x".repeat(SMALL_BODY_BYTES + 1)), pieces(2 * SMALL_BODY_BYTES)] {
            assert_eq!(status(read_request(body, &rooms).await), StatusCode::SERVICE_UNAVAILABLE);
        }
        assert_eq!(status(slow.await.unwrap()), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(status(read_request(Body::from("x".repeat(SMALL_BODY_BYTES + 1)), &rooms).await), StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn large_document_waits_for_a_permit_and_a_small_one_does_not() {
        let (rooms, turns) = (memory_budget(2 * MAX_REQUEST_BYTES), upload_limit());
        let first = read_document(pieces(2 * MAX_REQUEST_BYTES), &rooms, &turns).await.unwrap();
        assert_eq!(first.text.len(), 2 * MAX_REQUEST_BYTES);
        assert!(read_document(Body::from("{}"), &rooms, &turns).await.is_ok_and(|read| read.upload_permit.is_none()));
        for body in [pieces(2 * MAX_REQUEST_BYTES), Body::from("x".repeat(2 * MAX_REQUEST_BYTES))] {
            assert_eq!(status(read_document(body, &rooms, &turns).await), StatusCode::SERVICE_UNAVAILABLE);
        }
        drop(first);
        assert_eq!(status(read_document(pieces(2 * MAX_REQUEST_BYTES), &rooms, &turns).await), StatusCode::OK);
        let longest = read_document(pieces(MAX_DOCUMENT_BYTES + (1 << 10)), &rooms, &turns).await;
        assert_eq!(status(longest), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
