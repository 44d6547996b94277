//! A gate with a policy, names of its own, and an audit record.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pullgate::{DnsQuery, LookupKind};
use pullgate_connect::RootStore;
use pullgate_daemon::admission::audit_log::{AuditLog, AuditSink};
use pullgate_daemon::frontends::gate::{Gate, GateOptions};
use pullgate_daemon::server::{Listener, ReloadingTlsAcceptor};
use pullgate_daemon::{Admission, PolicyStore};
use pullgate_host::{Dns, DnsLimits, DnsResponse, EvaluatorOptions, Module, ResolveFuture, Resolver};
use pullgate_source::PolicyFile;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// Timeout for everything that a gate does at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Names and the lists of their addresses, one list for each look-up and the last one for all further ones.
pub type Names = Arc<Mutex<HashMap<String, Vec<Vec<&'static str>>>>>;

struct StaticNames {
    names: Names,
    lookups: Arc<AtomicUsize>,
}

impl Resolver for StaticNames {
    fn resolve<'a>(&'a self, question: &'a DnsQuery) -> ResolveFuture<'a> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let mut names = self.names.lock().unwrap();
        let found = names.get_mut(&question.subject).filter(|_| question.kind == LookupKind::Forward);
        let answers = match found {
            Some(lists) if lists.len() > 1 => lists.remove(0),
            Some(lists) => lists[0].clone(),
            None => Vec::new(),
        };
        let answers = answers.into_iter().map(str::to_owned).collect();
        Box::pin(async { Ok(DnsResponse { answers, ttl: Duration::ZERO }) })
    }
}

/// A gate that ends with the value.
pub struct World {
    pub address: SocketAddr,
    pub store: Arc<PolicyStore>,
    pub names: Names,
    admission: Arc<Admission>,
    audit: PathBuf,
    _folder: TempDir,
    _stop: watch::Sender<bool>,
}

impl World {
    /// Starts a gate with a policy. Every name ending in `.test` that a test does not set leads to 127.0.0.1.
    pub async fn start(policy: &Value) -> Self {
        Self::start_with(policy, |_| GateOptions::default()).await
    }

    /// Starts a gate with options, which may depend on its own address.
    pub async fn start_with(policy: &Value, options: impl FnOnce(SocketAddr) -> GateOptions) -> Self {
        Self::start_over_tls(policy, options, None).await
    }

    /// Starts a gate with options, over TLS if there is an acceptor.
    pub async fn start_over_tls(
        policy: &Value,
        options: impl FnOnce(SocketAddr) -> GateOptions,
        tls: Option<ReloadingTlsAcceptor>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (file, audit) = (folder.path().join("policy.json"), folder.path().join("audit.log"));
        fs::write(&file, policy.to_string()).unwrap();
        let names = Names::default();
        for name in ["registry.test", "other.test", "plain.test", "cdn.test", "token.test", "decoy.test"] {
            names.lock().unwrap().insert(name.to_owned(), vec![vec!["127.0.0.1"]]);
        }
        let resolver = StaticNames { names: Arc::clone(&names), lookups: Arc::default() };
        let dns = Dns::new(resolver, DnsLimits::default());
        let evaluator = EvaluatorOptions { dns: Some(dns.clone()), ..EvaluatorOptions::default() };
        let (store, _) = PolicyStore::load(Module::built_in().unwrap(), PolicyFile::new(file), evaluator)
            .unwrap_or_else(|error| panic!("{error}"));
        let store = Arc::new(store);
        let log = AuditLog::open(&AuditSink::File(audit.clone())).unwrap();
        let admission = Arc::new(Admission::new(Arc::clone(&store), log));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = GateOptions { dns: Some(dns), ..options(address) };
        let gate = Gate::new(Arc::clone(&admission), RootStore::empty(), options).unwrap();
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(async move { gate.serve(Listener::Tcp(listener), tls, stopping).await });
        Self { address, store, names, admission, audit, _folder: folder, _stop: stop }
    }

    /// Replaces the policy.
    pub async fn replace_policy(&self, policy: &Value) {
        self.store.replace(policy.to_string(), None).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Returns the records so far.
    pub fn records(&self) -> Vec<Value> {
        self.admission.audit().flush();
        let text = fs::read_to_string(&self.audit).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits for the record of a transfer.
    pub async fn transfer(&self) -> Value {
        let found = async {
            loop {
                let found = self.records().into_iter().find(|record| record.get("transfer").is_some());
                match found {
                    Some(record) => return record,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        timeout(PATIENCE, found).await.expect("a transfer is recorded")
    }

    /// Returns the metrics.
    pub fn metrics(&self) -> String {
        self.admission.metrics().to_openmetrics()
    }

    /// Connects to the gate.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and returns everything that comes back until the end.
    pub async fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        let read = read.unwrap_or_else(|_| {
            let [sent, came] = [bytes.as_ref(), &answer].map(String::from_utf8_lossy);
            panic!("the gate does not end the connection: {sent:.99?}, {came:.99?}")
        });
        // A connection with unread bytes of the client ends with a reset.
        if let Err(error) = read {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Opens a tunnel. Returns the status line if it is refused.
    pub async fn tunnel(&self, target: &str) -> Result<TcpStream, String> {
        let mut stream = self.connect().await;
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = timeout(PATIENCE, read_head(&mut stream)).await.expect("the gate answers");
        let status = head.lines().next().unwrap_or_default().to_owned();
        if status.starts_with("HTTP/1.1 200 ") { Ok(stream) } else { Err(status) }
    }
}

/// Reads the head of a response, and nothing after it.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}
