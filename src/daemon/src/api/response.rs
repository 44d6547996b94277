//! Answers in JSON, in bounded memory.

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::api::error::Error;
use crate::server::load_shed::{Budget, Room};

/// An answer that is in memory until it was sent, however slowly it is read. A long one needs room for that.
pub async fn answer(text: String, rooms: &Budget) -> Result<Response, Error> {
    let room = rooms.room(text.len()).await?;
    Ok(within(text, room))
}

/// An answer that has its room already.
pub fn within(text: String, room: Room) -> Response {
    ([(CONTENT_TYPE, "application/json")], Bytes::from_owner(Held { text, _room: room })).into_response()
}

struct Held {
    text: String,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::server::load_shed::SHORT;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_takes_room_until_it_is_gone() {
        let rooms = Budget::new(2 * SHORT, "full");
        let long = || answer("x".repeat(2 * SHORT), &rooms);
        let unread = long().await.unwrap();
        assert_eq!(
            long().await.map_err(|error| error.into_response().status()).err(),
            Some(StatusCode::SERVICE_UNAVAILABLE)
        );
        assert!(answer("short".to_owned(), &rooms).await.is_ok());
        drop(unread);
        assert!(long().await.is_ok());
    }
}
