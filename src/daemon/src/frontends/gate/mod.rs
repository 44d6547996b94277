//! The gate: a proxy through which container engines reach registries, and which asks the policy about each. One port
//! takes three forms of requests:
//!
//! ```text
//! CONNECT HOST:PORT     tunnel      TLS of the client's own, to the host that was allowed and no other
//! GET http://HOST/...   plain       plain HTTP, each request for itself
//! GET /v2/...           pull        images through the gate, which connects to the registry itself
//! ```
//!
//! All go the same way: authority, route (the decision and its attempts), dial (an address that the decision allows),
//! transfer. What the gate does not understand it refuses; what was allowed once and is no longer is cut off.

mod access;
mod activity;
mod authority;
mod body;
mod client_hello;
mod connection;
mod destination;
mod dial;
mod headers;
mod local_user;
mod plain;
mod pull;
mod refusal;
mod relay;
mod review;
mod route;
mod splice;
mod transfer;
mod tunnel;
mod upstream;
mod verifications;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pullgate_connect::{ConnectLimits, Connector, RootStore};
use pullgate_host::Dns;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::admission::Admission;
use crate::server::bearer_token::BearerToken;
use crate::server::limits::ListenerLimits;
use crate::server::{AcceptedConnection, Listener, ReloadingTlsAcceptor, accept_connections};
use crate::settings::RedirectPolicy;

use pull::Tokens;
pub use pull::credentials::{Credentials, CredentialsError};
use transfer::Transfers;
use upstream::IdleUpstreams;
use verifications::Verifications;

/// Interval at which the system's root certificates are read again.
const ROOTS_INTERVAL: Duration = Duration::from_secs(300);

/// Interval at which the files of secrets are looked at.
const SECRETS_INTERVAL: Duration = Duration::from_secs(1);

/// The settings of the gate.
#[derive(Clone, Default)]
pub struct GateOptions {
    /// The project of all requests (rule J1).
    pub project: Option<String>,
    /// The token of clients.
    pub token: Option<Arc<BearerToken>>,
    /// True if other machines reach the listener. Then clients need the token or a client certificate, and whitelist
    /// mode.
    pub is_exposed: bool,
    /// The addresses of the daemon's own listeners, which no tunnel leads to.
    pub own_listeners: Vec<SocketAddr>,
    /// The resolver for addresses; `None` for the system's.
    pub dns: Option<Dns>,
    /// The credentials for registries of the pull-through endpoint.
    pub credentials: Option<Arc<Credentials>>,
    /// The hosts that registries may redirect pulls to.
    pub redirects: RedirectPolicy,
}

/// The gate of one listener.
pub struct Gate {
    admission: Arc<Admission>,
    options: GateOptions,
    connector: ArcSwap<Connector>,
    verifications: Verifications,
    transfers: Transfers,
    upstreams: IdleUpstreams,
    tokens: Tokens,
}

impl Gate {
    /// Creates a gate that trusts `roots` for every registry, in addition to the trust anchors of each decision.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn new(admission: Arc<Admission>, roots: RootStore, options: GateOptions) -> Result<Arc<Self>, rustls::Error> {
        let connector = ArcSwap::from_pointee(connector(roots, options.dns.as_ref())?);
        Ok(Arc::new(Self {
            admission,
            options,
            connector,
            verifications: Verifications::default(),
            transfers: Transfers::default(),
            upstreams: IdleUpstreams::default(),
            tokens: Tokens::default(),
        }))
    }

    /// Serves a listener until `stop`.
    pub async fn serve(
        self: &Arc<Self>,
        listener: Listener,
        tls: Option<ReloadingTlsAcceptor>,
        stop: watch::Receiver<bool>,
    ) {
        let stopping = stop.clone();
        let start = |accepted: AcceptedConnection| {
            let (gate, tls, stop) = (Arc::clone(self), tls.clone(), stop.clone());
            let served = async move {
                if let Err(error) = connection::serve(gate, accepted, tls, stop).await {
                    tracing::debug!(%error, "a connection to the gate ended");
                }
            };
            (None, served)
        };
        tokio::select! {
            () = accept_connections(ListenerLimits::default(), listener, false, stopping, start) => {}
            () = review::run(self) => {}
            () = self.refresh_roots() => {}
            () = self.refresh_secrets() => {}
            () = self.upstreams.close_expired() => {}
        }
    }

    /// Reads the token and the credentials again when their files change.
    async fn refresh_secrets(&self) {
        loop {
            tokio::time::sleep(SECRETS_INTERVAL).await;
            let (token, credentials) = (self.options.token.clone(), self.options.credentials.clone());
            let read = spawn_blocking(move || (token.map(|it| it.refresh()), credentials.map(|it| it.refresh()))).await;
            let Ok((token, credentials)) = read else { continue };
            match token {
                Some(Ok(true)) => tracing::info!("the token of the gate was read again"),
                Some(Err(error)) => tracing::error!(%error, "the gate takes no token until its file can be used"),
                Some(Ok(false)) | None => {}
            }
            match credentials {
                Some(Ok(true)) => tracing::info!("the credentials of the gate were read again"),
                Some(Err(error)) => tracing::error!(%error, "the gate has no credentials until their file can be used"),
                Some(Ok(false)) | None => {}
            }
        }
    }

    /// Reads the system's root certificates again, at intervals.
    async fn refresh_roots(&self) {
        loop {
            tokio::time::sleep(ROOTS_INTERVAL).await;
            let Ok(Ok(roots)) = spawn_blocking(RootStore::platform).await else { continue };
            match connector(roots, self.options.dns.as_ref()) {
                Ok(connector) => self.connector.store(Arc::new(connector)),
                Err(error) => tracing::warn!(%error, "the gate keeps the root certificates that it has"),
            }
        }
    }
}

/// Creates the connector. Its own limits do not apply, since the gate runs the steps one by one.
fn connector(roots: RootStore, dns: Option<&Dns>) -> Result<Connector, rustls::Error> {
    let connector = Connector::new(roots, ConnectLimits::default())?;
    Ok(match dns {
        Some(dns) => connector.with_dns(dns.clone()),
        None => connector,
    })
}
