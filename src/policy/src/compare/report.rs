//! The result of a comparison.

use serde::{Deserialize, Serialize};

use crate::compare::port_set::PortSet;
use crate::compare::repository_set::RepositorySet;
use crate::compare::requester::Requester;
use crate::decision::{DnsAnswer, ReferenceKind};
use crate::finding::Finding;

/// The maximum number of regions of one kind in a comparison. The rest is counted.
pub const MAX_REGIONS: usize = 1_000;

/// The maximum number of exceptions listed in a region. The rest is counted.
pub const MAX_EXCEPTIONS: usize = 1_000;

/// The kind of difference between two decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Denied before, allowed now.
    NewlyAllowed,
    /// Allowed before, denied now.
    NewlyDenied,
    /// Allowed before and now, and the certificate is no longer verified.
    NowUnverified,
    /// Allowed before and now, and the certificate is now verified.
    NowVerified,
    /// Unverified before and now, and plain HTTP is now allowed.
    NowPlainHttp,
    /// Unverified before and now, and plain HTTP is no longer allowed.
    NoLongerPlainHttp,
    /// Verified before and now, by another set of the policy's certificate authorities.
    OtherAuthorities,
    /// Depends on DNS now, and did not before.
    NowByDns,
    /// Depended on DNS before, and does not now.
    NoLongerByDns,
}

impl ChangeKind {
    const ALL: [ChangeKind; 9] = [
        ChangeKind::NewlyAllowed,
        ChangeKind::NewlyDenied,
        ChangeKind::NowUnverified,
        ChangeKind::NowVerified,
        ChangeKind::NowPlainHttp,
        ChangeKind::NoLongerPlainHttp,
        ChangeKind::OtherAuthorities,
        ChangeKind::NowByDns,
        ChangeKind::NoLongerByDns,
    ];

    /// Returns the index in `ALL`.
    pub(super) fn ordinal(self) -> usize {
        Self::ALL.iter().position(|change| *change == self).unwrap_or_default()
    }
}

/// The overall result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComparisonVerdict {
    /// Both policies have the same meaning.
    Same,
    /// Nothing is newly allowed, and nothing is reached less safely.
    NotWider,
    /// Something is newly allowed, or reached without verification, over plain HTTP or under more authorities than
    /// before.
    Wider,
}

/// The semantic difference between two policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The overall result.
    pub verdict: ComparisonVerdict,
    /// False if patterns overlap in more ways than can be told apart, so that regions may be missing. The verdict is then
    /// [`ComparisonVerdict::Wider`] (rule A3).
    pub exhaustive: bool,
    /// Changes of whitelist mode.
    pub modes: Vec<ModeChange>,
    /// The new value of `match_resolved_addresses`, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_resolved_addresses: Option<bool>,
    /// All requests that are decided differently, sorted by change.
    pub regions: Vec<Region>,
    /// The number of regions beyond `MAX_REGIONS`, by change.
    pub omitted: Vec<TruncatedCount>,
}

/// A change of whitelist mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModeChange {
    /// The project, if the change is limited to one; absent for all requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// True if whitelist mode is on now.
    pub on: bool,
}

/// The number of regions that are left out of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TruncatedCount {
    /// The change of these regions.
    pub change: ChangeKind,
    /// The number of regions.
    pub count: u32,
}

/// A set of requests that are decided differently in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// The kind of difference.
    pub change: ChangeKind,
    /// A human-readable description of the requests.
    pub text: String,
    /// True if a newly allowed registry is reached without verification.
    pub unverified: bool,
    /// The hosts in the syntax of entries: addresses and networks, a name, `*.domain` for all names below, a pattern, `*`
    /// for every name, `docker.io` for Docker Hub with `hub`.
    pub hosts: Vec<String>,
    /// Patterns that the hosts match too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matching: Vec<String>,
    /// True for Docker Hub, whose names stand for it without a port and with 443.
    pub hub: bool,
    /// Exceptions from `hosts`, each with everything below or inside it.
    pub except: Vec<String>,
    /// The number of exceptions beyond those listed.
    pub more_except: u32,
    /// The ports.
    pub ports: PortSet,
    /// The repositories.
    pub repositories: RepositorySet,
    /// The projects whose requests are affected.
    pub projects: ProjectSet,
    /// Fingerprints of the authorities that now apply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Fingerprints of the authorities that no longer apply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// A request that shows the difference.
    pub witness: Witness,
}

/// A set of projects, as named by requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSet {
    /// True if requests without a project are included.
    pub none: bool,
    /// The projects that are included by name.
    pub named: Vec<String>,
    /// True if every project that neither document names is included.
    pub others: bool,
}

/// A request that the two policies decide as differently as its region states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Witness {
    /// The reference.
    pub reference: String,
    /// The kind of the reference.
    pub kind: ReferenceKind,
    /// The project of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// DNS answers that the difference depends on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_answers: Vec<DnsAnswer>,
    /// The old decision, human-readable.
    pub before: String,
    /// The new decision, human-readable.
    pub after: String,
}

/// The error of a comparison: a document does not load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompareError {
    /// Findings of the first document, if it does not load.
    pub first: Vec<Finding>,
    /// Findings of the second document, if it does not load.
    pub second: Vec<Finding>,
}

impl Comparison {
    /// Returns whether something is newly allowed, or reached less safely.
    pub(crate) fn is_wider(&self) -> bool {
        self.verdict == ComparisonVerdict::Wider
    }

    /// Returns the first region that makes the comparison wider.
    pub(crate) fn first_wider(&self) -> Option<&Region> {
        self.regions.iter().find(|region| region.is_wider())
    }
}

impl Region {
    /// Returns whether the change is towards less safety.
    pub(super) fn is_wider(&self) -> bool {
        match self.change {
            ChangeKind::NewlyAllowed | ChangeKind::NowUnverified | ChangeKind::NowPlainHttp => true,
            ChangeKind::OtherAuthorities => !self.added.is_empty(),
            ChangeKind::NewlyDenied
            | ChangeKind::NowVerified
            | ChangeKind::NoLongerPlainHttp
            | ChangeKind::NowByDns
            | ChangeKind::NoLongerByDns => false,
        }
    }
}

impl ProjectSet {
    pub(super) fn add(&mut self, requester: &Requester) {
        match requester {
            Requester::Unnamed => self.none = true,
            Requester::Project(name) => self.named.push(name.clone()),
            Requester::OtherProject(_) => self.others = true,
        }
    }

    pub(super) fn describe(&self) -> String {
        let named = self.named.iter().map(|name| format!("of project `{name}`"));
        let none = self.none.then(|| "of no project".to_owned());
        let others = self.others.then(|| "of any other project".to_owned());
        let parts: Vec<String> = none.into_iter().chain(named).chain(others).collect();
        format!(", {}", parts.join(", "))
    }
}
