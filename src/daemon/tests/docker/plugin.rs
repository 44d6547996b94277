//! The plugin, on the socket that dockerd uses.

use std::future::pending;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use pullgate_connect::RootStore;
use pullgate_connect::probe::{ProbeLimits, ProbeReport, Prober};
use pullgate_daemon::admission::audit_log::{AuditLog, AuditSink};
use pullgate_daemon::frontends::docker::{DockerOptions, router};
use pullgate_daemon::{Admission, PolicyStore};
use pullgate_host::{Dns, DnsLimits, Module};
use pullgate_source::PolicyFile;
use tempfile::NamedTempFile;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::dnsmasq::Dnsmasq;

pub struct Plugin {
    /// The name by which dockerd knows the plugin.
    pub name: String,
    socket: PathBuf,
    admission: Arc<Admission>,
    prober: Prober,
    policy: NamedTempFile,
    serving: Mutex<Option<RunningServer>>,
}

impl Plugin {
    /// Starts serving with whitelist mode off.
    pub async fn start(names: &Dnsmasq) -> Self {
        // DNS has a port for each test, so that tests may run at the same time.
        let name = format!("pullgate-test-{}-{}", std::process::id(), names.address.port());
        let socket = PathBuf::from(format!("/run/docker/plugins/{name}.sock"));
        std::fs::create_dir_all("/run/docker/plugins").unwrap();
        let policy = NamedTempFile::new().unwrap();
        std::fs::write(policy.path(), "{}").unwrap();
        let dns = Dns::with_servers(&[names.address], DnsLimits::default()).unwrap();
        let prober = Prober::new(RootStore::empty(), ProbeLimits::default()).unwrap().with_dns(dns.clone());
        let options = pullgate_host::EvaluatorOptions { dns: Some(dns), ..Default::default() };
        let file = PolicyFile::new(policy.path());
        let (policies, _) = PolicyStore::load(Module::built_in().unwrap(), file, options).unwrap();
        let audit = AuditLog::open(&AuditSink::Off).unwrap();
        let admission = Arc::new(Admission::new(Arc::new(policies), audit));
        let plugin = Self { name, socket, admission, prober, policy, serving: Mutex::new(None) };
        plugin.serve(DockerOptions::default()).await;
        plugin
    }

    /// Replaces the policy.
    pub async fn set_policy(&self, policy: String) {
        std::fs::write(self.policy.path(), policy).unwrap();
        if let Err(error) = self.admission.policy_store().reload().await {
            panic!("{error}");
        }
    }

    /// Probes a registry as the policy allows, without dockerd: names are resolved, and no proxy is used.
    pub async fn probe(&self, registry: &str) -> ProbeReport {
        self.prober.probe(&self.admission.policy_store().current().evaluator, registry, None).await
    }

    /// Serves with these options from now on.
    pub async fn serve(&self, options: DockerOptions) {
        self.replace_server(Some(router(Arc::clone(&self.admission), options))).await;
    }

    /// Serves another plugin, which allows everything.
    pub async fn allow_everything(&self) {
        let allow = async || r#"{"Implements":["authz"],"Allow":true}"#;
        self.replace_server(Some(Router::new().fallback(allow))).await;
    }

    /// Accepts calls and never answers.
    pub async fn hang(&self) {
        self.replace_server(None).await;
    }

    /// Stops, and removes the socket and its connections.
    pub async fn kill(&self) {
        let _ = std::fs::remove_file(&self.socket);
        let serving = self.serving.lock().unwrap().take();
        if let Some(RunningServer { stop, task }) = serving {
            let _ = stop.send(());
            task.await.unwrap();
        }
    }

    async fn replace_server(&self, router: Option<Router>) {
        self.kill().await;
        let listener = UnixListener::bind(&self.socket).unwrap();
        let (stop, stopped) = oneshot::channel();
        *self.serving.lock().unwrap() =
            Some(RunningServer { stop, task: tokio::spawn(answer(listener, router, stopped)) });
    }
}

struct RunningServer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Serves until stopped, then closes its connections as a process that exits does.
async fn answer(listener: UnixListener, router: Option<Router>, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            _ = &mut stopped => break,
        };
        let router = router.clone();
        connections.spawn(async move {
            match router.map(TowerToHyperService::new) {
                Some(service) => {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                }
                None => {
                    pending::<()>().await;
                    drop(stream);
                }
            }
        });
    }
    connections.shutdown().await;
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}
