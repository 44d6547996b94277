//! The result of a replay.

use pullgate::{Decision, DnsAnswer, DnsQuery, ReferenceKind};
use serde::Serialize;

use crate::request::RecordedOutcome;
use crate::transport::Transport;

/// Maximum number of example requests for each registry.
pub const MAX_EXAMPLES: usize = 5;

/// Maximum number of projects that are listed for each registry.
pub const MAX_PROJECTS: usize = 8;

/// The kind of difference between a recorded outcome and the new decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayChange {
    /// Allowed on record, denied now.
    NewlyDenied,
    /// Denied on record, allowed now.
    NewlyAllowed,
    /// Allowed on record and now, and reached by other attempts, or verified by other certificate authorities.
    ReachedOtherwise,
    /// Not decided: the new policy depends on DNS answers that are not on record.
    Undecided,
}

/// The overall result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayVerdict {
    /// Every recorded request is decided as before.
    Same,
    /// Nothing is newly allowed, and nothing is reached less safely.
    NotWider,
    /// Something is newly allowed or reached less safely, or may be: it is undecided.
    Wider,
}

/// The reason that a line is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// It is no record.
    NoRecord,
    /// It is the end of an input that is cut off.
    CutOff,
    /// It is longer than any record.
    LongLine,
}

/// The outcome of a request, on record or by the new policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// `allow`, `deny` or `lookup`.
    pub decision: &'static str,
    /// The reason: the code of a denial, or `matched`.
    pub reason: String,
    /// The human-readable reason of a new denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The deciding entry, or the nearest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The way to the registry.
    #[serde(flatten)]
    pub transport: Option<Transport>,
    /// The DNS queries without an answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<DnsQuery>,
}

impl Outcome {
    /// Returns the outcome on record.
    pub(crate) fn from_record(outcome: &RecordedOutcome) -> Self {
        Self {
            decision: if outcome.is_allowed { "allow" } else { "deny" },
            reason: outcome.reason.clone(),
            text: None,
            entry: outcome.entry.clone(),
            transport: outcome.transport.clone(),
            queries: Vec::new(),
        }
    }

    /// Returns the outcome of a decision.
    pub(crate) fn from_decision(decision: &Decision<'static>) -> Self {
        let outcome = Self {
            decision: "allow",
            reason: "matched".to_owned(),
            text: None,
            entry: None,
            transport: None,
            queries: Vec::new(),
        };
        match decision {
            Decision::Allow(allowed) => Self {
                entry: allowed.by.as_ref().map(|by| by.entry.to_string()),
                transport: Some(Transport::from_allow(allowed)),
                ..outcome
            },
            Decision::Deny(denied) => {
                let nearest = denied.nearest.as_ref().map(|nearest| &nearest.entry);
                Self {
                    decision: "deny",
                    reason: denied.reason.as_str().to_owned(),
                    text: Some(denied.text.clone()),
                    entry: denied.by.as_ref().or(nearest).map(|entry| entry.entry.to_string()),
                    ..outcome
                }
            }
            Decision::Lookup(queries) => {
                Self { decision: "lookup", reason: "undecided".to_owned(), queries: queries.clone(), ..outcome }
            }
        }
    }
}

/// A request that is decided otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExampleRequest {
    /// The reference.
    pub reference: String,
    /// The kind of the reference.
    pub kind: ReferenceKind,
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The DNS answers on record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_answers: Vec<DnsAnswer>,
    /// The number of records.
    pub records: u64,
    /// The outcome on record.
    pub before: Outcome,
    /// The outcome by the new policy.
    pub after: Outcome,
}

/// The requests to one registry that are decided otherwise in one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangedRegistry {
    /// The kind of difference.
    pub change: ReplayChange,
    /// The registry as `HOST[:PORT]`; absent for references that do not parse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// True if a request is reached less safely.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub less_safe: bool,
    /// The number of records.
    pub records: u64,
    /// The number of distinct references.
    pub references: u64,
    /// The number of recorded denials that had no effect.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_enforced: u64,
    /// The number of recorded questions that admitted nothing.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_admitting: u64,
    /// The time of the first record (RFC 3339).
    pub first: String,
    /// The time of the last record.
    pub last: String,
    /// The first users, or frontends where the user is not known.
    pub users: Vec<String>,
    /// True if there are more users.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_users: bool,
    /// The first projects in alphabetical order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// True if there are more projects.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_projects: bool,
    /// The requests with the most records.
    pub examples: Vec<ExampleRequest>,
}

/// Records that a setting decided in place of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverrideCount {
    /// The stable code of the setting; empty if a record has none.
    pub reason: String,
    /// The number of records.
    pub records: u64,
}

/// Lines that are no records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedLines {
    /// The reason.
    pub reason: SkipReason,
    /// The number of lines.
    pub lines: u64,
    /// The input with the first of them.
    pub input: String,
    /// The number of the first of them in that input, from 1.
    pub line: u64,
}

/// The result of a replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayReport {
    /// The overall result.
    pub verdict: ReplayVerdict,
    /// The number of records that were replayed.
    pub records: u64,
    /// The number of distinct requests.
    pub requests: u64,
    /// The time of the first record (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The time of the last record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// The number of records that are decided as before.
    pub unchanged: u64,
    /// The number of records among these that do not say how the registry was reached.
    #[serde(skip_serializing_if = "is_zero")]
    pub without_transport: u64,
    /// The differences, those of one kind together, in descending order of their records.
    pub changes: Vec<ChangedRegistry>,
    /// Records that settings decided. They are not replayed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideCount>,
    /// The number of questions over the API that were left out on demand.
    #[serde(skip_serializing_if = "is_zero")]
    pub excluded: u64,
    /// The number of questions over the API that are not on record, as the daemon says.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: u64,
    /// Lines that are no records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedLines>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
