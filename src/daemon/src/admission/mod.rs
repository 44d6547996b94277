//! Admission shared by all frontends: evaluates a request against the current policy, counts it, and writes the audit
//! record.

mod append_file;
pub mod audit_log;
pub mod audit_record;
pub mod enforcement;
pub mod metrics;
pub mod recent_registries;
mod record_queue;
mod record_rate;
pub mod request;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pullgate::display::single_line;
use pullgate::{Decision, Deny};

use crate::admission::audit_log::AuditLog;
use crate::admission::audit_record::{AuditRecord, redact_field};
use crate::admission::enforcement::{Enforcement, FrontendEnforcement};
use crate::admission::metrics::Metrics;
use crate::admission::recent_registries::RecentRegistries;
pub use crate::admission::request::{AdmissionRequest, DecidedRequest, Frontend, policy_request};
use crate::policy::store::{Generation, PolicyStore};

/// The response to an admission request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionResponse {
    /// True if the request is allowed.
    pub allowed: bool,
    /// The reason on one line, also of a denial that is not enforced; empty for a plain permission.
    pub message: String,
    /// False for a denial that the frontend's enforcement turned into a permission.
    pub enforced: bool,
}

impl AdmissionResponse {
    /// Creates a response before enforcement.
    pub fn new(allowed: bool, message: String) -> Self {
        Self { allowed, message, enforced: true }
    }

    /// Returns whether this is a denial, enforced or not.
    pub fn is_denial(&self) -> bool {
        !self.allowed || !self.enforced
    }
}

/// The admission of all frontends.
pub struct Admission {
    policy_store: Arc<PolicyStore>,
    audit: AuditLog,
    metrics: Metrics,
    enforcement: FrontendEnforcement,
    recent_registries: RecentRegistries,
}

impl Admission {
    /// Creates the admission with a policy store and an audit log. Every denial is enforced.
    pub fn new(policy_store: Arc<PolicyStore>, audit: AuditLog) -> Self {
        let metrics = Metrics::new(&policy_store, &audit);
        metrics.record_policy(&policy_store.current());
        let enforcement = FrontendEnforcement::default();
        metrics.record_enforcement(enforcement);
        Self { policy_store, audit, metrics, enforcement, recent_registries: RecentRegistries::default() }
    }

    /// Sets the enforcement of the frontends.
    #[must_use]
    pub fn with_enforcement(self, enforcement: FrontendEnforcement) -> Self {
        self.metrics.record_enforcement(enforcement);
        Self { enforcement, ..self }
    }

    /// Returns the enforcement of the frontends.
    pub fn enforcement(&self) -> FrontendEnforcement {
        self.enforcement
    }

    /// Returns the policy store.
    pub fn policy_store(&self) -> &Arc<PolicyStore> {
        &self.policy_store
    }

    /// Returns the audit log.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// Returns the registries that were asked for at the gate.
    pub fn recent_registries(&self) -> &RecentRegistries {
        &self.recent_registries
    }

    /// Returns the metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the current generation. A frontend takes it once per request, so that a concurrent reload cannot split
    /// the request over two policies.
    pub fn current_policy(&self) -> Arc<Generation> {
        self.policy_store.current()
    }

    /// Decides one request. Never fails: every error is a denial (rule D2).
    pub async fn decide(&self, generation: &Generation, ask: &AdmissionRequest<'_>) -> AdmissionResponse {
        let start = Instant::now();
        let request = policy_request(ask);
        let (decision, dns_answers) = generation.evaluator.decide_with_dns_answers(&request).await;
        let decided = DecidedRequest { decision: &decision, dns_answers: &dns_answers, took: start.elapsed() };
        self.record_decision(generation, ask, decided)
    }

    /// Records a decision that was made by the caller.
    pub fn record_decision(
        &self,
        generation: &Generation,
        ask: &AdmissionRequest<'_>,
        decided: DecidedRequest<'_>,
    ) -> AdmissionResponse {
        let record = AuditRecord::new(ask, generation, self.policy_store.module().digest(), decided.took);
        self.complete_record(record, ask, decided)
    }

    /// Like [`record_decision`](Self::record_decision), for a decision with DNS answers of the caller.
    pub fn record_decision_by_caller_answers(
        &self,
        generation: &Generation,
        ask: &AdmissionRequest<'_>,
        decided: DecidedRequest<'_>,
    ) -> AdmissionResponse {
        let mut record = AuditRecord::new(ask, generation, self.policy_store.module().digest(), decided.took);
        record.dns_answers_from = Some("caller");
        self.complete_record(record, ask, decided)
    }

    /// Writes the record of a decision.
    fn complete_record<'a>(
        &self,
        mut record: AuditRecord<'a>,
        ask: &AdmissionRequest<'a>,
        decided: DecidedRequest<'a>,
    ) -> AdmissionResponse {
        record.set_question(ask.kind, decided.dns_answers);
        let verdict = match decided.decision {
            Decision::Allow(allowed) => {
                record.entry = allowed.by.as_ref().map(|by| Cow::Borrowed(&*by.entry));
                record.set_transport(allowed);
                AdmissionResponse::new(true, String::new())
            }
            Decision::Deny(denied) => {
                record.reason = denied.reason.as_str();
                let nearest = denied.nearest.as_ref().map(|nearest| &nearest.entry);
                record.entry = denied.by.as_ref().or(nearest).map(|entry| Cow::Borrowed(&*entry.entry));
                AdmissionResponse::new(false, denial_message(denied))
            }
            Decision::Lookup(questions) => {
                record.reason = "undecided";
                let subjects: Vec<&str> = questions.iter().map(|question| question.subject.as_str()).collect();
                let message = format!(
                    "access denied: whether `{}` may be used depends on DNS, which is not asked here ({})",
                    redact_field(ask.reference),
                    subjects.join(", ")
                );
                AdmissionResponse::new(false, message)
            }
        };
        self.write_record(record, verdict, decided.took)
    }

    /// Records a decision made without the rules: an input that the frontend does not understand, or one that a setting
    /// decides. `reason` is a stable code.
    pub fn record_override(
        &self,
        generation: &Generation,
        ask: &AdmissionRequest<'_>,
        reason: &'static str,
        verdict: AdmissionResponse,
    ) -> AdmissionResponse {
        let mut record = AuditRecord::new(ask, generation, self.policy_store.module().digest(), Duration::ZERO);
        record.reason = reason;
        self.write_record(record, verdict, Duration::ZERO)
    }

    /// Records and counts the verdict, and then applies the frontend's enforcement: what is recorded is the denial.
    fn write_record(
        &self,
        mut record: AuditRecord<'_>,
        verdict: AdmissionResponse,
        took: Duration,
    ) -> AdmissionResponse {
        // Much of the text is input.
        let mut verdict = AdmissionResponse { message: single_line(&verdict.message).into_owned(), ..verdict };
        record.set_outcome(verdict.allowed, &verdict.message);
        self.metrics.record_decision(record.frontend, verdict.allowed, record.reason, took);
        if !verdict.allowed && self.enforcement.of(record.frontend) == Enforcement::Audit {
            record.enforced = Some(false);
            self.metrics.record_unenforced_denial(record.frontend, record.reason);
            verdict = AdmissionResponse { allowed: true, enforced: false, ..verdict };
        }
        self.audit.write(&record);
        drop(record);
        verdict
    }
}

/// Formats rule W3's text with the nearest entry and the reason for its mismatch. The result is put on one line later.
pub fn denial_message(denied: &Deny<'_>) -> String {
    match &denied.nearest {
        Some(nearest) => format!("{}; nearest is `{}`: {}", denied.text, nearest.entry.entry, nearest.text),
        None => denied.text.clone(),
    }
}
