//! Probes of test servers, and readings of their reports.

use std::time::Duration;

use pullgate_connect::RootStore;
use pullgate_connect::probe::{AttemptReport, ProbeLimits, ProbeReport, Prober, Stage, StageKind};
use pullgate_host::{Dns, EvaluatorOptions, Module, PolicyEvaluator, now};
use serde_json::{Value, json};

use crate::pki::Ca;

/// The upper bound for tests with hanging servers.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(10);

pub fn limits() -> ProbeLimits {
    ProbeLimits {
        stage_timeout: Duration::from_secs(5),
        registry_timeout: Duration::from_secs(20),
        ..ProbeLimits::default()
    }
}

pub fn impatient() -> ProbeLimits {
    ProbeLimits {
        stage_timeout: Duration::from_millis(1_000),
        registry_timeout: Duration::from_millis(2_500),
        ..ProbeLimits::default()
    }
}

pub fn evaluator(policy: &Value) -> PolicyEvaluator {
    gate_with(policy, None)
}

pub fn gate_with(policy: &Value, dns: Option<Dns>) -> PolicyEvaluator {
    Module::built_in()
        .unwrap()
        .load(&policy.to_string(), now(), EvaluatorOptions { dns, ..EvaluatorOptions::default() })
        .unwrap()
        .0
}

pub async fn probe(policy: &Value, registry: &str) -> ProbeReport {
    probe_within(limits(), policy, registry).await
}

pub async fn probe_within(limits: ProbeLimits, policy: &Value, registry: &str) -> ProbeReport {
    let report = Prober::new(RootStore::empty(), limits).unwrap().probe(&evaluator(policy), registry, None).await;
    // Reports are safe for display.
    let text = serde_json::to_string(&report).unwrap();
    assert!(!text.contains(char::is_control), "{text}");
    report
}

/// Returns a policy that allows loopback, with one CA for the given registries.
pub fn trusting(ca: &Ca, registries: &[&str]) -> Value {
    json!({
        "whitelist": ["127.0.0.0/8", "localhost"],
        "certificate_authorities": [{ "pem": ca.pem(), "registries": registries }],
    })
}

pub fn insecure() -> Value {
    json!({ "whitelist": [], "insecure": ["127.0.0.1"] })
}

#[track_caller]
pub fn only(report: &ProbeReport) -> &AttemptReport {
    assert_eq!(report.attempts.len(), 1, "{report:#?}");
    &report.attempts[0]
}

/// Returns the stages of an attempt with their outcomes, as `dns+ tcp+ tls-`.
pub fn course(attempt: &AttemptReport) -> String {
    let mark = |stage: &Stage| format!("{}{}", stage.stage.as_str(), if stage.ok { '+' } else { '-' });
    attempt.stages.iter().map(mark).collect::<Vec<_>>().join(" ")
}

#[track_caller]
pub fn detail(attempt: &AttemptReport, name: StageKind) -> &str {
    let stage = attempt.stages.iter().rev().find(|stage| stage.stage == name);
    &stage.unwrap_or_else(|| panic!("{attempt:#?}")).detail
}

#[track_caller]
pub fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in `{text}`");
    }
}
