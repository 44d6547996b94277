//! The plugin, on the socket where dockerd looks for it.

use std::future::pending;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use pullgate_connect::Roots;
use pullgate_connect::probe::{ProbeLimits, Prober, Report};
use pullgate_daemon::admission::audit_log::{Audit, Target};
use pullgate_daemon::frontends::docker::{Options, router};
use pullgate_daemon::{Admission, Policies, PolicyError, PolicySource, PolicyText};
use pullgate_host::{Dns, DnsLimits, Module};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::dnsmasq::Dnsmasq;

pub struct Plugin {
    /// By which dockerd knows it.
    pub name: String,
    socket: PathBuf,
    admission: Arc<Admission>,
    prober: Prober,
    policy: Policy,
    serving: Mutex<Option<Serving>>,
}

#[derive(Clone)]
struct Policy(Arc<Mutex<String>>);

impl PolicySource for Policy {
    fn read(&self) -> Result<PolicyText, PolicyError> {
        let json = self.0.lock().unwrap().clone();
        Ok(PolicyText { json, show: Box::new(|findings| format!("{findings:?}")) })
    }

    fn stamp(&self) -> Option<String> {
        None
    }

    fn write(&self, _: &str) -> Result<(), String> {
        Err("not written".to_owned())
    }
}

impl Plugin {
    /// Serves with whitelist mode off, for now.
    pub async fn start(names: &Dnsmasq) -> Self {
        let name = format!("pullgate-test-{}", std::process::id());
        let socket = PathBuf::from(format!("/run/docker/plugins/{name}.sock"));
        std::fs::create_dir_all("/run/docker/plugins").unwrap();
        let policy = Policy(Arc::new(Mutex::new("{}".to_owned())));
        let dns = Dns::servers(&[names.address], DnsLimits::default()).unwrap();
        let prober = Prober::new(Roots::none(), ProbeLimits::default()).unwrap().with_dns(dns.clone());
        let options = pullgate_host::Options { dns: Some(dns), ..Default::default() };
        let (policies, _) = Policies::load(Module::built_in().unwrap(), Box::new(policy.clone()), options).unwrap();
        let audit = Audit::open(&Target::Off).unwrap();
        let admission = Arc::new(Admission::new(Arc::new(policies), audit));
        let plugin = Self { name, socket, admission, prober, policy, serving: Mutex::new(None) };
        plugin.serve(Options::default()).await;
        plugin
    }

    /// Puts another policy in place of the one that there is.
    pub async fn set(&self, policy: String) {
        *self.policy.0.lock().unwrap() = policy;
        if let Err(error) = self.admission.policies().reload().await {
            panic!("{error}");
        }
    }

    /// What the policy leads to at a registry, without dockerd: names are looked up, and no proxy is used.
    pub async fn probe(&self, registry: &str) -> Report {
        self.prober.probe(&self.admission.policies().current().gate, registry, None).await
    }

    /// Serves with these options from now on.
    pub async fn serve(&self, options: Options) {
        self.put(Some(router(Arc::clone(&self.admission), options))).await;
    }

    /// Another plugin, which allows everything.
    pub async fn allow_everything(&self) {
        let allow = async || r#"{"Implements":["authz"],"Allow":true}"#;
        self.put(Some(Router::new().fallback(allow))).await;
    }

    /// Listens, takes calls, and never answers.
    pub async fn hang(&self) {
        self.put(None).await;
    }

    /// Is gone, its socket and its connections with it.
    pub async fn kill(&self) {
        let _ = std::fs::remove_file(&self.socket);
        let serving = self.serving.lock().unwrap().take();
        if let Some(Serving { stop, task }) = serving {
            let _ = stop.send(());
            task.await.unwrap();
        }
    }

    async fn put(&self, router: Option<Router>) {
        self.kill().await;
        let listener = UnixListener::bind(&self.socket).unwrap();
        let (stop, stopped) = oneshot::channel();
        *self.serving.lock().unwrap() = Some(Serving { stop, task: tokio::spawn(answer(listener, router, stopped)) });
    }
}

struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Serves until it is stopped, and then its connections end, too, as those of a program do.
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
