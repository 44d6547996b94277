//! The probe of one registry, beginning with its decision.

use std::future::Future;

use crate::{Connection, Endpoint};
use pullgate::{Allow, Decision, ReferenceKind, Request, Response};
use pullgate_host::PolicyEvaluator;
use tokio::time::{Instant, timeout_at};

use super::dial_target::DialTarget;
use super::report::{AttemptReport, ProbeReport, Stage, StageKind};
use super::{ProbeProgress, Prober, ProgressFn};

/// A running probe.
pub(super) struct ProbeSession<'a> {
    pub(super) prober: &'a Prober,
    pub(super) evaluator: &'a PolicyEvaluator,
    registry: &'a str,
    project: Option<&'a str>,
    on_progress: ProgressFn<'a>,
    /// The deadline of the whole probe.
    deadline: Instant,
    /// The number of other hosts that may still be contacted.
    pub(super) hosts_left: usize,
}

impl<'a> ProbeSession<'a> {
    pub(super) fn new(
        prober: &'a Prober,
        evaluator: &'a PolicyEvaluator,
        registry: &'a str,
        project: Option<&'a str>,
        on_progress: ProgressFn<'a>,
    ) -> Self {
        let deadline = Instant::now() + prober.limits.registry_timeout;
        Self { prober, evaluator, registry, project, on_progress, deadline, hosts_left: prober.limits.max_hosts }
    }

    /// Runs the probe.
    pub(super) async fn run(mut self) -> ProbeReport {
        let answer = self.decide(self.registry).await;
        let mut report = ProbeReport::from_response(&answer);
        match &answer.decision {
            Decision::Allow(allowed) => self.try_endpoints(allowed, &mut report).await,
            decision => report.summary = format!("{}; nothing was contacted", describe_denial(decision)),
        }
        report
    }

    /// Evaluates a host against the policy.
    pub(super) async fn decide(&self, registry: &str) -> Response<'static> {
        let kind = ReferenceKind::Registry;
        self.evaluator.answer(&Request { reference: registry, kind, project: self.project, dns_answers: &[] }).await
    }

    /// Tries the endpoints in order until a registry answers.
    async fn try_endpoints(&mut self, allowed: &Allow<'_>, report: &mut ProbeReport) {
        let routes = match self.prober.connector.endpoints(&report.registry, allowed, self.evaluator.authorities()) {
            Ok(routes) => routes,
            Err(error) => {
                report.summary = format!("not tried: {error}");
                return;
            }
        };
        for (route, attempt) in routes.iter().zip(&allowed.attempts) {
            let host = attempt.host.as_deref();
            let reached = self.dial(route, host, allowed, &mut report.attempts).await;
            self.add_hint(route, report);
            let Some((target, connection)) = reached else { continue };
            let Some(attempt) = report.attempts.last_mut() else { continue };
            let usable = self.check_registry(target, connection, attempt).await;
            if attempt.protocol.is_some() {
                report.protocol.clone_from(&attempt.protocol);
                report.ok = usable;
                report.summary = summary(attempt, usable);
                return;
            }
        }
        report.summary = format!("no registry was reached: {}", report.describe_failures());
    }

    /// Determines the registry API. Returns whether the registry is usable.
    async fn check_registry(
        &mut self,
        target: DialTarget,
        connection: Connection,
        attempt: &mut AttemptReport,
    ) -> bool {
        let Some(fetched) = self.get_with_redirects(StageKind::V2, target, connection, "/v2/", attempt).await else {
            return false;
        };
        match fetched.parse_v2() {
            Ok(registry) => {
                self.record_stage(StageKind::V2, true, registry.detail, fetched.since, &mut attempt.stages);
                attempt.protocol = Some(registry.protocol);
                match registry.bearer {
                    Some(bearer) => self.request_token(&bearer, &fetched.target, attempt).await,
                    None => true,
                }
            }
            Err(mut why) => {
                if fetched.target.is_forwarded() {
                    why.push_str("; the answer may be the proxy's own");
                }
                self.record_stage(StageKind::V2, false, why, fetched.since, &mut attempt.stages);
                self.ping_v1(&fetched.target, attempt).await
            }
        }
    }

    /// Adds the hint about proxies, unless the report has one.
    fn add_hint(&self, route: &Endpoint, report: &mut ProbeReport) {
        if report.hint.is_none() {
            report.hint = self.prober.proxy_mode.report_hint(route);
        }
    }

    /// Runs a stage within its timeout and records the outcome: a value with its description, or an error.
    pub(super) async fn run_stage<T>(
        &self,
        stage: StageKind,
        stages: &mut Vec<Stage>,
        work: impl Future<Output = Result<(T, String), String>>,
    ) -> Option<T> {
        self.run_stage_with_hint(stage, stages, "", work).await
    }

    /// Like [`run_stage`](Self::run_stage), with a text after the error.
    pub(super) async fn run_stage_with_hint<T>(
        &self,
        stage: StageKind,
        stages: &mut Vec<Stage>,
        hint: &str,
        work: impl Future<Output = Result<(T, String), String>>,
    ) -> Option<T> {
        let since = Instant::now();
        let (value, detail) = match self.with_timeout(work).await {
            Ok((value, detail)) => (Some(value), detail),
            Err(why) => (None, format!("{why}{hint}")),
        };
        self.record_stage(stage, value.is_some(), detail, since, stages);
        value
    }

    /// Runs a future within the timeouts of stage and registry.
    pub(super) async fn with_timeout<T>(&self, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        let start = Instant::now();
        if start >= self.deadline {
            let all = self.prober.limits.registry_timeout.as_secs_f64();
            return Err(format!("not tried, since the {all:.1} s for this registry were over"));
        }
        let done = timeout_at(self.deadline.min(start + self.prober.limits.stage_timeout), work).await;
        done.unwrap_or_else(|_| Err(format!("no answer within {:.1} s", start.elapsed().as_secs_f64())))
    }

    /// Records the outcome of a stage that started at `since`.
    pub(super) fn record_stage(
        &self,
        stage: StageKind,
        ok: bool,
        detail: impl Into<String>,
        since: Instant,
        stages: &mut Vec<Stage>,
    ) {
        let milliseconds = since.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        let stage = Stage { stage, ok, detail: detail.into(), milliseconds };
        (self.on_progress)(ProbeProgress { registry: self.registry, stage: &stage });
        stages.push(stage);
    }
}

/// Describes a decision that forbids contacting a host.
pub(super) fn describe_denial(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Allow(_) => String::new(),
        Decision::Deny(denied) => match &denied.nearest {
            Some(nearest) => format!("denied by the policy: {}; {}", denied.text, nearest.text),
            None => format!("denied by the policy: {}", denied.text),
        },
        Decision::Lookup(questions) => {
            let subjects: Vec<String> = questions.iter().map(|question| format!("`{}`", question.subject)).collect();
            format!("undecided: it depends on DNS, which is not asked here ({})", subjects.join(", "))
        }
    }
}

fn summary(attempt: &AttemptReport, usable: bool) -> String {
    let protocol = attempt.protocol.as_deref().unwrap_or_default();
    let at = attempt.way();
    if !usable {
        let failed = attempt.stages.iter().rev().find(|stage| !stage.ok);
        let why = failed.map(|stage| stage.detail.as_str()).unwrap_or_default();
        return format!("{protocol}{at}, but it cannot be used: {why}");
    }
    match (&attempt.vouched_by, attempt.scheme) {
        (Some(voucher), _) => format!("{protocol}{at}; {voucher} vouches for it"),
        (None, pullgate::Scheme::Https) => format!("{protocol}{at}; its certificate was not checked"),
        (None, pullgate::Scheme::Http) => format!("{protocol}{at}; nothing is encrypted"),
    }
}
