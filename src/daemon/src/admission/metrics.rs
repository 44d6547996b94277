//! Prometheus metrics.

use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use pullgate::DenialReason;
use pullgate_host::{Dns, DnsCounts, Module};

use crate::admission::audit_log::AuditLog;
use crate::admission::enforcement::{Enforcement, FrontendEnforcement};
use crate::admission::request::Frontend;
use crate::policy::store::{Generation, PolicyStore};

/// Histogram buckets in seconds. A decision takes microseconds, one with DNS up to seconds.
const DURATION_BUCKETS_SECS: [f64; 12] =
    [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The registry of all metrics.
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    unenforced: Family<DenialLabels, Counter>,
    enforcement: Family<FrontendLabels, Gauge>,
    durations: Family<FrontendLabels, Histogram>,
    reloads: Family<ReloadLabels, Counter>,
    generation: Gauge,
    whitelist: Gauge,
    stale: Gauge,
    expirations: Family<CertificateLabels, Gauge>,
    transfers: Gauge,
    transferred: Family<DirectionLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabels {
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    frontend: &'static str,
    decision: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DenialLabels {
    frontend: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FrontendLabels {
    frontend: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    certificate: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

/// Collector of the counters that the host keeps.
#[derive(Debug)]
struct HostCollector {
    module: Module,
    /// The resolvers of admission and of the API.
    dns: Vec<Dns>,
}

impl Collector for HostCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let help = "Instances of the module that failed and were replaced, by cause";
        let mut metric = encoder.encode_descriptor("instances_replaced", help, None, MetricType::Counter)?;
        for (cause, count) in self.module.discarded_instances() {
            let cause = match cause {
                DenialReason::TimeOut => "timeout",
                cause => cause.as_str(),
            };
            ConstCounter::new(count).encode(metric.encode_family(&[("cause", cause)])?)?;
        }
        if self.dns.is_empty() {
            return Ok(());
        }
        let counts = self.dns.iter().map(Dns::counts).fold(DnsCounts::default(), |sum, counts| DnsCounts {
            cached: sum.cached + counts.cached,
            answered: sum.answered + counts.answered,
            failed: sum.failed + counts.failed,
        });
        let DnsCounts { cached, answered, failed } = counts;
        let help = "DNS queries by outcome";
        let mut metric = encoder.encode_descriptor("dns_queries", help, None, MetricType::Counter)?;
        for (outcome, count) in [("cached", cached), ("answered", answered), ("failed", failed)] {
            ConstCounter::new(count).encode(metric.encode_family(&[("outcome", outcome)])?)?;
        }
        Ok(())
    }
}

impl Metrics {
    /// Creates the metrics at zero. The host counts for itself.
    pub fn new(policies: &PolicyStore, audit: &AuditLog) -> Self {
        let mut registry = Registry::with_prefix("pullgate");
        let decisions = Family::default();
        let (unenforced, enforcement) = (Family::default(), Family::default());
        let durations =
            Family::<FrontendLabels, Histogram>::new_with_constructor(|| Histogram::new(DURATION_BUCKETS_SECS));
        let reloads = Family::default();
        let (generation, whitelist, stale) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("decisions", "Decisions by frontend, outcome and reason", decisions.clone());
        let help = "Denials that were not enforced, as the frontend's enforcement is `audit`";
        registry.register("denials_not_enforced", help, unenforced.clone());
        let help = "1 if the frontend enforces its denials; 0 if it allows everything and only records them";
        registry.register("enforcement", help, enforcement.clone());
        registry.register("decision_duration_seconds", "How long decisions took, DNS included", durations.clone());
        registry.register("policy_loads", "Attempts to load a policy by outcome", reloads.clone());
        registry.register("policy_generation", "The number of the current policy", generation.clone());
        let help = "1 if whitelist mode is on; without it every registry is allowed";
        registry.register("policy_whitelist_mode", help, whitelist.clone());
        registry.register("policy_stale", "1 if the last attempt to load a policy failed", stale.clone());
        let (expirations, help) =
            (Family::default(), "When the first of the certificates in use ends to be valid, as Unix time");
        registry.register("certificate_expiration_timestamp_seconds", help, expirations.clone());
        registry.register("audit_records_dropped", "Audit records that were not written", audit.dropped().clone());
        let help = "Audit records of the API that were not written, above the rate of such records";
        registry.register("audit_records_omitted", help, audit.omitted().clone());
        let (transfers, transferred) = (Gauge::default(), Family::default());
        registry.register("gate_transfers", "Open tunnels and requests of the gate", transfers.clone());
        let help = "Bytes through the gate, from clients (`sent`) and to them (`received`)";
        registry.register("gate_bytes", help, transferred.clone());
        registry.register_collector(Box::new(HostCollector {
            module: policies.module().clone(),
            dns: policies.resolvers(),
        }));
        Self {
            registry,
            decisions,
            unenforced,
            enforcement,
            durations,
            reloads,
            generation,
            whitelist,
            stale,
            expirations,
            transfers,
            transferred,
        }
    }

    /// Counts a decision.
    pub fn record_decision(&self, frontend: Frontend, allowed: bool, reason: &'static str, took: Duration) {
        let decision = if allowed { "allow" } else { "deny" };
        self.decisions.get_or_create(&DecisionLabels { frontend: frontend.as_str(), decision, reason }).inc();
        self.durations.get_or_create(&FrontendLabels { frontend: frontend.as_str() }).observe(took.as_secs_f64());
    }

    /// Counts a denial that is not enforced.
    pub fn record_unenforced_denial(&self, frontend: Frontend, reason: &'static str) {
        self.unenforced.get_or_create(&DenialLabels { frontend: frontend.as_str(), reason }).inc();
    }

    /// Counts a transfer of the gate that begins.
    pub fn record_transfer_begin(&self) {
        self.transfers.inc();
    }

    /// Counts a transfer of the gate that ends, with its bytes.
    pub fn record_transfer_end(&self, sent: u64, received: u64) {
        self.transfers.dec();
        for (direction, bytes) in [("sent", sent), ("received", received)] {
            self.transferred.get_or_create(&DirectionLabels { direction }).inc_by(bytes);
        }
    }

    /// Records the enforcement of the frontends that admit.
    pub fn record_enforcement(&self, enforcement: FrontendEnforcement) {
        for frontend in [Frontend::Docker, Frontend::Containerd, Frontend::Kubernetes] {
            let enforces = enforcement.of(frontend) == Enforcement::Deny;
            self.enforcement.get_or_create(&FrontendLabels { frontend: frontend.as_str() }).set(i64::from(enforces));
        }
    }

    /// Counts an attempt to load a policy: `replaced`, `unchanged` or `failed`.
    pub fn record_load(&self, outcome: &'static str) {
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
        self.stale.set(i64::from(outcome == "failed"));
    }

    /// Records the current policy.
    pub fn record_policy(&self, generation: &Generation) {
        self.generation.set(i64::try_from(generation.number).unwrap_or(i64::MAX));
        self.whitelist.set(i64::from(generation.whitelist));
        self.record_expiration(
            "policy",
            generation.evaluator.authorities().iter().map(|authority| authority.not_after).min(),
        );
    }

    /// Records the earliest expiration of the certificates of the `policy` or of `tls`, in seconds since 1970-01-01
    /// UTC.
    pub fn record_expiration(&self, of: &'static str, at: Option<u64>) {
        match at {
            Some(at) => {
                self.expirations
                    .get_or_create(&CertificateLabels { certificate: of })
                    .set(i64::try_from(at).unwrap_or(i64::MAX));
            }
            None => {
                self.expirations.remove(&CertificateLabels { certificate: of });
            }
        }
    }

    /// Renders the metrics as OpenMetrics 1.0 text.
    pub fn to_openmetrics(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
