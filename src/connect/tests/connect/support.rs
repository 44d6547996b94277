//! Test servers, hand-made decisions, and connections under them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pullgate::{Allow, Attempt, Scheme, TrustAnchor};
use pullgate_connect::rustls::server::{ClientHello, ResolvesServerCert};
use pullgate_connect::rustls::sign::CertifiedKey;
use pullgate_connect::rustls::version::{TLS12, TLS13};
use pullgate_connect::rustls::{ServerConfig, SupportedProtocolVersion};
use pullgate_connect::{
    AttemptError, ConnectError, ConnectLimits, Connection, Connector, FailedAttempt, RootStore, VerificationError,
    crypto_provider,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::pki::Identity;

/// The first bytes of every test server.
pub const GREETING: &[u8] = b"greetings";

/// A TLS server that lives as long as the test's runtime.
pub struct Server {
    pub port: u16,
    /// The server names (SNI) of the clients.
    asked: Arc<Mutex<Vec<Option<String>>>>,
}

/// A resolver that presents one certificate with any key, matching or not.
#[derive(Debug)]
struct FixedCertificate(Arc<CertifiedKey>, Arc<Mutex<Vec<Option<String>>>>);

impl ResolvesServerCert for FixedCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.1.lock().unwrap().push(hello.server_name().map(str::to_owned));
        Some(Arc::clone(&self.0))
    }
}

impl Server {
    pub async fn new(identity: &Identity) -> Self {
        Self::with(identity, identity, &[&TLS13, &TLS12]).await
    }

    /// Starts a server with the certificate of `identity` and the key of `key`.
    pub async fn with(identity: &Identity, key: &Identity, versions: &[&'static SupportedProtocolVersion]) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let key = crypto_provider().key_provider.load_private_key(key.key()).unwrap();
        let presents = FixedCertificate(Arc::new(CertifiedKey::new(identity.chain.clone(), key)), Arc::clone(&asked));
        let mut config = ServerConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(presents));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let port = listen("127.0.0.1:0", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.write_all(GREETING).await;
                    let _ = stream.read(&mut [0; 64]).await;
                }
            }
        });
        Self { port: port.await, asked }
    }

    pub fn asked(&self) -> Vec<Option<String>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// Serves every connection and returns the port.
pub async fn listen<F: Future<Output = ()> + Send + 'static>(
    address: &str,
    mut serve: impl FnMut(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// Starts a server without TLS that answers everything with the same text.
pub async fn plain(text: &'static [u8]) -> u16 {
    listen("127.0.0.1:0", move |mut stream| async move {
        let _ = stream.read(&mut [0; 4_096]).await;
        let _ = stream.write_all(text).await;
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await
}

/// Returns a port without a listener.
pub async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

pub const VERIFIED: (Scheme, bool) = (Scheme::Https, true);
pub const UNVERIFIED: (Scheme, bool) = (Scheme::Https, false);
pub const HTTP: (Scheme, bool) = (Scheme::Http, false);

/// Returns a decision about a registry on one port.
pub fn allowed(
    port: u16,
    attempts: &[(Scheme, bool)],
    authorities: &[&TrustAnchor],
    pinned: &[&str],
) -> Allow<'static> {
    let attempt = |&(scheme, verified): &(Scheme, bool)| Attempt { scheme, port, verified, host: None };
    Allow {
        by: None,
        attempts: attempts.iter().map(attempt).collect(),
        authorities: authorities.iter().map(|authority| authority.fingerprint.clone().into()).collect(),
        pinned: pinned.iter().map(|&address| address.to_owned()).collect(),
    }
}

pub fn limits() -> ConnectLimits {
    ConnectLimits { address_timeout: Duration::from_secs(5), total_timeout: Duration::from_secs(20) }
}

pub fn connector() -> Connector {
    Connector::new(RootStore::empty(), limits()).unwrap()
}

/// Connects to the test server as `registry.test`, verified, with these trust anchors.
pub async fn connect(port: u16, authorities: &[&TrustAnchor]) -> Result<Connection, ConnectError> {
    connect_to("registry.test", port, authorities).await
}

pub async fn connect_to(registry: &str, port: u16, authorities: &[&TrustAnchor]) -> Result<Connection, ConnectError> {
    let known: Vec<TrustAnchor> = authorities.iter().map(|&authority| authority.clone()).collect();
    connector().connect(registry, &allowed(port, &[VERIFIED], authorities, &["127.0.0.1"]), &known).await
}

pub async fn greets(mut connection: Connection) {
    let mut greeting = vec![0; GREETING.len()];
    connection.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, GREETING);
    connection.write_all(b"and to you").await.unwrap();
    connection.flush().await.unwrap();
    connection.shutdown().await.unwrap();
}

pub fn attempts(result: Result<Connection, ConnectError>) -> Vec<FailedAttempt> {
    match result {
        Err(ConnectError::Failed { attempts, .. }) => attempts,
        other => panic!("{other:?}"),
    }
}

pub fn error(result: Result<Connection, ConnectError>) -> AttemptError {
    let mut attempts = attempts(result);
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    attempts.remove(0).error
}

pub fn refusal(result: Result<Connection, ConnectError>) -> VerificationError {
    match error(result) {
        AttemptError::Certificate(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}
