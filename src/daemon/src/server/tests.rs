//! Clients that only hold connections, and one that sends requests.

use std::net::{Ipv4Addr, SocketAddr};

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::settings::ListenAddr;

/// Timeout for every wait, far longer than any of them takes.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

const TEST_CONNECTIONS: usize = 8;

/// The address of a client that holds no connections.
const OTHER_CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Response size in bytes, far above the buffers of two sockets.
const LARGE_RESPONSE_BYTES: usize = 16 << 20;

/// The HTTP/2 preface, empty settings, and `GET /` from the static table.
const HTTP2_GET: &[u8] =
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x04\x01\x05\0\0\0\x01\x82\x84\x86\x41\x01h";

/// An HTTP/2 `PING` frame.
const HTTP2_PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0........";

struct TestServer {
    address: SocketAddr,
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

async fn start_server(limits: ListenerLimits) -> TestServer {
    let listener = Listener::bind(&ListenAddr::Tcp("127.0.0.1:0".parse().unwrap()), 0o600).await.unwrap();
    let address = listener.local_addr().unwrap().parse().unwrap();
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/large", get(|| async { vec![0; LARGE_RESPONSE_BYTES] }));
    let (stop, stopping) = watch::channel(false);
    let task = tokio::spawn(serve_with_limits(limits, listener, ListenerRole::Admission, None, router, stopping));
    TestServer { address, task, stop }
}

fn limits() -> ListenerLimits {
    ListenerLimits { max_connections: TEST_CONNECTIONS, ..ListenerLimits::default() }
}

impl TestServer {
    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Asserts that another client is answered: connections of the first one beyond its own are dropped.
    async fn answers(&self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((OTHER_CLIENT, 0))).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        in_time(stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_TIMEOUT, work).await.expect("it takes no longer than that")
}

/// Writes the bytes repeatedly until the peer closes the connection.
async fn wait_until_closed(mut stream: TcpStream, sign: &[u8]) {
    in_time(async {
        while stream.write_all(sign).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn full_listener_still_answers_new_clients() {
    let server = start_server(limits()).await;
    let silent: &[u8] = b"";
    let unread: &[u8] = b"GET /large HTTP/1.1\r\nHost: h\r\n\r\nGET /large HTTP/1.1\r\nHost: h\r\n\r\n";
    for bytes in [silent, b"GET / HT", unread, HTTP2_GET] {
        let mut held = Vec::new();
        for _ in 0..2 * TEST_CONNECTIONS {
            held.push(in_time(server.send(bytes)).await);
        }
        for _ in 0..TEST_CONNECTIONS {
            server.answers().await;
        }
    }
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let idle_timeout = Duration::from_millis(100);
    let server = start_server(ListenerLimits { idle_timeout, ..limits() }).await;
    wait_until_closed(server.send(HTTP2_GET).await, HTTP2_PING).await;
    // A response that is not read.
    wait_until_closed(server.send(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n").await, b"\r\n").await;
    server.answers().await;
}

#[tokio::test]
async fn stopped_server_answers_requests_in_flight_and_ends() {
    let server = start_server(limits()).await;
    let mut asked = server.send(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let _silent = server.send(b"").await;
    let mut answer = vec![0; 1];
    in_time(asked.read_exact(&mut answer)).await.unwrap();
    server.stop.send(true).unwrap();
    in_time(asked.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.len() > LARGE_RESPONSE_BYTES);
    in_time(server.task).await.unwrap();
}
