//! The one place where every way in asks: decides, counts, and records.

mod append_file;
pub mod audit_log;
pub mod metrics;
pub mod request;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pullgate::{Decision, Denied};

use crate::admission::audit_log::{Audit, Record};
use crate::admission::metrics::Metrics;
pub use crate::admission::request::{Ask, Door, request};
use crate::policy::store::{Generation, Policies};
use crate::util::sanitize::on_one_line;

/// What a way in answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be done.
    pub allowed: bool,
    /// Why not, on one line; why it may, where that is not plain.
    pub message: String,
}

/// Decides for every way in.
pub struct Admission {
    policies: Arc<Policies>,
    audit: Audit,
    metrics: Metrics,
}

impl Admission {
    /// Decides by these policies.
    pub fn new(policies: Arc<Policies>, audit: Audit) -> Self {
        let metrics = Metrics::new(policies.module(), policies.dns(), audit.lost());
        metrics.in_effect(&policies.current());
        Self { policies, audit, metrics }
    }

    /// The policies.
    pub fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// The record.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The policy for one request of a way in: all its questions go to it, even if another one comes meanwhile.
    pub fn begin(&self) -> Arc<Generation> {
        self.policies.current()
    }

    /// Decides one question. Never fails: what goes wrong is a denial (rule D2).
    pub async fn decide(&self, generation: &Generation, ask: &Ask<'_>) -> Verdict {
        let start = Instant::now();
        let request = request(ask);
        let decision = generation.gate.decide(&request).await;
        self.finish(generation, ask, &decision, start.elapsed())
    }

    /// As [`decide`](Self::decide), with a decision that was had otherwise, in so much time.
    pub fn finish(&self, generation: &Generation, ask: &Ask<'_>, decision: &Decision<'_>, took: Duration) -> Verdict {
        let mut record = Record::new(ask, generation, self.policies.module().digest(), took);
        let verdict = match decision {
            Decision::Allow(allowed) => {
                record.entry = allowed.by.as_ref().map(|by| Cow::Borrowed(&*by.entry));
                Verdict { allowed: true, message: String::new() }
            }
            Decision::Deny(denied) => {
                record.reason = denied.reason.as_str();
                record.entry = denied.nearest.as_ref().map(|nearest| Cow::Borrowed(&*nearest.entry.entry));
                Verdict { allowed: false, message: message(denied) }
            }
            Decision::Lookup(questions) => {
                record.reason = "undecided";
                let subjects: Vec<&str> = questions.iter().map(|question| question.subject.as_str()).collect();
                let message = format!(
                    "access denied: whether `{}` may be used depends on DNS, which is not asked here ({})",
                    ask.reference,
                    subjects.join(", ")
                );
                Verdict { allowed: false, message }
            }
        };
        self.write(record, verdict, took)
    }

    /// Records what a way in decides without the rules: what it does not understand, and what its settings say.
    /// `reason` is a stable code.
    pub fn settle(&self, generation: &Generation, ask: &Ask<'_>, reason: &'static str, verdict: Verdict) -> Verdict {
        let mut record = Record::new(ask, generation, self.policies.module().digest(), Duration::ZERO);
        record.reason = reason;
        self.write(record, verdict, Duration::ZERO)
    }

    fn write(&self, mut record: Record<'_>, verdict: Verdict, took: Duration) -> Verdict {
        // Much of it is what whoever asks has written.
        let verdict = Verdict { message: on_one_line(&verdict.message).into_owned(), ..verdict };
        record.allowed(verdict.allowed, &verdict.message);
        self.metrics.decided(record.door, verdict.allowed, record.reason, took);
        self.audit.write(&record);
        drop(record);
        verdict
    }
}

fn message(denied: &Denied<'_>) -> String {
    let nearest = denied.nearest.as_ref().map(|nearest| (&*nearest.entry.entry, nearest.text.as_str()));
    denial(&denied.text, nearest)
}

/// Rule W3's text and the nearest entry, with why it does not match. It is put on one line on its way out.
pub fn denial(text: &str, nearest: Option<(&str, &str)>) -> String {
    match nearest {
        Some((entry, why)) => format!("{text}; nearest is `{entry}`: {why}"),
        None => text.to_owned(),
    }
}
