//! The result of a comparison.

use serde::{Deserialize, Serialize};

use crate::compare::port_set::Ports;
use crate::compare::repository_set::Repositories;
use crate::compare::requester::Who;
use crate::decision::{Fact, ReferenceKind};
use crate::finding::Finding;

/// The most regions of a kind that a comparison has. The rest is counted.
pub const MAX_REGIONS: usize = 1_000;

/// The most exceptions that a region names. The rest is counted.
pub const MAX_EXCEPTIONS: usize = 1_000;

/// How a decision differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was denied, and is allowed.
    NewlyAllowed,
    /// It was allowed, and is denied.
    NewlyDenied,
    /// It is allowed as before, and the certificate is not verified any more.
    NowUnverified,
    /// It is allowed as before, and the certificate is verified now.
    NowVerified,
    /// It was reached without verification and still is, and plain HTTP may be tried now.
    NowPlainHttp,
    /// It was reached without verification and still is, and plain HTTP may not be tried any more.
    NoLongerPlainHttp,
    /// It is verified as before, and other certificate authorities of the policy may vouch for it.
    OtherAuthorities,
    /// DNS was not asked, and is.
    NowByDns,
    /// DNS was asked, and is not any more.
    NoLongerByDns,
}

impl Change {
    const ALL: [Change; 9] = [
        Change::NewlyAllowed,
        Change::NewlyDenied,
        Change::NowUnverified,
        Change::NowVerified,
        Change::NowPlainHttp,
        Change::NoLongerPlainHttp,
        Change::OtherAuthorities,
        Change::NowByDns,
        Change::NoLongerByDns,
    ];

    /// Its place among all.
    pub(super) fn number(self) -> usize {
        Self::ALL.iter().position(|change| *change == self).unwrap_or_default()
    }
}

/// What a change comes to as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Both policies mean the same.
    Same,
    /// Nothing is newly allowed, and nothing is reached less safely.
    NotWider,
    /// Something is newly allowed, or reached without verification, over plain HTTP or under more authorities than before.
    Wider,
}

/// What a change to a policy does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// What it comes to.
    pub verdict: Verdict,
    /// For whom whitelist mode was turned on or off.
    pub modes: Vec<ModeChange>,
    /// What `match_resolved_addresses` was turned to, where that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_resolved_addresses: Option<bool>,
    /// What is decided differently, sorted by change. Nothing else is.
    pub regions: Vec<Region>,
    /// How many regions are left out, by change: more than `MAX_REGIONS` are counted and not shown.
    pub omitted: Vec<Omitted>,
}

/// Whitelist mode was turned on or off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModeChange {
    /// The project, where it is its own affair; absent for all requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Whether it is on now.
    pub on: bool,
}

/// Regions that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Omitted {
    /// Their change.
    pub change: Change,
    /// How many.
    pub count: u32,
}

/// Requests that are decided differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// How.
    pub change: Change,
    /// Which, in words.
    pub text: String,
    /// Whether what is newly allowed is reached without verification.
    pub unverified: bool,
    /// The hosts, written like entries: addresses and networks, a name, `*.domain` for all names below, `*` for every
    /// name, `docker.io` for Docker Hub with `hub`.
    pub hosts: Vec<String>,
    /// Whether Docker Hub is meant: with no port and with 443 its names are no names but Docker Hub.
    pub hub: bool,
    /// But not these, nor what is below them or in them.
    pub except: Vec<String>,
    /// How many more exceptions there are than are named.
    pub more_except: u32,
    /// The ports.
    pub ports: Ports,
    /// The repositories.
    pub repositories: Repositories,
    /// On whose behalf.
    pub projects: Projects,
    /// Authorities that may vouch for it now, by fingerprint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Authorities that may not any more, by fingerprint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// A request that shows the difference.
    pub witness: Witness,
}

/// On whose behalf requests are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Projects {
    /// Nobody's in particular: the request names no project.
    pub none: bool,
    /// These.
    pub named: Vec<String>,
    /// Any that neither document names.
    pub others: bool,
}

/// A request that the policies decide differently, in the way that its region says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Witness {
    /// The reference.
    pub reference: String,
    /// What it is.
    pub kind: ReferenceKind,
    /// The project on whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What DNS says, where that decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// The old decision in words.
    pub before: String,
    /// The new decision in words.
    pub after: String,
}

/// Findings of documents that do not load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// Of the first document, if it does not load.
    pub first: Vec<Finding>,
    /// Of the second document, if it does not load.
    pub second: Vec<Finding>,
}

impl Comparison {
    /// Whether something is newly allowed, or reached less safely.
    pub(crate) fn is_wider(&self) -> bool {
        self.verdict == Verdict::Wider
    }

    /// The first region that says so.
    pub(crate) fn first_wider(&self) -> Option<&Region> {
        self.regions.iter().find(|region| region.is_wider())
    }
}

impl Region {
    /// Whether it is a reason to look twice.
    pub(super) fn is_wider(&self) -> bool {
        match self.change {
            Change::NewlyAllowed | Change::NowUnverified | Change::NowPlainHttp => true,
            Change::OtherAuthorities => !self.added.is_empty(),
            Change::NewlyDenied
            | Change::NowVerified
            | Change::NoLongerPlainHttp
            | Change::NowByDns
            | Change::NoLongerByDns => false,
        }
    }
}

impl Projects {
    pub(super) fn add(&mut self, who: &Who) {
        match who {
            Who::Nobody => self.none = true,
            Who::Project(name) => self.named.push(name.clone()),
            Who::Others(_) => self.others = true,
        }
    }

    pub(super) fn in_words(&self) -> String {
        let named = self.named.iter().map(|name| format!("of project `{name}`"));
        let none = self.none.then(|| "of no project".to_owned());
        let others = self.others.then(|| "of any other project".to_owned());
        let parts: Vec<String> = none.into_iter().chain(named).chain(others).collect();
        format!(", {}", parts.join(", "))
    }
}
