//! All effects of possible DNS answers on a request, derived from the entries alone: no lookups, no guesses.
//!
//! The effect of a set of addresses of a name follows from the effect of each (rule M4), and so it is for the names of
//! an address (rule M5). Under two policies there are few distinct effects, so all combinations are enumerated.

use crate::decision::evaluation::HostEvaluation;
use crate::policy::entry_group::ANY_PORT;
use crate::reference::repository;
use crate::reference::{Reference, Registry};
use crate::util::string_map::StringMap;

use super::host_classes::{HostClass, address_classes, wildcard_classes};
use super::policy_view::PolicyView;
use super::repository_set::NamespaceTree;
use super::signature::{Dimensions, signature};

/// The possible DNS answers for hosts of one kind.
pub(super) struct DnsOutcomes<'d> {
    /// One possible answer for each class that the entries distinguish: names of an address, or addresses of a name.
    pub hosts: Vec<Registry<'static>>,
    /// The ports and namespaces of entries about these hosts.
    pub ports: Vec<u16>,
    pub namespaces: Vec<String>,
    tree: NamespaceTree,
    by_key: StringMap,
    sets: Vec<Vec<AnswerSet<'d>>>,
}

/// A set of DNS answers, and the host evaluation that it adds under each policy.
#[derive(Clone)]
pub(super) struct AnswerSet<'d> {
    pub evaluations: [HostEvaluation<'d>; 2],
    /// The answers, as indices into `hosts`.
    pub members: Vec<u32>,
}

impl<'d> DnsOutcomes<'d> {
    /// Collects the possible addresses of names, or with `reverse` the possible names of addresses.
    pub fn new(views: &[PolicyView<'d>; 2], reverse: bool) -> Self {
        let classes = if reverse { wildcard_classes(views) } else { address_classes(views) };
        let mut dns = DnsOutcomes {
            hosts: Vec::new(),
            ports: Vec::new(),
            namespaces: Vec::new(),
            tree: NamespaceTree::new(Vec::new()),
            by_key: StringMap::default(),
            sets: Vec::new(),
        };
        let mut dimensions = Dimensions::default();
        let mut seen = StringMap::default();
        for host in classes.into_iter().filter_map(|HostClass { host, .. }| host) {
            let key = signature(views, &host, false);
            if seen.get(&key).is_none() {
                seen.get_or_insert(&key, 0);
                dimensions.add(views, &host, false);
                dns.hosts.push(host);
            }
        }
        dns.ports = dimensions.ports;
        dns.namespaces = dimensions.namespaces.keys().map(str::to_owned).collect();
        dns.tree = NamespaceTree::new(dns.namespaces.clone());
        dns
    }

    /// Returns all distinct effects of DNS answers on a request, the empty answer first, then the smaller sets first.
    pub fn answer_sets(&mut self, views: &[PolicyView<'d>; 2], reference: &Reference<'_>) -> &[AnswerSet<'d>] {
        let port = reference.port.map(|port| self.ports.binary_search(&port).map_or(ANY_PORT, |_| port));
        let namespace = reference.repository.as_deref().map(|path| {
            let namespaces = &self.tree.namespaces;
            let found = repository::namespaces(path)
                .find(|path| namespaces.binary_search_by(|other| other.as_str().cmp(path)).is_ok());
            found.unwrap_or_default()
        });
        let port = port.map(|port| format!("{port}")).unwrap_or_default();
        // Not a namespace: those are lower case.
        let key = format!("{port} {}", namespace.unwrap_or("NONE"));
        let position = match self.by_key.get(&key) {
            Some(position) => position,
            None => {
                let position = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
                self.sets.push(enumerate_answer_sets(views, reference, &self.hosts));
                self.by_key.get_or_insert(&key, position);
                position
            }
        };
        usize::try_from(position).ok().and_then(|position| self.sets.get(position)).map_or(&[], Vec::as_slice)
    }
}

fn enumerate_answer_sets<'d>(
    views: &[PolicyView<'d>; 2],
    reference: &Reference<'_>,
    hosts: &[Registry<'static>],
) -> Vec<AnswerSet<'d>> {
    let mut seen: Vec<[u32; 2]> = Vec::new();
    let mut is_new = |evaluations: &[HostEvaluation<'d>; 2]| {
        let signature = evaluations.each_ref().map(HostEvaluation::equivalence_key);
        let position = seen.binary_search(&signature);
        if let Err(position) = position {
            seen.insert(position, signature);
        }
        position.is_err()
    };
    let mut sets: Vec<AnswerSet<'d>> = Vec::new();
    for (host, member) in hosts.iter().zip(0..) {
        let evaluation = |view: &PolicyView<'d>| match (view.query(reference), host) {
            (None, _) | (_, Registry::DockerHub) => HostEvaluation::default(),
            (Some(query), Registry::Address(address)) => query.evaluate_address(*address),
            (Some(query), Registry::Name(name)) => query.evaluate_name(name),
        };
        let evaluations = views.each_ref().map(evaluation);
        if is_new(&evaluations) {
            sets.push(AnswerSet { evaluations, members: vec![member] });
        }
    }
    let ones = sets.clone();
    let names = hosts.first().is_some_and(|host| matches!(host, Registry::Name(_)));
    let mut next: usize = 0;
    while let Some(set) = sets.get(next).cloned() {
        next = next.saturating_add(1);
        for one in &ones {
            let ([a, b], [c, d]) = (set.evaluations, one.evaluations);
            let evaluations = if names {
                [a.union_name(c), b.union_name(d)]
            } else {
                [a.intersect_address(c), b.intersect_address(d)]
            };
            if is_new(&evaluations) {
                let members = set.members.iter().chain(&one.members).copied().collect();
                sets.push(AnswerSet { evaluations, members });
            }
        }
    }
    // Rule W6: a name without addresses may be denied.
    let unknown =
        |view: &PolicyView<'d>| view.query(reference).map(|query| query.unknown_address()).unwrap_or_default();
    sets.insert(0, AnswerSet { evaluations: views.each_ref().map(unknown), members: Vec::new() });
    sets
}

#[cfg(test)]
mod tests;
