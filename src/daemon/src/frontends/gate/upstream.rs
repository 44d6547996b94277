//! HTTP/1.1 to a server.

use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use pullgate_connect::Connection;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::body::GateBody;
use super::connection::{MAX_BUFFER_BYTES, MAX_HEAD_BYTES};
use super::refusal::Refusal;

/// Timeout for the head of the response to a request without a body.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to a server, closed on drop.
pub struct Upstream {
    sender: SendRequest<GateBody>,
    host: String,
    task: AbortHandle,
}

impl Upstream {
    /// Begins HTTP on a connection.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn new(connection: Connection) -> Result<Self, Refusal> {
        let host = connection.endpoint().host_header();
        let mut builder = Builder::new();
        builder.max_header_size(MAX_HEAD_BYTES).max_buf_size(MAX_BUFFER_BYTES);
        let (sender, http) =
            builder.handshake(TokioIo::new(connection)).await.map_err(|error| upstream_error(&host, &error))?;
        // Its errors are those of the response.
        let task = tokio::spawn(async move { drop(http.await) }).abort_handle();
        Ok(Self { sender, host, task })
    }

    /// Sends a request in origin form.
    ///
    /// # Errors
    ///
    /// If there is no response, or if it is not HTTP.
    pub async fn send(&mut self, mut request: Request<GateBody>) -> Result<Response<Incoming>, Refusal> {
        *request.version_mut() = Version::HTTP_11;
        let host = HeaderValue::try_from(&self.host).map_err(|error| Refusal::unreachable(error.to_string()))?;
        request.headers_mut().insert(HOST, host);
        let is_empty = request.body().is_end_stream();
        let response = self.sender.send_request(request);
        let response = match is_empty {
            true => timeout(RESPONSE_TIMEOUT, response).await.map_err(|_| {
                let seconds = RESPONSE_TIMEOUT.as_secs();
                Refusal::unreachable(format!("`{}` did not answer within {seconds} seconds", self.host))
            })?,
            // The activity of the client's connection limits a request with a body.
            false => response.await,
        };
        response.map_err(|error| upstream_error(&self.host, &error))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn upstream_error(host: &str, error: &hyper::Error) -> Refusal {
    Refusal::unreachable(format!("the request to `{host}` failed: {error}"))
}
