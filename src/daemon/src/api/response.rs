//! Answers in JSON, in bounded memory.

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;
use crate::server::load_shed::{MemoryBudget, Permit};

/// An answer that is in memory until it was sent, however slowly it is read. A long one needs room for that.
pub async fn buffered_json(text: String, rooms: &MemoryBudget) -> Result<Response, ApiError> {
    let room = rooms.acquire(text.len()).await?;
    Ok(json_with_permit(text, room))
}

/// An answer that has its room already.
pub fn json_with_permit(text: String, room: Permit) -> Response {
    ([(CONTENT_TYPE, "application/json")], Bytes::from_owner(PermittedBody { text, _room: room })).into_response()
}

struct PermittedBody {
    text: String,
    _room: Permit,
}

impl AsRef<[u8]> for PermittedBody {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::server::load_shed::SMALL_BODY_BYTES;

    #[tokio::test(start_paused = true)]
    async fn unread_response_holds_memory_until_dropped() {
        let rooms = MemoryBudget::new(2 * SMALL_BODY_BYTES, "full");
        let long = || buffered_json("x".repeat(2 * SMALL_BODY_BYTES), &rooms);
        let unread = long().await.unwrap();
        assert_eq!(
            long().await.map_err(|error| error.into_response().status()).err(),
            Some(StatusCode::SERVICE_UNAVAILABLE)
        );
        assert!(buffered_json("short".to_owned(), &rooms).await.is_ok());
        drop(unread);
        assert!(long().await.is_ok());
    }
}
