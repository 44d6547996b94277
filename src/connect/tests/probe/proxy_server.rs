//! A forward proxy on loopback, which finds every host at 127.0.0.1.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::pki::Identity;
use crate::servers::config;

/// A proxy that lives as long as the test's runtime.
pub struct ProxyServer {
    port: u16,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<String>>>,
}

/// The behaviour of a proxy.
#[derive(Clone)]
pub enum ProxyAnswer {
    /// It does what the request says.
    Relay,
    /// It answers with these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// It never answers.
    Hang,
}

impl ProxyServer {
    pub async fn relay() -> Self {
        Self::start(None, ProxyAnswer::Relay).await
    }

    pub async fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::start(None, ProxyAnswer::Bytes(bytes.into())).await
    }

    /// Starts a proxy, inside TLS if there is an identity.
    pub async fn start(identity: Option<&Identity>, answer: ProxyAnswer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = identity.map(|identity| TlsAcceptor::from(Arc::new(config(identity))));
        let proxy = Self { port, scheme: if identity.is_some() { "https" } else { "http" }, requests: Arc::default() };
        let requests = Arc::clone(&proxy.requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, answer, acceptor) = (Arc::clone(&requests), answer.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, &requests, answer).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &requests, answer).await;
                            }
                        }
                    }
                });
            }
        });
        proxy
    }

    /// Returns the URL, with a login if there is one: `USER:PASSWORD@`.
    pub fn url(&self, login: &str) -> String {
        format!("{}://{login}127.0.0.1:{}", self.scheme, self.port)
    }

    /// Returns the requests that the proxy itself has read.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the first lines of the requests.
    pub fn request_lines(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, requests: &Mutex<Vec<String>>, answer: ProxyAnswer) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let request = String::from_utf8(request).unwrap();
    requests.lock().unwrap().push(request.clone());
    match answer {
        ProxyAnswer::Relay => relay(stream, &request).await,
        ProxyAnswer::Hang => std::future::pending().await,
        ProxyAnswer::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            // Unread bytes would reset the connection.
            let _ = stream.read(&mut [0; 4_096]).await;
        }
    }
}

/// Connects the client to the port of the request's target, and sends the request on unless it is `CONNECT`.
async fn relay(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) {
    let target = request.split(' ').nth(1).unwrap();
    let authority = target.strip_prefix("http://").unwrap_or(target).split('/').next().unwrap();
    let port: u16 = authority.rsplit_once(':').unwrap().1.parse().unwrap();
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else {
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
        return;
    };
    if request.starts_with("CONNECT ") {
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    } else {
        let path = &target["http://".len() + authority.len()..];
        let lines = request.lines().filter(|line| !line.to_lowercase().starts_with("proxy-"));
        let sent: String = lines.map(|line| format!("{line}\r\n")).collect();
        server.write_all(sent.replacen(target, path, 1).as_bytes()).await.unwrap();
    }
    let _ = copy_bidirectional(&mut stream, &mut server).await;
}
