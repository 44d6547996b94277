//! Something that listens in front of the registry, and keeps what it hears.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Passes connections on to the registry. As the registry takes whole URLs, too, one serves as a proxy for plain HTTP; as
/// a proxy for TLS, it leads to registries of their own.
pub struct RecordingProxy {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<u8>>>,
    serving: JoinHandle<()>,
}

impl RecordingProxy {
    pub async fn to(registry: SocketAddr, listen: &str) -> Self {
        Self::proxy(registry, listen, Vec::new()).await
    }

    /// As a proxy, it lets through TLS to these, `HOST:PORT`, and to no others. All of them are on this machine.
    pub async fn proxy(registry: SocketAddr, listen: &str, tunnels: Vec<String>) -> Self {
        let listener = TcpListener::bind(listen).await.unwrap_or_else(|error| panic!("{listen}: {error}"));
        let address = listener.local_addr().unwrap();
        let (connections, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let serving = tokio::spawn(serve(
            listener,
            ProxyRoutes { registry, tunnels },
            Arc::clone(&connections),
            Arc::clone(&heard),
        ));
        Self { address, connections, heard, serving }
    }

    /// How many there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Whether something was heard.
    pub fn has_seen(&self, text: &str) -> bool {
        self.heard.lock().unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Where connections lead to.
#[derive(Clone)]
struct ProxyRoutes {
    registry: SocketAddr,
    tunnels: Vec<String>,
}

impl ProxyRoutes {
    /// Where a connection leads to that begins with these bytes, and whether they are for there.
    fn target_of(&self, first: &[u8]) -> Option<(SocketAddr, bool)> {
        let Some(rest) = first.strip_prefix(b"CONNECT ") else { return Some((self.registry, true)) };
        let authority = std::str::from_utf8(rest).ok()?.split(' ').next()?;
        let (_, port) = authority.rsplit_once(':')?;
        let known = self.tunnels.iter().any(|tunnel| tunnel == authority);
        known.then_some((SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)), false))
    }
}

async fn serve(listener: TcpListener, ways: ProxyRoutes, connections: Arc<AtomicUsize>, heard: Arc<Mutex<Vec<u8>>>) {
    while let Ok((client, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(forward(client, ways.clone(), Arc::clone(&heard)));
    }
}

async fn forward(mut client: TcpStream, ways: ProxyRoutes, heard: Arc<Mutex<Vec<u8>>>) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    // A client that asks for a tunnel says so in one piece, and then waits.
    let first = client.read(&mut buffer).await?;
    heard.lock().unwrap().extend_from_slice(&buffer[..first]);
    let Some((address, is_for_there)) = ways.target_of(&buffer[..first]) else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
    };
    let mut server = TcpStream::connect(address).await?;
    if is_for_there {
        server.write_all(&buffer[..first]).await?;
    } else {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
    loop {
        let length = from_client.read(&mut buffer).await?;
        if length == 0 {
            break;
        }
        heard.lock().unwrap().extend_from_slice(&buffer[..length]);
        to_server.write_all(&buffer[..length]).await?;
    }
    drop(to_server);
    let _ = back.await;
    Ok(())
}
