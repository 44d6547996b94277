//! Admission under floods of the API: the times of each admission frontend alone, and while other users of the machine
//! flood the API in every way that is known to be expensive, side by side in one run.
//!
//! `cargo build --release -p pullgate-cli && sudo cargo bench -p pullgate-benches --bench flood [-- SECONDS]`
//!
//! The flooders are processes of another user (65534) at the lowest priority: what is measured is what the daemon does
//! for them, and not that they take the same processors as the clients.

mod running_daemon;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use pullgate_connect::rustls::pki_types::ServerName;
use rustix::process::{Resource, getrlimit, setpriority_process, setrlimit};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use running_daemon::{RunningDaemon, post_json};

/// Requests per second to each frontend.
const RATE: u64 = 100;

/// Entries of the daemon's policy.
const ENTRIES: usize = 200_000;

/// The user of the flooders.
const FLOODER: u32 = 65_534;

/// The argument that turns the benchmark into a flooder.
const FLOODER_ARGUMENT: &str = "--flooder";

/// The floods, each with its number of concurrent connections.
const FLOODS: [(&str, usize); 8] = [
    ("long references", 32),
    ("DNS answers", 32),
    ("explanations", 100),
    ("arrays of 10,000", 16),
    ("probes", 48),
    ("checks of 2 MiB", 16),
    ("idle uploads", 200),
    ("idle connections", 1_100),
];

/// The admission frontends.
const FRONTENDS: [&str; 3] = ["Docker", "Kubernetes", "containerd"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, name, socket] = arguments.as_slice()
        && flag == FLOODER_ARGUMENT
    {
        return flood(name, Path::new(socket));
    }
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(10);
    if !rustix::process::geteuid().is_root() {
        println!("not measured: the flooders need another user than the clients, so run this as root");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(measure(seconds));
}

/// Times of one frontend in one phase, in ms.
#[derive(Clone, Copy)]
struct Times {
    p50: f64,
    p99: f64,
    wrong: usize,
}

async fn measure(seconds: u64) {
    let folder = std::env::temp_dir().join(format!("pullgate-flood-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let entries: Vec<String> = (0..ENTRIES).map(|number| format!("\"host{number}.example.com\"")).collect();
    let policy = format!(r#"{{"whitelist":["good.example","*.wild.example",{}]}}"#, entries.join(","));
    let (daemon, tls) = RunningDaemon::start(&folder, &policy);
    // Every user of the machine may ask.
    let api_socket = folder.join("api.sock");
    fs::set_permissions(&api_socket, fs::Permissions::from_mode(0o666)).unwrap();
    let clients = Clients { folder: folder.clone(), kubernetes: daemon.kubernetes, tls };
    clients.measure(2).await;
    let idle = clients.measure(seconds).await;
    let mut rows = Vec::new();
    for (name, connections) in FLOODS {
        let flooder = Flooder::start(name, &api_socket);
        tokio::time::sleep(Duration::from_secs(2)).await;
        rows.push((format!("{name}, {connections} at once"), clients.measure(seconds).await));
        drop(flooder);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let after = clients.measure(seconds).await;
    println!("{RATE} requests/s to each frontend for {seconds} s, a policy of {ENTRIES} entries; p50 and p99 in ms\n");
    println!("| flood of the API | {} | wrong |", FRONTENDS.join(" | "));
    println!("|---|{}---:|", "---:|".repeat(FRONTENDS.len()));
    let print = |name: &str, times: &[Times; 3]| {
        let cells = times.map(|times| format!("{:.2}, {:.2}", times.p50, times.p99)).join(" | ");
        println!("| {name} | {cells} | {} |", times.iter().map(|times| times.wrong).sum::<usize>());
    };
    print("none, before", &idle);
    for (name, times) in &rows {
        print(name, times);
    }
    print("none, after", &after);
    for (index, frontend) in FRONTENDS.iter().enumerate() {
        let base = idle[index].p99.max(after[index].p99);
        let (name, worst) = rows
            .iter()
            .map(|(name, times)| (name.as_str(), times[index].p99 / base))
            .fold(("", 0.0), |worst: (&str, f64), row| if row.1 > worst.1 { row } else { worst });
        println!("\n{frontend}: at most {worst:.1} times its idle p99 ({name})");
    }
    println!("\nmost memory of the daemon: {:.0} MB", daemon.memory("VmHWM"));
    drop(daemon);
    fs::remove_dir_all(folder).unwrap();
}

/// The clients of the admission frontends.
struct Clients {
    folder: PathBuf,
    kubernetes: SocketAddr,
    tls: TlsConnector,
}

impl Clients {
    /// Sends requests to every frontend at once. Times count from when a request was due.
    async fn measure(&self, seconds: u64) -> [Times; 3] {
        let docker = handshake(TokioIo::new(self.unix("docker.sock").await)).await.unwrap();
        tokio::spawn(docker.1);
        let stream = TcpStream::connect(self.kubernetes).await.unwrap();
        let stream = self.tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        let kubernetes = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(kubernetes.1);
        let (mut docker, mut kubernetes) = (docker.0, kubernetes.0);
        let [docker_request, review, decision] = requests();
        let (docker, kubernetes, containerd) = tokio::join!(
            every(seconds, async || ask(&mut docker, "/AuthZPlugin.AuthZReq", docker_request).await),
            every(seconds, async || ask(&mut kubernetes, "/kubernetes/validate", review).await),
            // The verifier is a process for each image, so that each has a connection of its own.
            every(seconds, async || {
                let (mut sender, connection) = handshake(TokioIo::new(self.unix("api.sock").await)).await.unwrap();
                tokio::spawn(connection);
                ask(&mut sender, "/v1/decide", decision).await
            }),
        );
        [docker, kubernetes, containerd]
    }

    async fn unix(&self, name: &str) -> UnixStream {
        loop {
            match UnixStream::connect(self.folder.join(name)).await {
                Ok(stream) => return stream,
                // The backlog is full for the moment.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

/// Returns a request for each frontend, each of which is allowed.
fn requests() -> [&'static str; 3] {
    [
        r#"{"RequestMethod":"POST","RequestUri":"/v1.47/images/create?fromImage=good.example%2Fx&tag=1","RequestHeaders":{"Content-Length":"0"}}"#,
        r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},"namespace":"default","operation":"CREATE","userInfo":{"username":"admin"},"object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"good.example/x:1"}]}}}}"#,
        r#"{"reference":"good.example/x:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","kind":"image","frontend":"containerd"}"#,
    ]
}

/// Repeats a request at its times, one after the other.
async fn every(seconds: u64, mut request: impl AsyncFnMut() -> bool) -> Times {
    let start = Instant::now();
    let (mut times, mut wrong) = (Vec::new(), 0);
    for number in 0..RATE * seconds {
        let due = start + Duration::from_nanos(1_000_000_000 / RATE * number);
        tokio::time::sleep_until(due.into()).await;
        wrong += usize::from(!request().await);
        times.push(due.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[(times.len() as f64 * part) as usize];
    Times { p50: at(0.5), p99: at(0.99), wrong }
}

async fn ask(connection: &mut SendRequest<Full<Bytes>>, path: &str, body: &'static str) -> bool {
    let Some(text) = post_json(connection, path, body).await else { return false };
    [r#""Allow":true"#, r#""allowed":true"#, r#""decision":"allow""#].iter().any(|allows| text.contains(allows))
}

/// A process that floods the API, killed on drop.
struct Flooder(Child);

impl Flooder {
    fn start(name: &str, socket: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([FLOODER_ARGUMENT, name])
            .arg(socket)
            .uid(FLOODER)
            .gid(FLOODER)
            .stdout(Stdio::null())
            .spawn();
        Self(child.expect("the other user may run this program"))
    }
}

impl Drop for Flooder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Floods until it is killed, at the lowest priority.
fn flood(name: &str, socket: &Path) {
    setpriority_process(None, 19).unwrap();
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: files.maximum, ..files }).unwrap();
    // Accepts connections of the backlog, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = silent.local_addr().unwrap();
    let (path, body) = match name {
        "long references" => {
            ("decide", format!(r#"{{"reference":"{}","kind":"registry"}}"#, "\u{fc}".repeat(1_000_000)))
        }
        "DNS answers" => {
            let names: Vec<String> = (0..256).map(|number| format!("\"{number:08x}.wild.example\"")).collect();
            let answer = |subject: usize| {
                let (kind, subject) = match subject {
                    0 => ("reverse", "203.0.113.66".to_owned()),
                    other => ("forward", format!("{other:08x}.wild.example")),
                };
                format!(r#"{{"kind":"{kind}","subject":"{subject}","answers":[{}]}}"#, names.join(","))
            };
            let answers: Vec<String> = (0..32).map(answer).collect();
            ("decide", format!(r#"{{"reference":"203.0.113.66/x","dnsAnswers":[{}]}}"#, answers.join(",")))
        }
        "explanations" => ("explain", r#"{"reference":"evil.example/x"}"#.to_owned()),
        "arrays of 10,000" => ("decide", format!("[{}]", vec![r#"{"reference":"evil.example/x"}"#; 10_000].join(","))),
        "probes" => {
            let entries = vec![r#""10.0.0.1""#; 100_000].join(",");
            let policy = format!(r#"{{"whitelist":[{entries}],"insecure":["127.0.0.1"]}}"#);
            ("probe", format!(r#"{{"registry":"{registry}","policy":{policy}}}"#))
        }
        "checks of 2 MiB" => ("check", format!(r#"{{"whitelist":[{}]}}"#, vec!["\"a.b\""; 340_000].join(","))),
        _ => ("decide", String::new()),
    };
    let request = request(path, body.len(), &body);
    let (_, connections) = FLOODS.into_iter().find(|(flood, _)| *flood == name).unwrap();
    thread::scope(|scope| {
        for _ in 0..connections {
            let builder = thread::Builder::new().stack_size(64 << 10);
            let work = || loop {
                // A refused connection is tried again.
                let _ = match name {
                    "idle uploads" => hold(socket, request_with_blanks().as_bytes()),
                    "idle connections" => hold(socket, b""),
                    _ => exchange(socket, request.as_bytes()),
                };
            };
            builder.spawn_scoped(scope, work).unwrap();
        }
    });
}

fn request(path: &str, length: usize, body: &str) -> String {
    format!(
        "POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// The beginning of an upload of 2 MiB.
fn request_with_blanks() -> String {
    request("decide", 2 << 20, &" ".repeat(9_000))
}

/// Sends a request and reads the answer.
fn exchange(socket: &Path, request: &[u8]) -> std::io::Result<()> {
    let mut stream = StdUnixStream::connect(socket)?;
    stream.write_all(request)?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Sends some bytes and holds the connection until the daemon closes it.
fn hold(socket: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut stream = StdUnixStream::connect(socket)?;
    stream.write_all(bytes)?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}
