//! Decides the distinct requests of records, and groups the differences.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use pullgate::{Decision, DenialReason, OwnedRequest, ReferenceKind, Request};

use crate::input::count_of;
use crate::report::{
    ChangedRegistry, ExampleRequest, MAX_EXAMPLES, MAX_PROJECTS, Outcome, OverrideCount, ReplayChange, ReplayReport,
    ReplayVerdict, SkippedLines,
};
use crate::tally::{CaseCounts, RecordedCase, RecordedRequests};
use crate::transport::{Transport, TransportChange};

/// The policy that decides a replay.
pub trait PolicyDecider {
    /// Decides requests, in order.
    fn decide_many(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>>;

    /// Returns the registry of a reference as `HOST[:PORT]`, if the reference parses.
    fn registry(&self, request: &Request<'_>) -> Option<String>;
}

impl RecordedRequests {
    /// Decides every distinct request once, and reports what differs from the record (rule A4).
    pub fn replay(self, policy: &impl PolicyDecider) -> ReplayReport {
        let mut cases: Vec<(&[u8], &RecordedCase)> = self.cases.iter().map(|(key, case)| (&**key, case)).collect();
        cases.sort_unstable_by_key(|(_, case)| case.place);
        let mut requests: Vec<Request<'_>> = Vec::new();
        let mut indices = HashMap::new();
        let mut request_of = Vec::with_capacity(cases.len());
        for (key, case) in &cases {
            let index = *indices.entry(&key[..case.request_length]).or_insert_with(|| {
                requests.push(case.request.as_request());
                requests.len() - 1
            });
            request_of.push(index);
        }
        let decisions = policy.decide_many(&requests);
        let mut builder = ReportBuilder::new(policy);
        for ((_, case), index) in cases.iter().zip(request_of) {
            // A policy that gives fewer decisions than requests decides nothing of the rest.
            match decisions.get(index) {
                Some(decision) => builder.add(case, decision),
                None => builder.add(case, &Decision::Lookup(Vec::new())),
            }
        }
        let counts = cases.iter().map(|(_, case)| &case.counts);
        let first = counts.clone().map(|counts| counts.first).min();
        let last = counts.map(|counts| counts.last).max();
        let (unchanged, without_transport) = (builder.unchanged, builder.without_transport);
        let changes = builder.finish();
        let mut overrides: Vec<OverrideCount> = self
            .overrides
            .iter()
            .map(|(reason, records)| OverrideCount { reason: reason.clone(), records: *records })
            .collect();
        overrides.sort_by(|one, other| other.records.cmp(&one.records).then_with(|| one.reason.cmp(&other.reason)));
        let skipped = self.skipped.iter().map(|(reason, count)| SkippedLines {
            reason: *reason,
            lines: count.lines,
            input: self.inputs.get(count.first.input).cloned().unwrap_or_default(),
            line: count.first.line + 1,
        });
        ReplayReport {
            verdict: verdict(&changes),
            records: self.records,
            requests: count_of(requests.len()),
            first: first.map(|time| time.to_string()),
            last: last.map(|time| time.to_string()),
            unchanged,
            without_transport,
            changes,
            overrides,
            excluded: self.excluded,
            omitted: self.omitted,
            skipped: skipped.collect(),
        }
    }
}

/// Returns the overall result. What is undecided may be allowed, or reached less safely.
fn verdict(changes: &[ChangedRegistry]) -> ReplayVerdict {
    let is_wider = |changed: &ChangedRegistry| {
        changed.less_safe || matches!(changed.change, ReplayChange::NewlyAllowed | ReplayChange::Undecided)
    };
    match changes {
        [] => ReplayVerdict::Same,
        changes if changes.iter().any(is_wider) => ReplayVerdict::Wider,
        _ => ReplayVerdict::NotWider,
    }
}

/// The difference of a case.
struct CaseChange {
    change: ReplayChange,
    less_safe: bool,
}

/// Groups the cases that are decided otherwise.
struct ReportBuilder<'c, P> {
    policy: &'c P,
    /// The registries of references, by the part that names them.
    registries: HashMap<&'c str, String>,
    groups: HashMap<(ReplayChange, Option<String>), ChangeGroup<'c>>,
    unchanged: u64,
    without_transport: u64,
}

/// The cases of one registry that are decided otherwise in one way.
struct ChangeGroup<'c> {
    less_safe: bool,
    counts: CaseCounts,
    references: HashSet<&'c str>,
    projects: BTreeSet<&'c str>,
    /// The cases with the most records.
    examples: Vec<(&'c RecordedCase, Decision<'static>)>,
}

impl<'c, P: PolicyDecider> ReportBuilder<'c, P> {
    fn new(policy: &'c P) -> Self {
        Self { policy, registries: HashMap::new(), groups: HashMap::new(), unchanged: 0, without_transport: 0 }
    }

    /// Adds a case. Cases are added in the order of their places.
    fn add(&mut self, case: &'c RecordedCase, decision: &Decision<'static>) {
        let records = case.counts.records;
        let Some(CaseChange { change, less_safe }) = self.change(case, decision) else {
            self.unchanged += records;
            return;
        };
        let registry = self.registry(&case.request, decision);
        let group = match self.groups.entry((change, registry)) {
            Entry::Occupied(known) => {
                let group = known.into_mut();
                group.counts.merge(&case.counts);
                group
            }
            Entry::Vacant(new) => new.insert(ChangeGroup {
                less_safe: false,
                counts: case.counts.clone(),
                references: HashSet::new(),
                projects: BTreeSet::new(),
                examples: Vec::new(),
            }),
        };
        group.less_safe |= less_safe;
        group.references.insert(&case.request.reference);
        group.projects.extend(case.request.project.as_deref());
        let place = group.examples.partition_point(|(other, _)| other.counts.records >= records);
        if place < MAX_EXAMPLES {
            group.examples.insert(place, (case, decision.clone()));
            group.examples.truncate(MAX_EXAMPLES);
        }
    }

    /// Returns the difference of a case.
    fn change(&mut self, case: &RecordedCase, decision: &Decision<'static>) -> Option<CaseChange> {
        let is = |change| Some(CaseChange { change, less_safe: false });
        match (case.outcome.is_allowed, decision) {
            (_, Decision::Lookup(_)) => is(ReplayChange::Undecided),
            (true, Decision::Deny(_)) => is(ReplayChange::NewlyDenied),
            (false, Decision::Allow(_)) => is(ReplayChange::NewlyAllowed),
            (false, Decision::Deny(_)) => None,
            (true, Decision::Allow(allowed)) => {
                let Some(recorded) = &case.outcome.transport else {
                    self.without_transport += case.counts.records;
                    return None;
                };
                match recorded.compare(&Transport::from_allow(allowed)) {
                    TransportChange::Same => None,
                    TransportChange::Other => is(ReplayChange::ReachedOtherwise),
                    TransportChange::LessSafe => {
                        Some(CaseChange { change: ReplayChange::ReachedOtherwise, less_safe: true })
                    }
                }
            }
        }
    }

    /// Returns the registry of a request. All images whose first component is the same are of the same registry, so that
    /// the policy is asked once for all of them.
    fn registry(&mut self, request: &'c OwnedRequest, decision: &Decision<'static>) -> Option<String> {
        let parses = !matches!(decision, Decision::Deny(denied) if denied.reason == DenialReason::InvalidReference);
        if !parses {
            return None;
        }
        let component = match (request.kind, request.reference.split_once('/')) {
            (ReferenceKind::Image, Some((first, _))) => first,
            // Without a slash there is no registry.
            (ReferenceKind::Image, None) => "",
            (ReferenceKind::Registry, _) => return self.policy.registry(&request.as_request()),
        };
        if let Some(known) = self.registries.get(component) {
            return Some(known.clone());
        }
        let registry = self.policy.registry(&request.as_request())?;
        self.registries.insert(component, registry.clone());
        Some(registry)
    }

    /// Returns the groups, those of one kind together, in descending order of their records.
    fn finish(self) -> Vec<ChangedRegistry> {
        let mut changes: Vec<ChangedRegistry> =
            self.groups.into_iter().map(|((change, registry), group)| group.into_report(change, registry)).collect();
        changes.sort_by(|one, other| {
            let by_count = other.records.cmp(&one.records);
            one.change.cmp(&other.change).then(by_count).then_with(|| one.registry.cmp(&other.registry))
        });
        changes
    }
}

impl ChangeGroup<'_> {
    fn into_report(self, change: ReplayChange, registry: Option<String>) -> ChangedRegistry {
        let CaseCounts { records, not_enforced, not_admitting, first, last, askers } = self.counts;
        let (users, more_users) = askers.into_names();
        let examples = self.examples.into_iter().map(|(case, decision)| ExampleRequest {
            reference: case.request.reference.clone(),
            kind: case.request.kind,
            project: case.request.project.clone(),
            dns_answers: case.request.dns_answers.clone(),
            records: case.counts.records,
            before: Outcome::from_record(&case.outcome),
            after: Outcome::from_decision(&decision),
        });
        ChangedRegistry {
            change,
            registry,
            less_safe: self.less_safe,
            records,
            references: count_of(self.references.len()),
            not_enforced,
            not_admitting,
            first: first.to_string(),
            last: last.to_string(),
            users,
            more_users,
            projects: self.projects.iter().take(MAX_PROJECTS).map(|project| (*project).to_owned()).collect(),
            more_projects: self.projects.len() > MAX_PROJECTS,
            examples: examples.collect(),
        }
    }
}
