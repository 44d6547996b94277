//! A loaded policy: the index and trust of every scope.

pub(crate) mod entry_group;
pub(crate) mod index;
pub(crate) mod pattern_index;
pub(crate) mod prefix_map;
pub(crate) mod trust_anchors;

use crate::document::{ParsedDocument, PolicyLists, UnlistedProjects};
use crate::policy::index::EntryIndex;
use crate::policy::trust_anchors::{ParsedAuthority, ScopedTrust, TrustAnchor};
use crate::util::string_map::StringMap;

/// A loaded policy, immutable and ready to decide.
#[derive(Debug, Default)]
pub struct Policy {
    pub(crate) global: PolicyScope,
    /// The projects of the document (rule J1), by name.
    projects: StringMap,
    project_scopes: Vec<PolicyScope>,
    unlisted_projects: UnlistedProjects,
    /// True if addresses and networks may cover names (rule M4).
    pub(crate) match_resolved_addresses: bool,
    has_blocked: bool,
    /// The trust anchors of the document, sorted by fingerprint.
    anchors: Vec<TrustAnchor>,
}

/// The lists of the document, or of one of its projects.
#[derive(Debug, Default)]
pub(crate) struct PolicyScope {
    /// True if there is a `whitelist` member (rule W1).
    pub whitelist_mode: bool,
    pub index: EntryIndex,
    /// The trust anchors of the scope (rule C1).
    pub authorities: ScopedTrust,
}

impl Policy {
    /// Returns the trust anchors of the document and its projects, deduplicated and sorted by fingerprint. Each
    /// decision names those that apply (rule C1).
    pub fn authorities(&self) -> &[TrustAnchor] {
        &self.anchors
    }

    pub(crate) fn from_document<'d>(document: &'d ParsedDocument<'d>, parsed: &[ParsedAuthority<'d>], at: u64) -> Self {
        let (anchors, authorities) = trust_anchors::build_trust(document, parsed, at);
        let mut authorities = authorities.into_iter();
        let mut scope = |lists| PolicyScope::new(lists, authorities.next().unwrap_or_default());
        let mut policy = Policy {
            global: scope(&document.global),
            match_resolved_addresses: document.match_resolved_addresses.unwrap_or_default(),
            unlisted_projects: document.unlisted_projects.unwrap_or_default(),
            anchors,
            ..Policy::default()
        };
        for (project, position) in document.projects.iter().flatten().zip(0..) {
            policy.projects.get_or_insert(&project.name, position);
            policy.project_scopes.push(scope(&project.lists));
        }
        let mut scopes = std::iter::once(&policy.global).chain(&policy.project_scopes);
        policy.has_blocked = scopes.any(|scope| scope.index.has_blocked());
        policy
    }

    /// Returns whether there are built-in registries; they are global.
    pub(crate) fn has_built_in(&self) -> bool {
        self.global.index.has_built_in()
    }

    /// Returns whether there are blocked entries, global or of a project.
    #[inline(always)]
    pub(crate) fn has_blocked(&self) -> bool {
        self.has_blocked
    }

    pub(crate) fn has_projects(&self) -> bool {
        !self.projects.is_empty()
    }

    /// Returns whether requests for a project that the document does not have are denied (rules J1, J2).
    pub(crate) fn denies_unlisted_projects(&self) -> bool {
        self.has_projects() && self.unlisted_projects == UnlistedProjects::Deny
    }

    pub(crate) fn project(&self, name: &str) -> Option<(&str, &PolicyScope)> {
        let (name, position) = self.projects.get_key_value(name)?;
        Some((name, self.project_scopes.get(usize::try_from(position).ok()?)?))
    }
}

impl PolicyScope {
    fn new(lists: &PolicyLists<'_>, authorities: ScopedTrust) -> Self {
        PolicyScope { whitelist_mode: lists.whitelist.is_some(), index: EntryIndex::new(lists.entries()), authorities }
    }
}
