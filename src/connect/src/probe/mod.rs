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

use crate::{ConnectLimits, Connector, Roots, rustls};
use futures_util::stream::{self, Stream, StreamExt};
use pullgate_host::{Dns, Gate};

pub use report::{Attempt, Certificate, Report, Source, Stage, StageName, VouchedBy};
use session::Run;

/// How much one test may take.
#[derive(Clone, Debug)]
pub struct ProbeLimits {
    /// The time for one stage, such as a handshake or a request; 10 seconds by default.
    pub stage: Duration,
    /// The time for one registry, with all that it points to; 30 seconds by default. What DNS takes for a decision has
    /// its own limit ([`DnsLimits`](pullgate_host::DnsLimits)).
    pub registry: Duration,
    /// How many addresses of a host are tried; 8 by default.
    pub addresses: usize,
    /// How many other hosts a registry may point to; 4 by default.
    pub hosts: usize,
    /// How many bytes of an answer's headers are read; 64 KiB by default, 8 KiB at the least.
    pub head: usize,
    /// How many bytes of an answer's body are read; 64 KiB by default.
    pub body: usize,
    /// How many registries are tested at once; 8 by default.
    pub parallel: usize,
}

impl Default for ProbeLimits {
    fn default() -> Self {
        Self {
            stage: Duration::from_secs(10),
            registry: Duration::from_secs(30),
            addresses: 8,
            hosts: 4,
            head: 64 << 10,
            body: 64 << 10,
            parallel: 8,
        }
    }
}

/// What is said where a registry is to be tested and none is named.
pub const NOTHING: &str = "there is no registry to test: write `docker.io` for Docker Hub";

/// Whether no registry is named. The rules take that for Docker Hub, as `docker login` does; but it is mostly a variable that
/// was never set, and a test of another registry than was meant is no test.
pub fn is_nothing(registry: &str) -> bool {
    registry.trim().is_empty()
}

/// A stage that is over.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The registry, as it was asked for.
    pub registry: &'a str,
    /// The stage.
    pub stage: &'a Stage,
}

/// Who hears of progress.
pub type Watch<'a> = &'a (dyn Fn(Progress<'_>) + Sync);

/// Tests connections. One may serve every policy.
#[derive(Clone, Debug)]
pub struct Prober {
    connector: Connector,
    roots: Roots,
    limits: ProbeLimits,
}

impl Prober {
    /// `roots` count for every registry, beside those that its decision names.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn new(roots: Roots, limits: ProbeLimits) -> Result<Self, rustls::Error> {
        // The connector's own limits are not used: the stages are taken one by one.
        let connector = Connector::new(roots.clone(), ConnectLimits::default())?;
        Ok(Self { connector, roots, limits })
    }

    /// With the well-known authorities of this machine, or the built-in ones where it has none.
    ///
    /// # Errors
    ///
    /// If rustls cannot be set up.
    pub fn of_this_machine(limits: ProbeLimits) -> Result<Self, rustls::Error> {
        Self::new(Roots::platform().unwrap_or_else(|_| Roots::well_known()), limits)
    }

    /// Who is asked for the addresses of names; the resolver of this machine by default.
    #[must_use]
    pub fn with_dns(self, dns: Dns) -> Self {
        Self { connector: self.connector.with_dns(dns), ..self }
    }

    /// Tests one registry, `HOST[:PORT]`. Never fails: what goes wrong is the report.
    pub async fn probe(&self, gate: &Gate, registry: &str, project: Option<&str>) -> Report {
        self.watched(gate, registry, project, &|_| ()).await
    }

    /// As [`probe`](Self::probe), and tells of each stage when it is over.
    pub async fn watched(&self, gate: &Gate, registry: &str, project: Option<&str>, watch: Watch<'_>) -> Report {
        Run::new(self, gate, registry, project, watch).report().await
    }

    /// Tests registries, several at once. The reports come in the order of the registries.
    pub fn probe_all<'a>(
        &'a self,
        gate: &'a Gate,
        registries: &'a [String],
        project: Option<&'a str>,
        watch: Watch<'a>,
    ) -> impl Stream<Item = Report> + Send + 'a {
        let tests = registries.iter().map(move |registry| self.watched(gate, registry, project, watch));
        stream::iter(tests).buffered(self.limits.parallel.max(1))
    }
}
