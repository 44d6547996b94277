//! The daemon: start, readiness, and shutdown.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use libsystemd::daemon::{NotifyState, notify};
use pullgate_connect::RootStore;
use pullgate_host::{CallThreads, Dns, DnsError, DnsLimits, EvaluatorOptions, Module, ModuleError, ResourceLimits};
use pullgate_source::PolicyFile;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};

use crate::admission::Admission;
use crate::admission::audit_log::{AuditLog, AuditSink};
use crate::admission::request::Frontend;
use crate::api::{self, AccessPolicy, ApiResources, ApiState};
use crate::frontends::docker;
use crate::frontends::gate::{Credentials, CredentialsError, Gate, GateOptions};
use crate::frontends::kubernetes;
use crate::policy::reload;
use crate::policy::store::{PolicyError, PolicyStore, StoreOptions};
use crate::server::background::{BackgroundRuntime, background_call_threads};
use crate::server::bearer_token::{BearerToken, BearerTokenError};
use crate::server::socket_activation::{ActivatedSocketError, ActivatedSockets};
use crate::server::{self, Listener, ListenerRole, ReloadingTlsAcceptor, TlsError};
use crate::settings::{ListenAddr, Settings, SettingsError};
use crate::util::sanitize::io_error_reason;

/// An error that ends the daemon. The texts are human-readable.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The settings are contradictory, or would expose the API.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The token file cannot be used.
    #[error(transparent)]
    BearerToken(#[from] BearerTokenError),
    /// The TLS files cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A socket of systemd cannot be used.
    #[error(transparent)]
    ActivatedSocket(#[from] ActivatedSocketError),
    /// The plugin's socket of systemd is no unix socket.
    #[error("the socket `docker` of systemd must be a unix socket: whoever reaches it is taken for dockerd")]
    DockerSocketOverTcp,
    /// The gate's socket of systemd is a unix socket.
    #[error("the socket `gate` of systemd must be a TCP socket: clients reach a proxy by an address and a port")]
    GateOverUnix,
    /// The credentials of the gate cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// TLS of the gate cannot be set up.
    #[error("the gate cannot be set up: {0}")]
    Gate(rustls::Error),
    /// The module cannot be instantiated.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The DNS servers of the settings cannot be used.
    #[error(transparent)]
    Dns(#[from] DnsError),
    /// The policy cannot be loaded.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The audit record cannot be opened.
    #[error("the audit record cannot be opened, {0}")]
    Audit(io::Error),
    /// An address cannot be listened on.
    #[error("{0}")]
    Listen(io::Error),
    /// Threads cannot be spawned.
    #[error("threads cannot be started: {}", io_error_reason(.0))]
    Threads(io::Error),
    /// Signal handlers cannot be installed.
    #[error("signals cannot be heard: {}", io_error_reason(.0))]
    Signals(io::Error),
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
///
/// If the daemon cannot start: a policy with errors, an address in use, or settings that would expose the API. The text
/// is human-readable.
pub async fn run(settings: Settings, policy: PolicyFile) -> Result<(), DaemonError> {
    // From here on SIGHUP means reload and no longer ends the process.
    let hangup = signal(SignalKind::hangup()).map_err(DaemonError::Signals)?;
    settings.check()?;
    let token = settings.token_file.as_deref().map(BearerToken::load).transpose()?.map(Arc::new);
    let (stop, stopping) = watch::channel(false);
    let tls = settings.tls_files().map(ReloadingTlsAcceptor::load).transpose()?;
    let admission = load_admission(&settings, policy)?;
    // Before this they end the process at once; from here on, requests in flight are answered and recorded first.
    let stop_signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let mut handed_over = ActivatedSockets::from_env()?;
    let mut tasks = JoinSet::new();
    let mut frontends = Vec::new();

    if let Some(listener) = match (handed_over.take("docker"), &settings.docker_socket) {
        (Some(listener), _) if !listener.is_unix() => {
            return Err(DaemonError::DockerSocketOverTcp);
        }
        (Some(listener), _) => Some(listener),
        (None, Some(path)) => Some(bind(&ListenAddr::Unix(path.clone()), 0o600).await?),
        (None, None) => None,
    } {
        frontends.push(Frontend::Docker);
        tracing::info!(socket = %display_addr(&listener), "Docker Engine may ask");
        let router = docker::router(Arc::clone(&admission), docker::DockerOptions::from(&settings));
        tasks.spawn(server::serve(listener, ListenerRole::Plugin, None, router, stopping.clone()));
    }
    let mut kubernetes_addr = None;
    if let Some(listener) = match (handed_over.take("kubernetes"), settings.kubernetes_listen) {
        (Some(listener), _) => Some(listener),
        (None, Some(address)) => Some(bind(&ListenAddr::Tcp(address), 0o600).await?),
        (None, None) => None,
    } {
        let Some(tls) = &tls else { return Err(SettingsError::KubernetesWithoutTls.into()) };
        frontends.push(Frontend::Kubernetes);
        kubernetes_addr = listener.tcp_addr();
        tracing::info!(address = %display_addr(&listener), "Kubernetes may ask");
        let health = api::health_router(Arc::clone(&admission), stopping.clone());
        let options = kubernetes::KubernetesOptions::from(&settings);
        let router = kubernetes::router(Arc::clone(&admission), options).merge(health);
        tasks.spawn(server::serve(listener, ListenerRole::Admission, Some(tls.clone()), router, stopping.clone()));
    }
    let gate = match (handed_over.take("gate"), settings.gate) {
        (Some(listener), _) => Some(listener),
        (None, Some(address)) => Some(bind(&ListenAddr::Tcp(address), 0o600).await?),
        (None, None) => None,
    };
    if gate.is_some() {
        frontends.push(Frontend::Gate);
    }
    // containerd's image verifier asks over the API, where only its settings tell that it does.
    if settings.containerd_project.is_some() || settings.containerd_enforcement.is_some() {
        frontends.push(Frontend::Containerd);
    }
    // Sockets of systemd replace the default address, not a configured one. DNS servers in the settings resolve all
    // names; otherwise connections use the system's resolver.
    let names = admission.policy_store().api_options().dns.as_ref().filter(|_| !settings.dns_server.is_empty());
    let background = BackgroundRuntime::start().map_err(DaemonError::Threads)?;
    let instances = admission.policy_store().api_options().limits.max_instances;
    let work = ApiResources::new(names.cloned(), background.handle().clone(), instances);
    let mut apis: Vec<Listener> = handed_over.take("api").into_iter().collect();
    if apis.is_empty() || settings.listen.is_some() {
        apis.push(bind(&settings.api_listen_addr(), 0o660).await?);
    }
    if let Some(listener) = gate {
        let listeners = apis.iter().chain([&listener]).filter_map(Listener::tcp_addr).chain(kubernetes_addr);
        let gate = load_gate(&settings, &admission, &listener, listeners.collect()).await?;
        tracing::info!(address = %display_addr(&listener), "the gate is open");
        let tls = tls.as_ref().filter(|_| !listener.is_local()).map(ReloadingTlsAcceptor::http1);
        let stopping = stopping.clone();
        tasks.spawn(async move { gate.serve(listener, tls, stopping).await });
    }
    for listener in apis {
        let address = display_addr(&listener);
        let is_local = listener.is_local();
        settings.check_api(&address, is_local)?;
        tracing::info!(address, "the page and the API are served");
        let guard = AccessPolicy::new(token.clone(), is_local, !listener.is_unix());
        let context = ApiState {
            admission: Arc::clone(&admission),
            resources: work.clone(),
            frontends: frontends.clone(),
            allow_policy_updates: settings.allow_policy_updates,
            containerd_project: settings.containerd_project.clone(),
            access_policy: guard,
        };
        let router = api::router(Arc::new(context), api::health_router(Arc::clone(&admission), stopping.clone()));
        let tls = tls.clone().filter(|_| !is_local);
        let role = ListenerRole::Api(background.handle().clone());
        tasks.spawn(server::serve(listener, role, tls, router, stopping.clone()));
    }
    tasks.spawn(run_until_stopped(stopping.clone(), reload::watch_files(Arc::clone(&admission), tls, token)));
    tasks.spawn(run_until_stopped(stopping, reload_on_hangup(Arc::clone(&admission), hangup)));

    sd_notify(&[NotifyState::Ready]);
    wait_for_shutdown(stop_signals).await?;
    tracing::info!("stopping");
    sd_notify(&[NotifyState::Stopping]);
    // Fails only if every receiver is gone.
    let _ = stop.send(true);
    while tasks.join_next().await.is_some() {}
    admission.audit().flush();
    Ok(())
}

/// Creates the gate of a listener.
async fn load_gate(
    settings: &Settings,
    admission: &Arc<Admission>,
    listener: &Listener,
    own_listeners: Vec<SocketAddr>,
) -> Result<Arc<Gate>, DaemonError> {
    if listener.is_unix() {
        return Err(DaemonError::GateOverUnix);
    }
    settings.check_gate(&display_addr(listener), listener.is_local())?;
    let token = settings.gate_token_file.as_deref().map(BearerToken::load).transpose()?.map(Arc::new);
    let dns = admission.policy_store().admission_options().dns.clone();
    let credentials = settings.gate_credentials.as_deref().map(Credentials::load).transpose()?.map(Arc::new);
    let options = GateOptions {
        project: settings.gate_project.clone(),
        token,
        is_exposed: !listener.is_local(),
        own_listeners,
        dns: dns.filter(|_| !settings.dns_server.is_empty()),
        credentials,
        redirects: settings.gate_redirects.unwrap_or_default(),
    };
    let roots = spawn_blocking(RootStore::platform).await.ok().and_then(Result::ok);
    let roots = roots.unwrap_or_else(RootStore::well_known);
    Gate::new(Arc::clone(admission), roots, options).map_err(DaemonError::Gate)
}

fn load_admission(settings: &Settings, policy: PolicyFile) -> Result<Arc<Admission>, DaemonError> {
    let module = Module::built_in()?;
    let (policies, said) = PolicyStore::load(module, policy, store_options(settings)?)?;
    let policies = if settings.require_whitelist { policies.require_whitelist()? } else { policies };
    if !said.is_empty() {
        tracing::warn!("what there is to say about the policy:\n{said}");
    }
    let policies = Arc::new(policies);
    let current = policies.current();
    tracing::info!(
        module = policies.module().digest(),
        policy = current.sha256,
        whitelist = current.whitelist,
        "the policy is loaded"
    );
    if !current.whitelist {
        tracing::warn!("whitelist mode is off: every registry is allowed");
    }
    let target = settings.audit.clone().unwrap_or(AuditSink::Stdout);
    let audit = AuditLog::open(&target).map_err(DaemonError::Audit)?;
    let projects = [
        ("docker_project", &settings.docker_project),
        ("containerd_project", &settings.containerd_project),
        ("gate_project", &settings.gate_project),
    ];
    for (setting, project) in projects {
        if let Some(project) =
            project.as_deref().filter(|project| current.has_projects() && !current.has_project(project))
        {
            tracing::warn!(setting, project, "the policy has no project of this name");
        }
    }
    let enforcement = settings.frontend_enforcement();
    for (setting, frontend) in enforcement.unenforced() {
        tracing::warn!(
            "NOTHING IS ENFORCED for {frontend}, as `{setting}` is `audit`: what would be denied is allowed, recorded \
             and counted"
        );
    }
    Ok(Arc::new(Admission::new(policies, audit).with_enforcement(enforcement)))
}

/// Returns the options of both evaluators. They share nothing, not even a resolver, so that what admits never waits for
/// what only asks; the API has half as many instances.
fn store_options(settings: &Settings) -> Result<StoreOptions, DaemonError> {
    let limits = ResourceLimits::default();
    let admission = settings.instances.or(NonZeroUsize::new(limits.max_instances)).unwrap_or(NonZeroUsize::MIN);
    let api = NonZeroUsize::new(admission.get() / 2).unwrap_or(NonZeroUsize::MIN);
    let options = |instances: NonZeroUsize, dns, threads: io::Result<CallThreads>| {
        let limits = ResourceLimits { max_instances: instances.get(), ..limits.clone() };
        Ok::<_, DaemonError>(EvaluatorOptions { limits, dns, threads: Some(threads.map_err(DaemonError::Threads)?) })
    };
    let dns = resolver(settings)?;
    let api_dns = if dns.is_some() { resolver(settings)? } else { None };
    Ok(StoreOptions {
        admission: options(admission, dns, CallThreads::spawn("pullgate-call", admission, || ()))?,
        api: options(api, api_dns, background_call_threads(api))?,
    })
}

fn resolver(settings: &Settings) -> Result<Option<Dns>, DaemonError> {
    Ok(match (settings.no_dns, settings.dns_server.as_slice()) {
        (true, _) => None,
        (false, []) => Dns::system(DnsLimits::default()).map_or_else(dns_unavailable, Some),
        (false, servers) => Some(Dns::with_servers(servers, DnsLimits::default())?),
    })
}

/// Logs that DNS is unavailable. Most policies need no DNS, and the others deny as they do while its servers do not
/// respond.
fn dns_unavailable(error: DnsError) -> Option<Dns> {
    tracing::warn!(
        "{error}: what depends on DNS is denied. Name a server with --dns-server, or say --no-dns if this is meant"
    );
    None
}

async fn bind(listen: &ListenAddr, mode: u32) -> Result<Listener, DaemonError> {
    Listener::bind(listen, mode).await.map_err(DaemonError::Listen)
}

fn display_addr(listener: &Listener) -> String {
    listener.local_addr().unwrap_or_else(|error| error.to_string())
}

/// Runs a future until shutdown begins.
async fn run_until_stopped(mut stopping: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}

/// Reloads the policy at each SIGHUP.
async fn reload_on_hangup(admission: Arc<Admission>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        admission.audit().reopen();
        reload::reload(&admission).await;
    }
}

/// Waits for the first of the signals.
async fn wait_for_shutdown(signals: [io::Result<Signal>; 2]) -> Result<(), DaemonError> {
    let [terminate, interrupt] = signals;
    let (mut terminate, mut interrupt) =
        (terminate.map_err(DaemonError::Signals)?, interrupt.map_err(DaemonError::Signals)?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Notifies systemd, if it started the daemon.
fn sd_notify(states: &[NotifyState]) {
    if let Err(error) = notify(false, states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
