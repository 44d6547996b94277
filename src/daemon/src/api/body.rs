//! What a request brings along, in bounded memory.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::error::Error;

/// The longest question, in bytes: 10,000 references of 200 bytes, the most that one call has, and small policies.
pub const QUESTION: usize = 2 << 20;

/// The longest body with a policy, in bytes: the longest policy, and as much again for what JSON adds around it.
pub const DOCUMENT: usize = 2 * pullgate::MAX_DOCUMENT;

/// A body that may have a policy in it.
pub struct Document {
    /// What was sent.
    pub text: String,
    /// Room for a long one, until it is dropped.
    pub room: Option<OwnedSemaphorePermit>,
}

/// Reads a question.
pub async fn question(body: Body) -> Result<String, Error> {
    text(body, QUESTION).await
}

/// Reads a body of at most `most` bytes.
pub async fn text(mut body: Body, most: usize) -> Result<String, Error> {
    let mut bytes = Vec::new();
    match gather(&mut body, &mut bytes, most).await? {
        true => utf8(bytes),
        false => Err(too_long(body, most).await),
    }
}

/// Reads a body that may have a policy in it. More than a question is read only once there is room for it.
pub async fn document(mut body: Body, rooms: &Arc<Semaphore>) -> Result<Document, Error> {
    let mut bytes = Vec::new();
    if gather(&mut body, &mut bytes, QUESTION).await? {
        return Ok(Document { text: utf8(bytes)?, room: None });
    }
    if body.size_hint().lower() > DOCUMENT as u64 {
        return Err(too_long(body, DOCUMENT).await);
    }
    let room = Arc::clone(rooms).acquire_owned().await.ok();
    match gather(&mut body, &mut bytes, DOCUMENT).await? {
        true => Ok(Document { text: utf8(bytes)?, room }),
        false => Err(too_long(body, DOCUMENT).await),
    }
}

/// Reads on to the end, or until there is more than so much. Says whether that was the end.
async fn gather(body: &mut Body, bytes: &mut Vec<u8>, most: usize) -> Result<bool, Error> {
    // A body that says how long it is need not be begun.
    while bytes.len() as u64 + body.size_hint().lower() <= most as u64 {
        match body.frame().await {
            Some(Ok(frame)) => bytes.extend(frame.data_ref().into_iter().flatten()),
            Some(Err(error)) => return Err(Error::bad_request(format!("the body broke off: {error}"))),
            None => return Ok(true),
        }
    }
    Ok(false)
}

fn utf8(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes)
        .map_err(|error| Error::bad_request(format!("the body cannot be read: {}", error.utf8_error())))
}

/// Says so, once most of it was sent: a client may read no answer before.
async fn too_long(mut body: Body, most: usize) -> Error {
    let mut passed = 0;
    while let Some(Ok(frame)) = body.frame().await {
        passed += frame.data_ref().map_or(0, |data| data.len());
        if passed > DOCUMENT {
            break;
        }
    }
    Error::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("the body has more than {most} bytes"))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use axum::response::IntoResponse;
    use futures_util::stream;

    use super::*;

    fn status(error: Error) -> StatusCode {
        error.into_response().status()
    }

    /// A body that does not say how long it is.
    fn pieces(length: usize) -> Body {
        let pieces = std::iter::repeat_n("x".repeat(1 << 10), length >> 10);
        Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
    }

    #[tokio::test]
    async fn a_question_has_a_limit_whether_it_says_its_length_or_not() {
        for body in [Body::from("x".repeat(QUESTION)), pieces(QUESTION)] {
            assert_eq!(question(body).await.ok().unwrap().len(), QUESTION);
        }
        for body in [Body::from("x".repeat(QUESTION + 1)), pieces(QUESTION + (1 << 10))] {
            assert_eq!(question(body).await.map_err(status), Err(StatusCode::PAYLOAD_TOO_LARGE));
        }
        assert_eq!(question(Body::from(vec![b'"', 0xff])).await.map_err(status), Err(StatusCode::BAD_REQUEST));
    }

    #[tokio::test]
    async fn a_long_document_waits_for_room_and_a_short_one_does_not() {
        let rooms = Arc::new(Semaphore::new(1));
        let first = document(pieces(2 * QUESTION), &rooms).await.ok().unwrap();
        assert_eq!(first.text.len(), 2 * QUESTION);
        assert!(document(Body::from("{}"), &rooms).await.is_ok_and(|document| document.room.is_none()));
        let waits = tokio::time::timeout(Duration::from_millis(50), document(pieces(2 * QUESTION), &rooms)).await;
        assert!(waits.is_err());
        drop(first);
        assert!(document(pieces(2 * QUESTION), &rooms).await.is_ok());
        assert_eq!(
            document(pieces(DOCUMENT + (1 << 10)), &rooms).await.map(|_| ()).map_err(status),
            Err(StatusCode::PAYLOAD_TOO_LARGE)
        );
    }
}
