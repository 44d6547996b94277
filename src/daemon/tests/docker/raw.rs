//! Requests that no client sends.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Sends bytes. Returns the status and the rest of the response; `None` without one.
pub async fn send(socket: &Path, request: &[u8]) -> Option<(u16, String)> {
    send_within(socket, request, Duration::from_secs(40)).await
}

/// Sends bytes as [`send`] does, with a time limit.
pub async fn send_within(socket: &Path, request: &[u8], limit: Duration) -> Option<(u16, String)> {
    timeout(limit, exchange(socket, request)).await.ok()?
}

/// Returns the JSON in a response.
pub fn json_in(response: &str) -> &str {
    let (start, end) = (response.find('{').unwrap_or(0), response.rfind('}').map_or(0, |end| end + 1));
    response.get(start..end).unwrap_or_default()
}

async fn exchange(socket: &Path, request: &[u8]) -> Option<(u16, String)> {
    let mut stream = UnixStream::connect(socket).await.ok()?;
    // dockerd may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        answer.extend_from_slice(&buffer[..length]);
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, text))
}
