//! A policy that was loaded: the index of every scope, ready to decide.

use hashbrown::HashMap;
use serde::Serialize;

use crate::canonical;
use crate::check;
use crate::document::{self, Document, Lists};
use crate::finding::{Finding, List, Note, findings};
use crate::index::Index;

/// A policy, ready to decide.
#[derive(Debug, Default)]
pub struct Policy {
    pub(crate) global: Scope,
    /// The projects of the document (rule J1), by name.
    projects: HashMap<Box<str>, u32>,
    project_scopes: Vec<Scope>,
    /// Whether addresses and networks may cover names (rule M4).
    pub(crate) resolves: bool,
}

/// The lists of the document, or of one of its projects.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Whether there is a `whitelist` member (rule W1).
    pub whitelist: bool,
    pub index: Index,
}

/// A policy that was loaded, and what there is to say of its document.
#[derive(Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Findings, in document order, none of them an error.
    pub findings: Vec<Finding>,
}

/// What was found in a policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyReport {
    /// The document in canonical form, as JSON; absent when there is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// Findings, in document order.
    pub findings: Vec<Finding>,
}

/// Checks a policy document (JSON text) as of `at`, in seconds since 1970-01-01 UTC. At most 64 MiB and 1,000,000
/// entries are read (rule P5).
pub fn check_policy(text: &str, at: u64) -> PolicyReport {
    let read = read(text, at);
    let canonical = (!read.failed).then(|| canonical::write(&read.document));
    PolicyReport { canonical, findings: read.findings }
}

impl Policy {
    /// Loads a policy document (JSON text) as of `at`, in seconds since 1970-01-01 UTC. A document with any error does
    /// not load (rule P3): the error is its findings.
    pub fn load(text: &str, at: u64) -> Result<Loaded, Vec<Finding>> {
        let read = read(text, at);
        if read.failed { Err(read.findings) } else { Ok(Loaded { policy: read.policy, findings: read.findings }) }
    }

    pub(crate) fn from_document(document: &Document<'_>) -> Self {
        let projects = || document.projects.iter().flatten();
        Policy {
            global: Scope::new(&document.global),
            projects: projects().zip(0..).map(|(project, place)| (project.name.as_ref().into(), place)).collect(),
            project_scopes: projects().map(|project| Scope::new(&project.lists)).collect(),
            resolves: document.match_resolved_addresses.unwrap_or_default(),
        }
    }

    /// Whether the product has registries of its own; they are global.
    pub(crate) fn has_built_in(&self) -> bool {
        self.global.index.has_built_in()
    }

    pub(crate) fn has_projects(&self) -> bool {
        !self.projects.is_empty()
    }

    pub(crate) fn project(&self, name: &str) -> Option<(&str, &Scope)> {
        let (name, place) = self.projects.get_key_value(name)?;
        Some((name, self.project_scopes.get(usize::try_from(*place).ok()?)?))
    }
}

impl Scope {
    fn new(lists: &Lists<'_>) -> Self {
        let entries = [List::Whitelist, List::Insecure, List::BuiltIn].into_iter().flat_map(|list| {
            let enabled = lists.items(list).iter().filter(|item| item.enabled);
            enabled.map(move |item| (list, u32::try_from(item.index).unwrap_or(u32::MAX), item.entry()))
        });
        Scope { whitelist: lists.whitelist.is_some(), index: Index::new(entries) }
    }
}

struct Read<'t> {
    document: Document<'t>,
    policy: Policy,
    findings: Vec<Finding>,
    failed: bool,
}

fn read(text: &str, _at: u64) -> Read<'_> {
    let mut notes = Vec::new();
    let document = document::read(text, &mut notes);
    let policy = Policy::from_document(&document);
    check::check(&document, &policy, &mut notes);
    let failed = notes.iter().any(Note::is_error);
    Read { findings: findings(text, notes), document, policy, failed }
}

#[cfg(test)]
pub(crate) fn load(text: &str) -> Policy {
    match Policy::load(text, 0) {
        Ok(loaded) => loaded.policy,
        Err(findings) => panic!("{text}: {findings:#?}"),
    }
}
