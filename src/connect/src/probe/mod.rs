//! Tests connections: does what the policy allows and nothing else, and says how far each try came.
//!
//! A registry that the policy denies is not contacted. Another host that a registry points to, as where tokens come
//! from or with a redirect, is another question to the policy: neither "unverified" nor an authority is carried there,
//! and nobody is sent credentials.

mod dial;
mod endpoint_url;
mod http_client;
mod redirects;
mod registry_api;
mod report;
mod session;
mod tap;
mod text;
mod www_authenticate;

use std::time::Duration;

use crate::{ConnectLimits, Connector, RootStore, rustls};
use futures_util::stream::{self, Stream, StreamExt};
use pullgate_host::{Dns, PolicyEvaluator};

pub use report::{AnchorSource, AttemptReport, Certificate, ProbeReport, Stage, StageKind, VerifyingAnchor};
use session::ProbeSession;

/// How much one test may take.
#[derive(Clone, Debug)]
pub struct ProbeLimits {
    /// The time for one stage, such as a handshake or a request; 10 seconds by default.
    pub stage_timeout: Duration,
    /// The time for one registry, with all that it points to; 30 seconds by default. What DNS takes for a decision has
    /// its own limit ([`DnsLimits`](pullgate_host::DnsLimits)).
    pub registry_timeout: Duration,
    /// How many addresses of a host are tried; 8 by default.
    pub max_addresses: usize,
    /// How many other hosts a registry may point to; 4 by default.
    pub max_hosts: usize,
    /// How many bytes of an answer's headers are read; 64 KiB by default, 8 KiB at the least.
    pub max_head_bytes: usize,
    /// How many bytes of an answer's body are read; 64 KiB by default.
    pub max_body_bytes: usize,
    /// How many registries are tested at once; 8 by default.
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

/// What is said where a registry is to be tested and none is named.
pub const NO_REGISTRY_MESSAGE: &str = "there is no registry to test: write `docker.io` for Docker Hub";

/// Whether no registry is named. The rules take that for Docker Hub, as `docker login` does; but it is mostly a variable that
/// was never set, and a test of another registry than was meant is no test.
pub fn is_blank(registry: &str) -> bool {
    registry.trim().is_empty()
}

/// A stage that is over.
#[derive(Clone, Copy, Debug)]
pub struct ProbeProgress<'a> {
    /// The registry, as it was asked for.
    pub registry: &'a str,
    /// The stage.
    pub stage: &'a Stage,
}

/// Who hears of progress.
pub type ProgressFn<'a> = &'a (dyn Fn(ProbeProgress<'_>) + Sync);

/// Tests connections. One may serve every policy.
#[derive(Clone, Debug)]
pub struct Prober {
    connector: Connector,
    roots: RootStore,
    limits: ProbeLimits,
}

impl Prober {
    /// `roots` count for every registry, beside those that its decision names.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn new(roots: RootStore, limits: ProbeLimits) -> Result<Self, rustls::Error> {
        // The connector's own limits are not used: the stages are taken one by one.
        let connector = Connector::new(roots.clone(), ConnectLimits::default())?;
        Ok(Self { connector, roots, limits })
    }

    /// With the well-known authorities of this machine, or the built-in ones where it has none.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn with_platform_roots(limits: ProbeLimits) -> Result<Self, rustls::Error> {
        Self::new(RootStore::platform().unwrap_or_else(|_| RootStore::well_known()), limits)
    }

    /// Who is asked for the addresses of names; the resolver of this machine by default.
    #[must_use]
    pub fn with_dns(self, dns: Dns) -> Self {
        Self { connector: self.connector.with_dns(dns), ..self }
    }

    /// Tests one registry, `HOST[:PORT]`. Never fails: what goes wrong is the report.
    pub async fn probe(&self, evaluator: &PolicyEvaluator, registry: &str, project: Option<&str>) -> ProbeReport {
        self.probe_with_progress(evaluator, registry, project, &|_| ()).await
    }

    /// As [`probe`](Self::probe), and tells of each stage when it is over.
    pub async fn probe_with_progress(
        &self,
        evaluator: &PolicyEvaluator,
        registry: &str,
        project: Option<&str>,
        on_progress: ProgressFn<'_>,
    ) -> ProbeReport {
        ProbeSession::new(self, evaluator, registry, project, on_progress).run().await
    }

    /// Tests registries, several at once. The reports come in the order of the registries.
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
