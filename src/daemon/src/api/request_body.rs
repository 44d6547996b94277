//! What a request brings along, in bounded memory.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::api::error::Error;
use crate::server::load_shed::{Budget, Busy, Room, SHORT, Turns, gather, whole};

/// The longest question, in bytes: 10,000 references of 200 bytes, the most that one call has, and small policies.
pub const QUESTION: usize = 2 << 20;

/// The longest body with a policy, in bytes: the longest policy, and as much again for what JSON adds around it.
pub const DOCUMENT: usize = 2 * pullgate::MAX_DOCUMENT;

/// How long a question may take to arrive: meanwhile it has room that others wait for.
const ARRIVAL: Duration = Duration::from_secs(10);

/// The same for a body with a policy.
const LONG_ARRIVAL: Duration = Duration::from_secs(60);

/// A body, and the room that it has in memory.
#[derive(Debug)]
pub struct Read {
    /// What was sent.
    pub text: String,
    /// Room for it.
    pub room: Room,
    /// The turn of one that is longer than a question.
    pub turn: Room,
}

/// Reads a question.
pub async fn question(mut body: Body, rooms: &Budget) -> Result<Read, Error> {
    let mut bytes = Vec::new();
    match begin(&mut body, &mut bytes, rooms).await? {
        (true, room) => Ok(Read { text: utf8(bytes)?, room, turn: None }),
        (false, room) => {
            drop((bytes, room));
            Err(too_long(body, QUESTION).await)
        }
    }
}

/// Reads a body that may have a policy in it. More than a question is read only when it is its turn.
pub async fn document(mut body: Body, rooms: &Budget, turns: &Turns) -> Result<Read, Error> {
    let mut bytes = Vec::new();
    let (is_whole, room) = begin(&mut body, &mut bytes, rooms).await?;
    if is_whole {
        return Ok(Read { text: utf8(bytes)?, room, turn: None });
    }
    if body.size_hint().lower() > DOCUMENT as u64 {
        return Err(too_long(body, DOCUMENT).await);
    }
    let turn = match turns.turn().await {
        Ok(turn) => turn,
        Err(busy) => return Err(turned_away(body, busy).await),
    };
    match arrived(LONG_ARRIVAL, &mut body, &mut bytes, DOCUMENT).await? {
        true => Ok(Read { text: utf8(bytes)?, room, turn }),
        false => Err(too_long(body, DOCUMENT).await),
    }
}

/// Reads the policy that is to take the current one's place. Who may do this may have the memory for it.
pub async fn policy(mut body: Body) -> Result<String, Error> {
    let mut bytes = Vec::new();
    match arrived(LONG_ARRIVAL, &mut body, &mut bytes, DOCUMENT).await? {
        true => utf8(bytes),
        false => Err(too_long(body, DOCUMENT).await),
    }
}

/// Reads a body as far as a question goes: what is short at once, and the rest when there is room for it. Says whether that
/// is all of it. One that says that it is longer is not read.
async fn begin(body: &mut Body, bytes: &mut Vec<u8>, rooms: &Budget) -> Result<(bool, Room), Error> {
    if arrived(ARRIVAL, body, bytes, SHORT).await? {
        return Ok((true, None));
    }
    if bytes.len() as u64 + body.size_hint().lower() > QUESTION as u64 {
        return Ok((false, None));
    }
    match rooms.room(whole(body, bytes.len(), QUESTION)).await {
        Ok(room) => Ok((arrived(ARRIVAL, body, bytes, QUESTION).await?, room)),
        Err(busy) => Err(turned_away(std::mem::take(body), busy).await),
    }
}

async fn arrived(time: Duration, body: &mut Body, bytes: &mut Vec<u8>, most: usize) -> Result<bool, Error> {
    match timeout(time, gather(body, bytes, most)).await {
        Ok(read) => read.map_err(|error| Error::bad_request(format!("the body broke off: {error}"))),
        Err(_) => {
            let message = format!("the body was not complete after {} seconds", time.as_secs());
            Err(Error::new(StatusCode::REQUEST_TIMEOUT, "too-slow", message))
        }
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes)
        .map_err(|error| Error::bad_request(format!("the body cannot be read: {}", error.utf8_error())))
}

/// Says that others come first.
pub async fn turned_away(body: Body, busy: Busy) -> Error {
    pass(body).await;
    busy.into()
}

async fn too_long(body: Body, most: usize) -> Error {
    pass(body).await;
    Error::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("the body has more than {most} bytes"))
}

/// Lets most of a body pass that is not read: its client may look for no answer before.
async fn pass(mut body: Body) {
    let pass = async {
        let mut passed = 0;
        while let Some(Ok(frame)) = body.frame().await
            && passed <= DOCUMENT
        {
            passed += frame.data_ref().map_or(0, |data| data.len());
        }
    };
    // Who takes longer than that is answered meanwhile.
    let _ = timeout(ARRIVAL, pass).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::response::IntoResponse;
    use futures_util::stream::{self, StreamExt};

    use super::*;

    fn status<T>(read: Result<T, Error>) -> StatusCode {
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

    fn rooms(bytes: usize) -> Budget {
        Budget::new(bytes, "full")
    }

    fn turns() -> Turns {
        Turns::new(1, 1, Duration::from_secs(1), "full")
    }

    #[tokio::test]
    async fn a_question_has_a_limit_whether_it_says_its_length_or_not() {
        let rooms = rooms(QUESTION);
        for body in [Body::from("x".repeat(QUESTION)), pieces(QUESTION)] {
            assert_eq!(question(body, &rooms).await.unwrap().text.len(), QUESTION);
        }
        for body in [Body::from("x".repeat(QUESTION + 1)), pieces(QUESTION + (1 << 10))] {
            assert_eq!(status(question(body, &rooms).await), StatusCode::PAYLOAD_TOO_LARGE);
        }
        assert_eq!(status(question(Body::from(vec![b'"', 0xff]), &rooms).await), StatusCode::BAD_REQUEST);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_go_on_holds_up_nobody_who_asks_little() {
        let rooms = rooms(QUESTION);
        let slow = tokio::spawn({
            let rooms = rooms.clone();
            async move { question(stalled(SHORT + 1), &rooms).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(question(Body::from("x".repeat(SHORT)), &rooms).await.unwrap().text.len(), SHORT);
        for body in [Body::from("x".repeat(SHORT + 1)), pieces(2 * SHORT)] {
            assert_eq!(status(question(body, &rooms).await), StatusCode::SERVICE_UNAVAILABLE);
        }
        assert_eq!(status(slow.await.unwrap()), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(status(question(Body::from("x".repeat(SHORT + 1)), &rooms).await), StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_document_waits_for_its_turn_and_a_short_one_does_not() {
        let (rooms, turns) = (rooms(2 * QUESTION), turns());
        let first = document(pieces(2 * QUESTION), &rooms, &turns).await.unwrap();
        assert_eq!(first.text.len(), 2 * QUESTION);
        assert!(document(Body::from("{}"), &rooms, &turns).await.is_ok_and(|read| read.turn.is_none()));
        for body in [pieces(2 * QUESTION), Body::from("x".repeat(2 * QUESTION))] {
            assert_eq!(status(document(body, &rooms, &turns).await), StatusCode::SERVICE_UNAVAILABLE);
        }
        drop(first);
        assert_eq!(status(document(pieces(2 * QUESTION), &rooms, &turns).await), StatusCode::OK);
        let longest = document(pieces(DOCUMENT + (1 << 10)), &rooms, &turns).await;
        assert_eq!(status(longest), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
