//! One of the two policies, as the requests of one project see it.

use crate::decision::query::Ask;
use crate::document::{Item, Lists};
use crate::entry::Entry;
use crate::finding::List;
use crate::load::Read;
use crate::policy::index::Subject;
use crate::policy::trust_anchors::enabled;
use crate::policy::{Policy, Scope};
use crate::reference::{Reference, Registry};

/// What the requests see.
pub(super) struct Side<'d> {
    pub policy: &'d Policy,
    pub project: Option<(&'d str, &'d Scope)>,
    /// Whether the policy has projects and not this one, so that all is denied (rule J1).
    pub unknown: bool,
    /// The lists that count, the global ones first.
    pub scopes: Vec<(&'d Lists<'d>, &'d Scope)>,
}

impl<'d> Side<'d> {
    pub fn new(read: &'d Read<'d>, project: Option<&str>) -> Self {
        let policy = &read.policy;
        let named = project.filter(|_| policy.has_projects());
        let project = named.and_then(|name| policy.project(name));
        let unknown = named.is_some() && project.is_none();
        let mut scopes = Vec::new();
        if !unknown {
            scopes.push((&read.document.global, &policy.global));
        }
        if let Some((name, scope)) = project {
            let found = read.document.projects.iter().flatten().find(|project| project.name == name);
            scopes.extend(found.map(|project| (&project.lists, scope)));
        }
        Side { policy, project, unknown, scopes }
    }

    /// Whether whitelist mode is on for its requests.
    pub fn whitelist_mode(&self) -> bool {
        self.scopes.iter().any(|(_, scope)| scope.whitelist)
    }

    /// A request; none where all is denied.
    pub fn ask<'r>(&self, reference: &'r Reference<'r>) -> Option<Ask<'d, 'r>> {
        (!self.unknown).then(|| Ask::of(self.policy, self.project, reference, &[]))
    }

    /// Every entry that counts, those that authorities are limited to included.
    pub fn entries(&self) -> impl Iterator<Item = &'d Entry> {
        let lists = || [List::Whitelist, List::Insecure, List::BuiltIn].into_iter();
        self.scopes.iter().flat_map(move |(of, _)| {
            let items = lists().flat_map(|list| of.items(list)).filter(|item| item.enabled).map(Item::entry);
            let limits = of.authorities.iter().flatten().filter_map(|authority| authority.registries.as_ref());
            items.chain(limits.flat_map(enabled))
        })
    }
}

/// The host of a registry, as an index looks for it.
pub(super) fn subject<'s>(registry: &'s Registry<'_>) -> Subject<'s> {
    match registry {
        Registry::Hub => Subject::Hub,
        Registry::Address(address) => Subject::Address(*address),
        Registry::Name(name) => Subject::Name(name),
    }
}
