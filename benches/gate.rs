//! The gate beside a direct connection, side by side in one run: what a tunnel and a pull through it add in time, how much
//! they leave of the throughput, and the memory of idle tunnels. squid and nginx are measured beside it where they are
//! installed (Debian's packages `squid` and `nginx-light`).
//!
//! `cargo build --release -p pullgate-cli && cargo bench -p pullgate-benches --bench gate [-- ROUNDS MEBIBYTES]`

use std::fs;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pullgate_connect::crypto_provider;
use pullgate_connect::rustls::pki_types::{PrivateKeyDer, ServerName};
use pullgate_connect::rustls::{ClientConfig, RootCertStore, ServerConfig};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Number of idle tunnels whose memory is measured.
const IDLE_TUNNELS: usize = 1_000;

/// Size of the pieces of a blob in bytes.
const PIECE_BYTES: usize = 1 << 20;

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (rounds, mebibytes) = (arguments.next().unwrap_or(2_000), arguments.next().unwrap_or(512));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(rounds, mebibytes));
}

/// A program under measurement, ended on drop.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // By SIGTERM, so that squid takes its shared memory away.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A registry over TLS, and what a client needs to reach it.
struct Registry {
    address: SocketAddr,
    authority: String,
    tls: TlsConnector,
    blob: Arc<str>,
}

async fn measure(rounds: usize, mebibytes: usize) {
    let folder = std::env::temp_dir().join(format!("pullgate-bench-gate-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let registry = Registry::start(mebibytes).await;
    let (gate, address) = start_gate(&folder, &registry);
    let squid = start_squid(&folder, registry.address.port());
    let nginx = start_nginx(&folder, &registry);

    println!("TCP connection, or a tunnel, to the registry; {rounds} rounds, in microseconds");
    registry.time_connections("direct", None, rounds).await;
    registry.time_connections("the gate", Some(address), rounds).await;
    if let Some((_, squid)) = &squid {
        registry.time_connections("squid", Some(*squid), rounds).await;
    }

    println!("\nHEAD of a manifest over one connection; {rounds} rounds, in microseconds");
    registry.time_heads("direct", registry.stream(None).await, "", rounds).await;
    let query = format!("?ns=127.0.0.1:{}", registry.address.port());
    registry.time_heads("the gate", TcpStream::connect(address).await.unwrap(), &query, rounds).await;
    if let Some((_, nginx)) = &nginx {
        registry.time_heads("nginx", TcpStream::connect(nginx).await.unwrap(), "", rounds).await;
    }

    println!("\nA blob of {mebibytes} MiB, in MiB/s");
    for round in 1..=3 {
        println!("round {round}");
        registry.time_blob("direct, TLS", registry.stream(None).await, "").await;
        registry.time_blob("tunnel of the gate, TLS", registry.stream(Some(address)).await, "").await;
        if let Some((_, squid)) = &squid {
            registry.time_blob("tunnel of squid, TLS", registry.stream(Some(*squid)).await, "").await;
        }
        registry.time_blob("pull through the gate", TcpStream::connect(address).await.unwrap(), &query).await;
        if let Some((_, nginx)) = &nginx {
            registry.time_blob("pull through nginx", TcpStream::connect(nginx).await.unwrap(), "").await;
        }
    }

    println!("\nResident memory with {IDLE_TUNNELS} idle tunnels, in MB");
    registry.measure_tunnels("the gate", &gate, address).await;
    if let Some((squid, address)) = &squid {
        registry.measure_tunnels("squid", squid, *address).await;
    }
    drop((gate, squid, nginx));
    let _ = fs::remove_dir_all(&folder);
}

impl Registry {
    async fn start(mebibytes: usize) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Another name than the server's, or OpenSSL takes that for self-signed.
        authority.distinguished_name.push(DnType::CommonName, "authority");
        let certificate = authority.self_signed(&key).unwrap();
        let issuer = Issuer::new(authority, key);
        let server_key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(["127.0.0.1", "localhost"].map(str::to_owned).to_vec()).unwrap();
        let server = server.signed_by(&server_key, &issuer).unwrap();
        let provider = crypto_provider();
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone()], PrivateKeyDer::try_from(server_key.serialize_der()).unwrap())
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        let piece: Arc<[u8]> = (0..PIECE_BYTES).map(|at| ((at * at) >> 7) as u8).collect();
        let mut hasher = Sha256::new();
        (0..mebibytes).for_each(|_| hasher.update(&piece));
        let blob: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (acceptor, piece) = (acceptor.clone(), Arc::clone(&piece));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut head = Vec::new();
                    while let Ok(byte) = stream.read_u8().await {
                        head.push(byte);
                        if !head.ends_with(b"\r\n\r\n") {
                            continue;
                        }
                        let is_head = head.starts_with(b"HEAD ");
                        head.clear();
                        let length = if is_head { 1_000 } else { mebibytes * PIECE_BYTES };
                        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: {length}\r\n\r\n");
                        if stream.write_all(head.as_bytes()).await.is_err() {
                            return;
                        }
                        for _ in 0..if is_head { 0 } else { mebibytes } {
                            if stream.write_all(&piece).await.is_err() {
                                return;
                            }
                        }
                        let _ = stream.flush().await;
                    }
                });
            }
        });
        let tls = TlsConnector::from(Arc::new(client));
        Self { address, authority: certificate.pem(), tls, blob: blob.into() }
    }

    /// Connects directly, or opens a tunnel.
    async fn connect(&self, proxy: Option<SocketAddr>) -> TcpStream {
        let mut stream = TcpStream::connect(proxy.unwrap_or(self.address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        if proxy.is_some() {
            let request = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", self.address);
            stream.write_all(request.as_bytes()).await.unwrap();
            let head = read_head(&mut stream).await;
            assert!(head.split(' ').nth(1) == Some("200"), "{head}");
        }
        stream
    }

    /// Connects with TLS.
    async fn stream(&self, proxy: Option<SocketAddr>) -> TlsStream<TcpStream> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        self.tls.connect(name, self.connect(proxy).await).await.unwrap()
    }

    async fn time_connections(&self, name: &str, proxy: Option<SocketAddr>, rounds: usize) {
        // The first one has the gate's own handshake.
        drop(self.connect(proxy).await);
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let start = Instant::now();
            let stream = self.connect(proxy).await;
            times.push(start.elapsed());
            drop(stream);
        }
        print_times(name, times);
    }

    async fn time_heads(
        &self,
        name: &str,
        mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
        query: &str,
        rounds: usize,
    ) {
        let request = format!("HEAD /v2/app/manifests/1{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        let mut times = Vec::with_capacity(rounds);
        for round in 0..=rounds {
            let start = Instant::now();
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            let head = read_head(&mut stream).await;
            assert!(head.split(' ').nth(1) == Some("200"), "{head}");
            if round > 0 {
                times.push(start.elapsed());
            }
        }
        print_times(name, times);
    }

    async fn time_blob(&self, name: &str, mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, query: &str) {
        let start = Instant::now();
        let request = format!("GET /v2/app/blobs/sha256:{}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", self.blob);
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let head = read_head(&mut stream).await;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let mut left = length.unwrap_or_else(|| panic!("{head}"));
        let total = left;
        let mut buffer = vec![0; 256 << 10];
        while left > 0 {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "{name}: {left} bytes are missing");
            left -= read;
        }
        let speed = total as f64 / f64::from(1 << 20) / start.elapsed().as_secs_f64();
        println!("  {name:<26} {speed:>7.0}");
    }

    async fn measure_tunnels(&self, name: &str, program: &Program, address: SocketAddr) {
        let before = memory(program);
        let mut tunnels = Vec::with_capacity(IDLE_TUNNELS);
        for _ in 0..IDLE_TUNNELS {
            tunnels.push(self.stream(Some(address)).await);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = memory(program);
        println!("  {name:<26} {before:>7.1} and {after:>7.1}: {:.1} more", after - before);
        drop(tunnels);
    }
}

async fn read_head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn print_times(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!("  {name:<26} p50 {:>7.0}   p99 {:>7.0}", at(0.5), at(0.99));
}

fn memory(program: &Program) -> f64 {
    // squid serves in a child of the first process.
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", program.0.id())).unwrap_or_default();
    let processes = children.split_whitespace().map(str::to_owned).chain([program.0.id().to_string()]);
    let sizes = processes.filter_map(|process| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        size.trim().trim_end_matches(" kB").parse::<f64>().ok()
    });
    sizes.sum::<f64>() / 1_024.0
}

fn free_port() -> u16 {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(address: SocketAddr) {
    let start = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "{address} does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn start_gate(folder: &Path, registry: &Registry) -> (Program, SocketAddr) {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/release/pullgate");
    assert!(program.exists(), "run `cargo build --release -p pullgate-cli` first");
    let policy = serde_json::json!({
        "whitelist": [registry.address.to_string()],
        "certificate_authorities": [{ "pem": registry.authority }],
    });
    fs::write(folder.join("policy.json"), policy.to_string()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let child = Command::new(program)
        .args(["serve", "--no-dns", "--listen", &format!("unix:{}", folder.join("api.sock").display())])
        .args(["--gate", &address.to_string(), "--policy"])
        .arg(folder.join("policy.json"))
        .arg("--audit")
        .arg(folder.join("audit"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(address);
    (Program(child), address)
}

/// Starts squid as a proxy for tunnels to the registry's port, whose bytes it does not look at; none if it is not
/// installed.
fn start_squid(folder: &Path, port: u16) -> Option<(Program, SocketAddr)> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = format!(
        "http_port {address}\nacl registry port {port}\nhttp_access allow registry\nhttp_access deny all\n\
         pid_filename none\ncache_log /dev/null\naccess_log none\ncache deny all\n\
         shutdown_lifetime 0 seconds\nmax_filedescriptors 8192\n"
    );
    fs::write(folder.join("squid.conf"), config).unwrap();
    let child = Command::new("squid")
        // A name of its own for its shared memory.
        .args(["-N", "-n", &format!("bench{}", std::process::id()), "-f"])
        .arg(folder.join("squid.conf"))
        .env("PATH", "/usr/sbin:/usr/bin:/bin")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let program = Program(child.map_err(|_| println!("squid is not installed")).ok()?);
    wait_for(address);
    Some((program, address))
}

/// Starts nginx as a reverse proxy of the registry that verifies its certificate; none if it is not installed.
fn start_nginx(folder: &Path, registry: &Registry) -> Option<(Program, SocketAddr)> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let (here, upstream) = (folder.display(), registry.address);
    fs::write(folder.join("authority.pem"), &registry.authority).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
        .concat();
    let config = format!(
        "daemon off; pid {here}/nginx.pid; error_log {here}/nginx.log; worker_processes 2; events {{}}\n\
         http {{ access_log off; keepalive_requests 1000000; {temporary}\n\
         upstream registry {{ server {upstream}; keepalive 8; keepalive_requests 1000000; }}\n\
         server {{ listen {address}; location / {{ proxy_pass https://registry; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_buffering off; proxy_ssl_verify on;\n\
         proxy_ssl_name localhost; proxy_ssl_trusted_certificate {here}/authority.pem; }} }} }}\n"
    );
    fs::write(folder.join("nginx.conf"), config).unwrap();
    let child = Command::new("nginx")
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .env("PATH", "/usr/sbin:/usr/bin:/bin")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let program = Program(child.map_err(|_| println!("nginx is not installed")).ok()?);
    wait_for(address);
    Some((program, address))
}
