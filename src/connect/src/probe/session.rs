//! The test of one registry, from the decision on.

use std::future::Future;

use crate::{Connection, Target};
use pullgate::{Allowed, Answer, Decision, ReferenceKind, Request};
use pullgate_host::Gate;
use tokio::time::{Instant, timeout_at};

use super::report::{Attempt, Report, Stage, StageName};
use super::{Prober, Progress, Watch};

/// A test in the making.
pub(super) struct Run<'a> {
    pub(super) prober: &'a Prober,
    pub(super) gate: &'a Gate,
    registry: &'a str,
    project: Option<&'a str>,
    watch: Watch<'a>,
    /// When the time for all is over.
    end: Instant,
    /// How many other hosts may still be asked about.
    pub(super) hosts: usize,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        prober: &'a Prober,
        gate: &'a Gate,
        registry: &'a str,
        project: Option<&'a str>,
        watch: Watch<'a>,
    ) -> Self {
        let end = Instant::now() + prober.limits.registry;
        Self { prober, gate, registry, project, watch, end, hosts: prober.limits.hosts }
    }

    /// Does all of it.
    pub(super) async fn report(mut self) -> Report {
        let answer = self.decide(self.registry).await;
        let mut report = Report::of(&answer);
        match &answer.decision {
            Decision::Allow(allowed) => self.attempts(allowed, &mut report).await,
            decision => report.summary = format!("{}; nothing was contacted", refused(decision)),
        }
        report
    }

    /// What the policy says of a host.
    pub(super) async fn decide(&self, registry: &str) -> Answer<'static> {
        let kind = ReferenceKind::Registry;
        self.gate.answer(&Request { reference: registry, kind, project: self.project, facts: &[] }).await
    }

    /// Takes the attempts in their order, until one comes to a registry.
    async fn attempts(&mut self, allowed: &Allowed<'_>, report: &mut Report) {
        let routes = match self.prober.connector.routes(&report.registry, allowed, self.gate.authorities()) {
            Ok(routes) => routes,
            Err(error) => {
                report.summary = format!("not tried: {error}");
                return;
            }
        };
        for (route, attempt) in routes.iter().zip(&allowed.attempts) {
            let host = attempt.host.as_deref();
            let Some((target, connection)) = self.reach(route, host, allowed, &mut report.attempts).await else {
                continue;
            };
            let Some(attempt) = report.attempts.last_mut() else { continue };
            let usable = self.question(target, connection, attempt).await;
            if attempt.protocol.is_some() {
                report.protocol.clone_from(&attempt.protocol);
                report.ok = usable;
                report.summary = summary(attempt, usable);
                return;
            }
        }
        report.summary = format!("no registry was reached: {}", report.failures());
    }

    /// Asks who is there. Whether it can be used.
    async fn question(&mut self, target: Target, connection: Connection, attempt: &mut Attempt) -> bool {
        let Some(fetched) = self.follow(StageName::V2, target, connection, "/v2/", attempt).await else {
            return false;
        };
        match fetched.v2() {
            Ok(registry) => {
                self.note(StageName::V2, true, registry.detail, fetched.since, &mut attempt.stages);
                attempt.protocol = Some(registry.protocol);
                match registry.bearer {
                    Some(bearer) => self.token(&bearer, &fetched.target, attempt).await,
                    None => true,
                }
            }
            Err(why) => {
                self.note(StageName::V2, false, why, fetched.since, &mut attempt.stages);
                self.v1(&fetched.target, attempt).await
            }
        }
    }

    /// Does one thing within its time, and notes what came of it: a value and its description, or what went wrong.
    pub(super) async fn step<T>(
        &self,
        stage: StageName,
        stages: &mut Vec<Stage>,
        work: impl Future<Output = Result<(T, String), String>>,
    ) -> Option<T> {
        let since = Instant::now();
        let (value, detail) = match self.timed(work).await {
            Ok((value, detail)) => (Some(value), detail),
            Err(why) => (None, why),
        };
        self.note(stage, value.is_some(), detail, since, stages);
        value
    }

    /// Does one thing within its time.
    pub(super) async fn timed<T>(&self, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        let start = Instant::now();
        if start >= self.end {
            let all = self.prober.limits.registry.as_secs_f64();
            return Err(format!("not tried, since the {all:.1} s for this registry were over"));
        }
        let done = timeout_at(self.end.min(start + self.prober.limits.stage), work).await;
        done.unwrap_or_else(|_| Err(format!("no answer within {:.1} s", start.elapsed().as_secs_f64())))
    }

    /// Notes what came of something that began at a time.
    pub(super) fn note(
        &self,
        stage: StageName,
        ok: bool,
        detail: impl Into<String>,
        since: Instant,
        stages: &mut Vec<Stage>,
    ) {
        let milliseconds = since.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        let stage = Stage { stage, ok, detail: detail.into(), milliseconds };
        (self.watch)(Progress { registry: self.registry, stage: &stage });
        stages.push(stage);
    }
}

/// Why a host may not be contacted.
pub(super) fn refused(decision: &Decision<'_>) -> String {
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

fn summary(attempt: &Attempt, usable: bool) -> String {
    let protocol = attempt.protocol.as_deref().unwrap_or_default();
    let at = attempt.address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
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
