//! Test servers that live as long as the test's runtime.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pullgate_connect::crypto_provider;
use pullgate_connect::rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::pki::Identity;

/// A server that answers each request with fixed bytes and closes the connection.
pub struct Server {
    pub address: String,
    pub port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a plain HTTP server on 127.0.0.1.
    pub async fn plain(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start("127.0.0.1", None, answer).await
    }

    /// Starts a TLS server on 127.0.0.1.
    pub async fn tls(identity: &Identity, answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start("127.0.0.1", Some(identity), answer).await
    }

    /// Starts a server. `answer` receives the path of a request; with an empty answer the server hangs, and with
    /// `keep-alive` in it the server hangs after the answer.
    pub async fn start(
        address: &str,
        identity: Option<&Identity>,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::with(address, identity.map(config), answer).await
    }

    /// Starts a server with a given TLS configuration.
    pub async fn with(
        address: &str,
        config: Option<ServerConfig>,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = config.map(|config| TlsAcceptor::from(Arc::new(config)));
        let (connections, requests, answer) = (Arc::default(), Arc::default(), Arc::new(answer));
        let server = Self { address: address.to_owned(), port, connections, requests };
        let (connections, requests) = (Arc::clone(&server.connections), Arc::clone(&server.requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, answer, acceptor) = (Arc::clone(&requests), Arc::clone(&answer), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, &requests, &*answer).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &requests, &*answer).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    /// Returns the number of accepted connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns the received requests.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns `ADDRESS:PORT`.
    pub fn registry(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }
}

/// Returns a TLS configuration with this certificate.
pub fn config(identity: &Identity) -> ServerConfig {
    ServerConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key())
        .unwrap()
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: &Mutex<Vec<String>>,
    answer: &(dyn Fn(&str) -> Vec<u8> + Send + Sync),
) {
    let (mut request, mut part) = (Vec::new(), [0; 4_096]);
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&part[..length]),
        }
        // A TLS client on a plain HTTP server gets a 400 response, as from real servers.
        if request[0] == 0x16 {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
            return;
        }
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    requests.lock().unwrap().push(request);
    let answer = answer(&path);
    if answer.is_empty() {
        std::future::pending::<()>().await;
    }
    let _ = stream.write_all(&answer).await;
    if answer.windows(10).any(|text| text == b"keep-alive") {
        std::future::pending::<()>().await;
    }
    let _ = stream.shutdown().await;
    // Unread bytes would reset the connection.
    let _ = stream.read(&mut part).await;
}

/// Returns a response with these headers and body.
pub fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// Returns the handler of a V2 registry: `/v2/` with these additional headers, and 404 for the rest.
pub fn v2(status: &'static str, headers: &[(&str, &str)]) -> impl Fn(&str) -> Vec<u8> + Send + Sync + 'static + use<> {
    let mut all = vec![("Docker-Distribution-Api-Version", "registry/2.0"), ("Content-Type", "application/json")];
    all.extend_from_slice(headers);
    let found = answer(status, &all, "{}");
    move |path| if path.split('?').next() == Some("/v2/") { found.clone() } else { answer("404 Not Found", &[], "") }
}

/// Returns the handler of a V1 registry.
pub fn v1(server: &'static str) -> impl Fn(&str) -> Vec<u8> + Send + Sync + 'static {
    move |path| match path {
        "/v1/_ping" => answer(
            "200 OK",
            &[("Server", server), ("X-Docker-Registry-Version", "0.9.1"), ("Content-Type", "application/json")],
            "true",
        ),
        _ => answer("404 Not Found", &[("Server", server)], "<html>not found</html>"),
    }
}

/// Returns the handler of a registry with its token server at this URL.
pub fn v2_with_tokens(realm: &str) -> impl Fn(&str) -> Vec<u8> + Send + Sync + 'static + use<> {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"registry.test\"");
    v2("401 Unauthorized", &[("WWW-Authenticate", &challenge)])
}

/// Answers an anonymous token request.
pub fn tokens(_: &str) -> Vec<u8> {
    answer("200 OK", &[("Content-Type", "application/json")], r#"{"token": "secret"}"#)
}

/// Serves every connection with the given function and returns the port.
pub async fn raw<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// Returns a port without a listener.
pub async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}
