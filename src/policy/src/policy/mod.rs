//! A policy that was loaded: the index of every scope, ready to decide.

pub(crate) mod index;
pub(crate) mod prefix_map;
pub(crate) mod trust_anchors;

use crate::document::{Document, Lists};
use crate::policy::index::Index;
use crate::policy::trust_anchors::{Authorities, Authority, Given};
use crate::util::string_map::Table;

/// A policy, ready to decide.
#[derive(Debug, Default)]
pub struct Policy {
    pub(crate) global: Scope,
    /// The projects of the document (rule J1), by name.
    projects: Table,
    project_scopes: Vec<Scope>,
    /// Whether addresses and networks may cover names (rule M4).
    pub(crate) resolves: bool,
    /// The certificates of the document that may vouch for registries, sorted by fingerprint.
    anchors: Vec<Authority>,
}

/// The lists of the document, or of one of its projects.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Whether there is a `whitelist` member (rule W1).
    pub whitelist: bool,
    pub index: Index,
    /// Who may vouch for registries (rule C1).
    pub authorities: Authorities,
}

impl Policy {
    /// The certificates of the document and its projects that may vouch for registries, each once, sorted by fingerprint.
    /// Which of them count for a registry, a decision says (rule C1).
    pub fn authorities(&self) -> &[Authority] {
        &self.anchors
    }

    pub(crate) fn from_document<'d>(document: &'d Document<'d>, given: &[Given<'d>], at: u64) -> Self {
        let (anchors, authorities) = trust_anchors::load(document, given, at);
        let mut authorities = authorities.into_iter();
        let mut scope = |lists| Scope::new(lists, authorities.next().unwrap_or_default());
        let mut policy = Policy {
            global: scope(&document.global),
            resolves: document.match_resolved_addresses.unwrap_or_default(),
            anchors,
            ..Policy::default()
        };
        for (project, place) in document.projects.iter().flatten().zip(0..) {
            policy.projects.get_or_insert(&project.name, place);
            policy.project_scopes.push(scope(&project.lists));
        }
        policy
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
        Some((name, self.project_scopes.get(usize::try_from(place).ok()?)?))
    }
}

impl Scope {
    fn new(lists: &Lists<'_>, authorities: Authorities) -> Self {
        Scope { whitelist: lists.whitelist.is_some(), index: Index::new(lists.entries()), authorities }
    }
}
