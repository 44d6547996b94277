//! The one place where every way in asks: decides, counts, and records.

mod append_file;
pub mod audit_log;
pub mod metrics;
pub mod request;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pullgate::{Decision, Deny};

use crate::admission::audit_log::{AuditLog, AuditRecord};
use crate::admission::metrics::Metrics;
pub use crate::admission::request::{AdmissionRequest, Frontend, policy_request};
use crate::policy::store::{Generation, PolicyStore};
use crate::util::sanitize::single_line;

/// What a way in answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionResponse {
    /// Whether it may be done.
    pub allowed: bool,
    /// Why not, on one line; why it may, where that is not plain.
    pub message: String,
}

/// Decides for every way in.
pub struct Admission {
    policy_store: Arc<PolicyStore>,
    audit: AuditLog,
    metrics: Metrics,
}

impl Admission {
    /// Decides by these policies.
    pub fn new(policy_store: Arc<PolicyStore>, audit: AuditLog) -> Self {
        let metrics = Metrics::new(policy_store.module(), policy_store.dns(), audit.dropped());
        metrics.record_policy(&policy_store.current());
        Self { policy_store, audit, metrics }
    }

    /// The policies.
    pub fn policy_store(&self) -> &Arc<PolicyStore> {
        &self.policy_store
    }

    /// The record.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The policy for one request of a way in: all its questions go to it, even if another one comes meanwhile.
    pub fn current_policy(&self) -> Arc<Generation> {
        self.policy_store.current()
    }

    /// Decides one question. Never fails: what goes wrong is a denial (rule D2).
    pub async fn decide(&self, generation: &Generation, ask: &AdmissionRequest<'_>) -> AdmissionResponse {
        let start = Instant::now();
        let request = policy_request(ask);
        let decision = generation.evaluator.decide(&request).await;
        self.record_decision(generation, ask, &decision, start.elapsed())
    }

    /// As [`decide`](Self::decide), with a decision that was had otherwise, in so much time.
    pub fn record_decision(
        &self,
        generation: &Generation,
        ask: &AdmissionRequest<'_>,
        decision: &Decision<'_>,
        took: Duration,
    ) -> AdmissionResponse {
        let mut record = AuditRecord::new(ask, generation, self.policy_store.module().digest(), took);
        let verdict = match decision {
            Decision::Allow(allowed) => {
                record.entry = allowed.by.as_ref().map(|by| Cow::Borrowed(&*by.entry));
                AdmissionResponse { allowed: true, message: String::new() }
            }
            Decision::Deny(denied) => {
                record.reason = denied.reason.as_str();
                record.entry = denied.nearest.as_ref().map(|nearest| Cow::Borrowed(&*nearest.entry.entry));
                AdmissionResponse { allowed: false, message: denial_message(denied) }
            }
            Decision::Lookup(questions) => {
                record.reason = "undecided";
                let subjects: Vec<&str> = questions.iter().map(|question| question.subject.as_str()).collect();
                let message = format!(
                    "access denied: whether `{}` may be used depends on DNS, which is not asked here ({})",
                    ask.reference,
                    subjects.join(", ")
                );
                AdmissionResponse { allowed: false, message }
            }
        };
        self.write_record(record, verdict, took)
    }

    /// Records what a way in decides without the rules: what it does not understand, and what its settings say.
    /// `reason` is a stable code.
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

    fn write_record(
        &self,
        mut record: AuditRecord<'_>,
        verdict: AdmissionResponse,
        took: Duration,
    ) -> AdmissionResponse {
        // Much of it is what whoever asks has written.
        let verdict = AdmissionResponse { message: single_line(&verdict.message).into_owned(), ..verdict };
        record.set_outcome(verdict.allowed, &verdict.message);
        self.metrics.record_decision(record.frontend, verdict.allowed, record.reason, took);
        self.audit.write(&record);
        drop(record);
        verdict
    }
}

fn denial_message(denied: &Deny<'_>) -> String {
    let nearest = denied.nearest.as_ref().map(|nearest| (&*nearest.entry.entry, nearest.text.as_str()));
    format_denial(&denied.text, nearest)
}

/// Rule W3's text and the nearest entry, with why it does not match. It is put on one line on its way out.
pub fn format_denial(text: &str, nearest: Option<(&str, &str)>) -> String {
    match nearest {
        Some((entry, why)) => format!("{text}; nearest is `{entry}`: {why}"),
        None => text.to_owned(),
    }
}
