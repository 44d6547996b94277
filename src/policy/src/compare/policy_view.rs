//! One of the two policies, as it applies to the requests of one project.

use crate::decision::query::Query;
use crate::document::{ListItem, PolicyLists};
use crate::entry::Entry;
use crate::finding::EntryList;
use crate::load::ParsedPolicy;
use crate::policy::index::HostKey;
use crate::policy::trust_anchors::enabled_entries;
use crate::policy::{Policy, PolicyScope};
use crate::reference::{Reference, Registry};

/// A policy and its lists that apply to the requests of one project.
pub(super) struct PolicyView<'d> {
    pub policy: &'d Policy,
    pub project: Option<(&'d str, &'d PolicyScope)>,
    /// True if the policy has projects and not this one, so that everything is denied (rules J1, J2).
    pub unknown_project: bool,
    /// The lists that apply, the global ones first.
    pub scopes: Vec<(&'d PolicyLists<'d>, &'d PolicyScope)>,
}

impl<'d> PolicyView<'d> {
    pub fn new(read: &'d ParsedPolicy<'d>, project: Option<&str>) -> Self {
        let policy = &read.policy;
        let listed = project.and_then(|name| policy.project(name));
        let unknown_project = project.is_some() && listed.is_none() && policy.denies_unlisted_projects();
        let project = listed;
        let mut scopes = Vec::new();
        if !unknown_project {
            scopes.push((&read.document.global, &policy.global));
        }
        if let Some((name, scope)) = project {
            let found = read.document.projects.iter().flatten().find(|project| project.name == name);
            scopes.extend(found.map(|project| (&project.lists, scope)));
        }
        PolicyView { policy, project, unknown_project, scopes }
    }

    /// Returns whether whitelist mode is on for these requests.
    pub fn whitelist_mode(&self) -> bool {
        self.scopes.iter().any(|(_, scope)| scope.whitelist_mode)
    }

    /// Returns the query for a reference; `None` if everything is denied.
    pub fn query<'r>(&self, reference: &'r Reference<'r>) -> Option<Query<'d, 'r>> {
        (!self.unknown_project).then(|| Query::new(self.policy, self.project, reference, &[]))
    }

    /// Returns every entry that applies, those that authorities are limited to included.
    pub fn entries(&self) -> impl Iterator<Item = &'d Entry> {
        let lists = || EntryList::ALL.into_iter();
        self.scopes.iter().flat_map(move |(of, _)| {
            let items = lists().flat_map(|list| of.items(list)).filter(|item| item.enabled).map(ListItem::entry);
            let limits = of.authorities.iter().flatten().filter_map(|authority| authority.registries.as_ref());
            items.chain(limits.flat_map(enabled_entries))
        })
    }
}

/// Returns the key of a registry's host in an index.
pub(super) fn host_key<'s>(registry: &'s Registry<'_>) -> HostKey<'s> {
    match registry {
        Registry::DockerHub => HostKey::DockerHub,
        Registry::Address(address) => HostKey::Address(*address),
        Registry::Name(name) => HostKey::Name(name),
    }
}
