//! Servers behind the gate. Each counts its connections and records what it receives.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pullgate_connect::crypto_provider;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::pki::Identity;

/// A server that ends with the value.
pub struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts a server that calls `serve` for each connection.
    pub async fn start<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream, Arc<Mutex<Vec<u8>>>) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, heard) = (Arc::new(AtomicUsize::new(0)), Arc::<Mutex<Vec<u8>>>::default());
        let (count, record) = (Arc::clone(&connections), Arc::clone(&heard));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&record)));
            }
        });
        Self { address, connections, heard, task }
    }

    /// Starts a server that returns what it receives, over TLS.
    pub async fn tls_echo(identity: &Identity) -> Self {
        let acceptor = acceptor(identity);
        Self::start(move |stream, heard| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    echo(stream, heard).await;
                }
            }
        })
        .await
    }

    /// Starts a server that returns what it receives.
    pub async fn echo() -> Self {
        Self::start(echo).await
    }

    /// Starts a server that answers every request with this response, and closes the connection.
    pub async fn http(response: &'static str) -> Self {
        Self::start(move |mut stream, heard| async move {
            let request = read_request(&mut stream).await;
            heard.lock().unwrap().extend(request);
            let _ = stream.write_all(response.as_bytes()).await;
        })
        .await
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns what was received, inside TLS.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns an acceptor that presents an identity.
pub fn acceptor(identity: &Identity) -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin, heard: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        heard.lock().unwrap().extend(&buffer[..length]);
        if stream.write_all(&buffer[..length]).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

/// Reads a request with its body, by its framing.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut read = Vec::new();
    let is_complete = |read: &[u8]| {
        let text = String::from_utf8_lossy(read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let head = head.to_ascii_lowercase();
        if head.contains("transfer-encoding: chunked") {
            return body.ends_with("0\r\n\r\n");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        body.len() >= length.parse::<usize>().unwrap()
    };
    while !is_complete(&read) {
        if !matches!(stream.read_buf(&mut read).await, Ok(1..)) {
            break;
        }
    }
    read
}
