//! A daemon under measurement, on sockets in a folder of its own.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use pullgate_connect::crypto_provider;
use pullgate_connect::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// The maximum time for loading a policy at the start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A daemon, killed on drop. Its folder has the unix sockets `api.sock` and `docker.sock`.
pub struct RunningDaemon {
    child: Child,
    /// The address of the webhooks, over TLS.
    pub kubernetes: SocketAddr,
}

impl RunningDaemon {
    /// Starts the program with a policy, waits until it accepts connections, and prints how long that took. Returns it
    /// with a connector that trusts its certificate.
    pub fn start(folder: &Path, policy: &str) -> (Self, TlsConnector) {
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/release/pullgate");
        assert!(program.exists(), "run `cargo build --release -p pullgate-cli` first");
        let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file = |name: &str| folder.join(name);
        fs::write(file("tls.crt"), identity.cert.pem()).unwrap();
        fs::write(file("tls.key"), identity.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(file("tls.key"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(file("policy.json"), policy).unwrap();
        // A port that was free a moment ago.
        let kubernetes = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let start = Instant::now();
        let child = Command::new(program)
            .args(["serve", "--no-dns", "--listen", &format!("unix:{}", file("api.sock").display())])
            .args(["--kubernetes-listen", &kubernetes.to_string(), "--policy"])
            .arg(file("policy.json"))
            .arg("--docker-socket")
            .arg(file("docker.sock"))
            .arg("--tls-certificate")
            .arg(file("tls.crt"))
            .arg("--tls-key")
            .arg(file("tls.key"))
            .arg("--audit")
            .arg(file("audit"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Self { child, kubernetes };
        while UnixStream::connect(file("api.sock")).is_err() {
            assert!(start.elapsed() < START_TIMEOUT, "the daemon does not start");
            thread::sleep(Duration::from_millis(1));
        }
        println!("started in {:.0} ms\n", start.elapsed().as_secs_f64() * 1_000.0);
        let mut roots = RootCertStore::empty();
        roots.add(identity.cert.der().clone()).unwrap();
        let tls = ClientConfig::builder_with_provider(crypto_provider()).with_safe_default_protocol_versions();
        let tls = tls.unwrap().with_root_certificates(roots).with_no_client_auth();
        (daemon, TlsConnector::from(Arc::new(tls)))
    }

    /// Returns a size of the process in MB, by its name in `/proc/PID/status`.
    pub fn memory(&self, name: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        size.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
    }
}

impl Drop for RunningDaemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts JSON and returns the text of the response; `None` if the connection fails.
pub async fn post_json(
    connection: &mut SendRequest<Full<Bytes>>,
    path: &str,
    body: impl Into<Bytes>,
) -> Option<String> {
    let request = hyper::Request::post(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .expect("the headers are valid");
    connection.ready().await.ok()?;
    let response = connection.send_request(request).await.ok()?;
    let body = response.into_body().collect().await.ok()?;
    Some(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}
