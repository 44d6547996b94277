//! The daemon as a whole: started, ready, and stopped.

use std::future::Future;
use std::io;
use std::sync::Arc;

use libsystemd::daemon::{NotifyState, notify};
use pullgate_host::{Dns, DnsError, DnsLimits, Limits, Module, Options};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admission::Admission;
use crate::admission::audit_log::{Audit, Target};
use crate::api::{self, Context, Guard, Work};
use crate::frontends::docker;
use crate::frontends::kubernetes;
use crate::policy::reload;
use crate::policy::store::{Policies, PolicySource};
use crate::server::bearer_token::Token;
use crate::server::socket_activation::HandedOver;
use crate::server::{self, Listener, Tls};
use crate::settings::{Listen, NO_TLS, Settings};
use crate::util::sanitize::reason;

/// Serves until it is told to stop by SIGTERM or SIGINT.
///
/// # Errors
///
/// If it cannot start: a policy with errors, an address that is taken, settings that would let anybody in. The text is for
/// a person.
pub async fn serve(settings: Settings, source: Box<dyn PolicySource>) -> Result<(), String> {
    // From here on it means to read again, and no longer ends the process.
    let hangup = signal(SignalKind::hangup()).map_err(unheard)?;
    settings.check()?;
    let token = settings.token_file.as_deref().map(Token::load).transpose()?.map(Arc::new);
    let (stop, stopping) = watch::channel(false);
    let tls = settings.tls().map(Tls::load).transpose()?;
    let admission = admission(&settings, source)?;
    // Until here they end the process at once; from here on, what it was asked is answered and recorded first.
    let stop_signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let mut handed_over = HandedOver::new()?;
    let mut tasks = JoinSet::new();

    if let Some(listener) = match (handed_over.take("docker"), &settings.docker_socket) {
        (Some(listener), _) if !listener.is_unix() => {
            return Err(
                "the socket `docker` of systemd must be a unix socket: whoever reaches it is taken for dockerd"
                    .to_owned(),
            );
        }
        (Some(listener), _) => Some(listener),
        (None, Some(path)) => Some(bind(&Listen::Unix(path.clone()), 0o600).await?),
        (None, None) => None,
    } {
        tracing::info!(socket = %shown(&listener), "Docker Engine may ask");
        let router = docker::router(Arc::clone(&admission), docker::Options::from(&settings));
        tasks.spawn(server::serve(listener, None, router, stopping.clone()));
    }
    if let Some(listener) = match (handed_over.take("kubernetes"), settings.kubernetes_listen) {
        (Some(listener), _) => Some(listener),
        (None, Some(address)) => Some(bind(&Listen::Tcp(address), 0o600).await?),
        (None, None) => None,
    } {
        let Some(tls) = &tls else { return Err(NO_TLS.to_owned()) };
        tracing::info!(address = %shown(&listener), "Kubernetes may ask");
        let health = api::health(Arc::clone(&admission), stopping.clone());
        let router = kubernetes::router(Arc::clone(&admission)).merge(health);
        tasks.spawn(server::serve(listener, Some(tls.clone()), router, stopping.clone()));
    }
    // What systemd hands over takes the place of the default, not of what was asked for.
    // Servers that are named in the settings are asked for all names; without, a connection is made as others here are.
    let names = admission.policies().dns().filter(|_| !settings.dns_server.is_empty());
    let work = Work::new(names.cloned());
    let mut apis: Vec<Listener> = handed_over.take("api").into_iter().collect();
    if apis.is_empty() || settings.listen.is_some() {
        apis.push(bind(&settings.api_listen(), 0o660).await?);
    }
    for listener in apis {
        let address = shown(&listener);
        let is_local = listener.is_local();
        settings.check_api(&address, is_local)?;
        tracing::info!(address, "the page and the API are served");
        let guard = Guard::new(token.clone(), is_local, !listener.is_unix());
        let context = Context {
            admission: Arc::clone(&admission),
            work: work.clone(),
            updates: settings.allow_policy_updates,
            guard,
        };
        let router = api::router(Arc::new(context), api::health(Arc::clone(&admission), stopping.clone()));
        let tls = tls.clone().filter(|_| !is_local);
        tasks.spawn(server::serve(listener, tls, router, stopping.clone()));
    }
    tasks.spawn(until(stopping.clone(), reload::watch(Arc::clone(&admission), tls, token)));
    tasks.spawn(until(stopping, on_hangup(Arc::clone(&admission), hangup)));

    tell(&[NotifyState::Ready]);
    first_of(stop_signals).await?;
    tracing::info!("stopping");
    tell(&[NotifyState::Stopping]);
    // Nobody listens any more if this fails.
    let _ = stop.send(true);
    while tasks.join_next().await.is_some() {}
    admission.audit().flush();
    Ok(())
}

fn admission(settings: &Settings, source: Box<dyn PolicySource>) -> Result<Arc<Admission>, String> {
    let module = Module::built_in().map_err(|error| error.to_string())?;
    let dns = match (settings.no_dns, settings.dns_server.as_slice()) {
        (true, _) => None,
        (false, []) => Dns::system(DnsLimits::default()).map_or_else(without_dns, Some),
        (false, servers) => Some(Dns::servers(servers, DnsLimits::default()).map_err(|error| error.to_string())?),
    };
    let mut limits = Limits::default();
    limits.instances = settings.instances.map_or(limits.instances, usize::from);
    let (policies, said) =
        Policies::load(module, source, Options { limits, dns }).map_err(|error| error.to_string())?;
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
    let target = settings.audit.clone().unwrap_or(Target::Stdout);
    let audit = Audit::open(&target).map_err(|error| format!("the audit record cannot be opened, {error}"))?;
    Ok(Arc::new(Admission::new(policies, audit)))
}

/// Most policies ask nothing of DNS, and the others are no worse off than while its servers do not answer.
fn without_dns(error: DnsError) -> Option<Dns> {
    tracing::warn!(
        "{error}: what depends on DNS is denied. Name a server with --dns-server, or say --no-dns if this is meant"
    );
    None
}

async fn bind(listen: &Listen, mode: u32) -> Result<Listener, String> {
    Listener::bind(listen, mode).await.map_err(|error| error.to_string())
}

fn shown(listener: &Listener) -> String {
    listener.address().unwrap_or_else(|error| error.to_string())
}

/// Does the work until the daemon is to stop.
async fn until(mut stopping: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}

/// Reads the policy again whenever SIGHUP comes.
async fn on_hangup(admission: Arc<Admission>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        admission.audit().reopen();
        reload::reload(&admission).await;
    }
}

/// Waits until one of the signals has come.
async fn first_of(signals: [io::Result<Signal>; 2]) -> Result<(), String> {
    let [terminate, interrupt] = signals;
    let (mut terminate, mut interrupt) = (terminate.map_err(unheard)?, interrupt.map_err(unheard)?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn unheard(error: io::Error) -> String {
    format!("signals cannot be heard: {}", reason(&error))
}

/// Tells systemd, if it started this.
fn tell(states: &[NotifyState]) {
    if let Err(error) = notify(false, states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
