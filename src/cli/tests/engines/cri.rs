//! A client of the Container Runtime Interface: gRPC over a unix socket, with the few messages of the tests by hand.

use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;

pub struct CriClient {
    runtime: tokio::runtime::Runtime,
    socket: PathBuf,
}

impl CriClient {
    pub fn new(socket: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { runtime, socket: socket.to_owned() }
    }

    /// Pulls an image, as the kubelet does. Returns its id, or the error's text.
    pub fn pull(&self, image: &str) -> Result<String, String> {
        let response = self.call("ImageService/PullImage", &message(1, &message(1, image.as_bytes())))?;
        Ok(String::from_utf8_lossy(member(&response, 1).unwrap_or_default()).into_owned())
    }

    /// Returns whether an image is there.
    pub fn has(&self, image: &str) -> bool {
        let response = self.call("ImageService/ImageStatus", &message(1, &message(1, image.as_bytes()))).unwrap();
        member(&response, 1).is_some()
    }

    /// Removes an image.
    pub fn remove(&self, image: &str) {
        self.call("ImageService/RemoveImage", &message(1, &message(1, image.as_bytes()))).unwrap();
    }

    /// Starts the sandbox of a pod, for which containerd pulls an image by itself.
    pub fn run_pod_sandbox(&self) -> Result<(), String> {
        let metadata = [message(1, b"pod"), message(2, b"uid"), message(3, b"default")].concat();
        // The network of the node, which needs no plugin: member `network` with the value `NODE`.
        let network = message(8, &message(2, &message(1, &[1 << 3, 2])));
        let config = [message(1, &metadata), network].concat();
        self.call("RuntimeService/RunPodSandbox", &message(1, &config)).map(drop)
    }

    /// Calls a method. Returns the response, or the text of the status.
    fn call(&self, method: &str, message: &[u8]) -> Result<Vec<u8>, String> {
        // A frame: not compressed, and the length.
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend(message);
        let request = Request::post(format!("http://localhost/runtime.v1.{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from(frame)))
            .unwrap();
        let (head, body) = self.runtime.block_on(async {
            let stream = UnixStream::connect(&self.socket).await.unwrap();
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let (head, body) = sender.send_request(request).await.unwrap().into_parts();
            (head, body.collect().await.unwrap())
        });
        // A call that fails at once has its status in the head.
        let trailers = body.trailers().cloned().unwrap_or(head.headers);
        let text = |name: &str| trailers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        match text("grpc-status").as_str() {
            "0" => Ok(body.to_bytes().get(5..).unwrap_or_default().to_vec()),
            status => Err(format!("{status}: {}", text("grpc-message"))),
        }
    }
}

/// Encodes a member of a message: its number, the length, and the bytes of a text or of another message.
fn message(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = vec![(number << 3) | 2];
    let mut length = bytes.len();
    while length > 0x7f {
        encoded.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    encoded.push(u8::try_from(length).unwrap());
    encoded.extend(bytes);
    encoded
}

/// Returns the bytes of the first member with a number, where all members up to it have bytes.
fn member(mut message: &[u8], number: u8) -> Option<&[u8]> {
    while let Some((&tag, rest)) = message.split_first() {
        let (mut length, mut shift, mut used) = (0, 0, 0);
        for &byte in rest {
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            used += 1;
            if byte < 0x80 {
                break;
            }
        }
        let end = used + length;
        if tag == (number << 3) | 2 {
            return rest.get(used..end);
        }
        message = rest.get(end..)?;
    }
    None
}
