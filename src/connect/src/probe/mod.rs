//! Connection probe: connects to registries as the policy allows and reports the outcome of every stage.
//!
//! A registry that the policy denies is never contacted. Each host that a registry refers to (token server or redirect)
//! gets a decision of its own, so that neither "unverified" nor a trust anchor carries over, and no credentials are
//! sent.

mod dial;
mod dial_target;
mod http_client;
mod proxy_error;
mod proxy_mode;
mod proxy_route;
mod redirects;
mod registry_api;
mod report;
mod session;

use std::time::Duration;

use crate::{ConnectLimits, Connector, ProxySettings, RootStore, rustls};
use futures_util::stream::{self, Stream, StreamExt};
use pullgate_host::{Dns, PolicyEvaluator};

use proxy_mode::ProxyMode;
pub use report::{AnchorSource, AttemptReport, Certificate, ProbeReport, Stage, StageKind, VerifyingAnchor};
use session::ProbeSession;

/// Resource limits of a probe.
#[derive(Clone, Debug)]
pub struct ProbeLimits {
    /// Timeout of one stage, such as a handshake or a request; 10 seconds by default.
    pub stage_timeout: Duration,
    /// Timeout of one registry, including the hosts that it refers to; 30 seconds by default. DNS queries of a decision
    /// have their own limit ([`DnsLimits`](pullgate_host::DnsLimits)).
    pub registry_timeout: Duration,
    /// Maximum number of addresses tried per host; 8 by default.
    pub max_addresses: usize,
    /// Maximum number of other hosts that a registry may refer to; 4 by default.
    pub max_hosts: usize,
    /// Maximum size of the response headers in bytes; 64 KiB by default, and at least 8 KiB.
    pub max_head_bytes: usize,
    /// Maximum size of the response body in bytes; 64 KiB by default.
    pub max_body_bytes: usize,
    /// Maximum number of registries probed at once; 8 by default.
    pub max_parallel: usize,
}

impl Default for ProbeLimits {
    fn default() -> Self {
        Self {
            stage_timeout: Duration::from_secs(10),
            registry_timeout: Duration::from_secs(30),
            max_addresses: 8,
            max_hosts: 4,
            max_head_bytes: 64 << 10,
            max_body_bytes: 64 << 10,
            max_parallel: 8,
        }
    }
}

/// Message for a probe without a registry.
pub const NO_REGISTRY_MESSAGE: &str = "there is no registry to test: write `docker.io` for Docker Hub";

/// Returns whether the registry is blank. The rules read that as Docker Hub, as `docker login` does, but mostly it
/// comes from an unset variable, and a probe must not test a registry that was not meant.
pub fn is_blank(registry: &str) -> bool {
    registry.trim().is_empty()
}

/// A completed stage.
#[derive(Clone, Copy, Debug)]
pub struct ProbeProgress<'a> {
    /// The registry as given.
    pub registry: &'a str,
    /// The completed stage.
    pub stage: &'a Stage,
}

/// A callback for completed stages.
pub type ProgressFn<'a> = &'a (dyn Fn(ProbeProgress<'_>) + Sync);

/// Probes registries. One prober may serve every policy.
#[derive(Clone, Debug)]
pub struct Prober {
    connector: Connector,
    roots: RootStore,
    limits: ProbeLimits,
    proxy_mode: ProxyMode,
}

impl Prober {
    /// Creates a prober that trusts `roots` for every registry, in addition to the trust anchors of each decision.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn new(roots: RootStore, limits: ProbeLimits) -> Result<Self, rustls::Error> {
        // The connector's own limits do not apply: the session runs the stages one by one.
        let connector = Connector::new(roots.clone(), ConnectLimits::default())?;
        Ok(Self { connector, roots, limits, proxy_mode: ProxyMode::Direct(ProxySettings::default()) })
    }

    /// Creates a prober with the root certificates of the platform, or with the built-in ones if the platform has none.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn with_platform_roots(limits: ProbeLimits) -> Result<Self, rustls::Error> {
        Self::new(RootStore::platform().unwrap_or_else(|_| RootStore::well_known()), limits)
    }

    /// Sets the resolver for host addresses; the system resolver by default.
    #[must_use]
    pub fn with_dns(self, dns: Dns) -> Self {
        Self { connector: self.connector.with_dns(dns), ..self }
    }

    /// Connects through the proxies of these settings; an HTTPS proxy is verified by the root certificates alone.
    #[must_use]
    pub fn with_proxies(self, settings: ProxySettings) -> Self {
        Self { proxy_mode: ProxyMode::Proxy(settings), ..self }
    }

    /// Connects directly, and mentions in the report that one of these proxies is set.
    #[must_use]
    pub fn with_unused_proxies(self, settings: ProxySettings) -> Self {
        Self { proxy_mode: ProxyMode::Direct(settings), ..self }
    }

    /// Probes one registry, `HOST[:PORT]`. Never fails: errors are part of the report.
    pub async fn probe(&self, evaluator: &PolicyEvaluator, registry: &str, project: Option<&str>) -> ProbeReport {
        self.probe_with_progress(evaluator, registry, project, &|_| ()).await
    }

    /// Like [`probe`](Self::probe), and calls `on_progress` after each stage.
    pub async fn probe_with_progress(
        &self,
        evaluator: &PolicyEvaluator,
        registry: &str,
        project: Option<&str>,
        on_progress: ProgressFn<'_>,
    ) -> ProbeReport {
        ProbeSession::new(self, evaluator, registry, project, on_progress).run().await
    }

    /// Probes registries concurrently. The reports come in the order of the registries.
    pub fn probe_all<'a>(
        &'a self,
        evaluator: &'a PolicyEvaluator,
        registries: &'a [String],
        project: Option<&'a str>,
        on_progress: ProgressFn<'a>,
    ) -> impl Stream<Item = ProbeReport> + Send + 'a {
        let tests =
            registries.iter().map(move |registry| self.probe_with_progress(evaluator, registry, project, on_progress));
        stream::iter(tests).buffered(self.limits.max_parallel.max(1))
    }
}
