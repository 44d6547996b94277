//! The daemon under load: 1,000 requests a second for 30 seconds to the Docker plugin's socket, and as many to the webhook
//! over TLS. Each answer is looked at.
//!
//! `cargo build --release -p pullgate-cli && cargo bench -p pullgate-benches --bench daemon [-- RATE SECONDS]`

mod running_daemon;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use pullgate_connect::rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Mutex, mpsc};

use running_daemon::{RunningDaemon, post_json};

/// The number of connections that share the requests, as the processes of a busy machine do.
const CONNECTIONS: usize = 16;

const POLICY: &str = r#"{"whitelist": ["docker.io", "10.2.0.0/16", "*.example.com"], "insecure": ["10.2.2.0/24"]}"#;

/// References, and whether they are allowed.
const REFERENCES: [(&str, bool); 6] = [
    ("registry.example.com/team/app:1.0", true),
    ("evil.example.net/app:1", false),
    ("10.2.2.5:5000/tools/scanner", true),
    ("alpine:3.20", true),
    ("10.3.0.1/x", false),
    ("example.com/apex", false),
];

struct Load {
    name: &'static str,
    /// The path and body of a request for a reference.
    request: fn(&str) -> (&'static str, String),
    /// The text of an answer that allows.
    allows: &'static str,
    /// The text of an answer that denies.
    denies: &'static str,
}

const DOCKER: Load = Load {
    name: "Docker plugin, unix socket",
    request: |reference| {
        let (image, tag) = reference.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((reference, ""));
        let uri = format!("/v1.47/images/create?fromImage={}&tag={tag}", image.replace('/', "%2F").replace(':', "%3A"));
        let body = format!(
            r#"{{"RequestMethod":"POST","RequestUri":"{uri}","RequestHeaders":{{"Content-Length":"0","User-Agent":"Docker-Client/27.0"}}}}"#
        );
        ("/AuthZPlugin.AuthZReq", body)
    },
    allows: r#""Allow":true"#,
    denies: r#""Allow":false"#,
};

const KUBERNETES: Load = Load {
    name: "Kubernetes webhook, TLS",
    request: |reference| {
        let body = format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","kind":{{"group":"","version":"v1","kind":"Pod"}},"resource":{{"group":"","version":"v1","resource":"pods"}},"namespace":"default","operation":"CREATE","userInfo":{{"username":"admin"}},"object":{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p"}},"spec":{{"containers":[{{"name":"c","image":"{reference}"}}]}}}}}}}}"#
        );
        ("/kubernetes/validate", body)
    },
    allows: r#""allowed":true"#,
    denies: r#""allowed":false"#,
};

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (rate, seconds) = (arguments.next().unwrap_or(1_000), arguments.next().unwrap_or(30));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(measure(rate, seconds));
}

async fn measure(rate: u64, seconds: u64) {
    let folder = std::env::temp_dir().join(format!("pullgate-load-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (daemon, tls) = RunningDaemon::start(&folder, POLICY);
    println!("| {rate} requests/s for {seconds} s | p50 ms | p99 ms | most ms | wrong | memory before, after (MB) |");
    println!("|---|---|---|---|---|---|");
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = UnixStream::connect(folder.join("docker.sock")).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        connections.push(sender);
    }
    load(&DOCKER, connections, rate, seconds, &daemon).await;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(daemon.kubernetes).await.unwrap();
        let stream = tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        connections.push(sender);
    }
    load(&KUBERNETES, connections, rate, seconds, &daemon).await;
    drop(daemon);
    fs::remove_dir_all(folder).unwrap();
}

/// Sends requests at their times, whether or not the earlier ones are answered: time spent waiting for a connection counts.
async fn load(
    load: &'static Load,
    connections: Vec<SendRequest<Full<Bytes>>>,
    rate: u64,
    seconds: u64,
    daemon: &RunningDaemon,
) {
    let before = daemon.memory("VmRSS");
    let (free, waiting) = mpsc::channel(CONNECTIONS);
    for connection in connections {
        free.send(connection).await.unwrap();
    }
    let waiting = Arc::new(Mutex::new(waiting));
    let start = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..rate * seconds {
        let at = start + Duration::from_nanos(1_000_000_000 / rate * number);
        tokio::time::sleep_until(at.into()).await;
        let (free, waiting) = (free.clone(), Arc::clone(&waiting));
        tasks.push(tokio::spawn(async move {
            let (reference, allowed) = REFERENCES[usize::try_from(number).unwrap() % REFERENCES.len()];
            let mut connection = waiting.lock().await.recv().await.unwrap();
            let right = ask(&mut connection, load, reference, allowed).await;
            let took = at.elapsed();
            free.send(connection).await.unwrap();
            (took, right)
        }));
    }
    let mut times = Vec::new();
    let mut wrong = 0;
    for task in tasks {
        let (took, right) = task.await.unwrap();
        times.push(took);
        wrong += u32::from(!right);
    }
    times.sort();
    let at = |part: f64| times[(times.len() as f64 * part) as usize].as_secs_f64() * 1_000.0;
    println!(
        "| {} | {:.2} | {:.2} | {:.2} | {wrong} | {:.1}, {:.1} |",
        load.name,
        at(0.5),
        at(0.99),
        times[times.len() - 1].as_secs_f64() * 1_000.0,
        before,
        daemon.memory("VmRSS")
    );
}

async fn ask(connection: &mut SendRequest<Full<Bytes>>, load: &Load, reference: &str, allowed: bool) -> bool {
    let (path, body) = (load.request)(reference);
    let Some(text) = post_json(connection, path, body).await else { return false };
    text.contains(if allowed { load.allows } else { load.denies })
}
