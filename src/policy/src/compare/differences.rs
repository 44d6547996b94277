//! Decides the requests to a host under both policies, for every port and repository, and classifies the differences.

use std::borrow::Cow;

use crate::decision::evaluation::Outcome;
use crate::decision::query::Query;
use crate::host::docker_hub;
use crate::reference::{Reference, Registry};
use crate::util::sort;
use crate::util::string_map::StringMap;

use super::ChangeKind;
use super::dns_outcomes::DnsOutcomes;
use super::policy_view::PolicyView;
use super::port_set::PortSet;
use super::repository_set::{NamespaceTree, RepositorySet};
use super::signature::{Dimensions, signature};

/// A kind of difference, with the ports and repositories of a host that have it.
pub(super) struct DecisionDifference {
    pub kind: DifferenceKind,
    pub ports: PortSet,
    pub repositories: RepositorySet,
    /// The ports and repositories in words.
    pub words: String,
}

/// The kind of difference between two outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DifferenceKind {
    pub change: ChangeKind,
    /// True if the registry is newly allowed and reached without verification.
    pub unverified: bool,
    /// True if the difference depends on DNS answers.
    pub by_dns: bool,
    /// The change of authorities, as a number from 1; 0 for none.
    pub authorities: usize,
}

/// A difference of a host by number, with a request that shows it.
pub(super) struct Example {
    pub difference: u32,
    pub port: Option<u16>,
    pub repository: Option<String>,
    /// The DNS answers that it depends on, as indices into the possible hosts; absent without DNS.
    pub answers: Option<Vec<u32>>,
}

/// Fingerprints of authorities: those added, and those removed.
pub(super) type AuthorityChanges = (Vec<String>, Vec<String>);

/// The finder of differences for the requests of one project.
pub(super) struct DifferenceFinder<'s, 'd> {
    views: &'s [PolicyView<'d>; 2],
    /// The possible names of addresses, and the possible addresses of names, computed on first use.
    reverse_outcomes: Option<DnsOutcomes<'d>>,
    forward_outcomes: Option<DnsOutcomes<'d>>,
    by_signature: StringMap,
    /// Examples by signature.
    examples: Vec<Vec<Example>>,
    pub differences: Vec<DecisionDifference>,
    by_description: StringMap,
    pub authorities: Vec<AuthorityChanges>,
}

/// One port and one repository with a difference, and the DNS answers that it depends on.
struct CaseResult {
    kind: DifferenceKind,
    repository: usize,
    port: usize,
    answers: Option<Vec<u32>>,
}

impl<'s, 'd> DifferenceFinder<'s, 'd> {
    pub fn new(views: &'s [PolicyView<'d>; 2]) -> Self {
        DifferenceFinder {
            views,
            reverse_outcomes: None,
            forward_outcomes: None,
            by_signature: StringMap::default(),
            examples: Vec::new(),
            differences: Vec::new(),
            by_description: StringMap::default(),
            authorities: Vec::new(),
        }
    }

    /// Returns the differences of a host, one example of each.
    pub fn examples_for(&mut self, host: &Registry<'_>) -> &[Example] {
        let kind = match host {
            Registry::DockerHub => 'd',
            Registry::Address(_) => 'a',
            Registry::Name(name) if docker_hub::is_docker_hub(name, None) => 'h',
            Registry::Name(_) => 'n',
        };
        let mut key = signature(self.views, host, true);
        key.push(kind);
        let position = match self.by_signature.get(&key) {
            Some(position) => position,
            None => {
                let examples = self.compare_host(host);
                let position = u32::try_from(self.examples.len()).unwrap_or(u32::MAX);
                self.examples.push(examples);
                self.by_signature.get_or_insert(&key, position);
                position
            }
        };
        usize::try_from(position).ok().and_then(|position| self.examples.get(position)).map_or(&[], Vec::as_slice)
    }

    /// Returns the possible DNS answers for a host; `None` if neither policy uses DNS.
    pub fn dns_outcomes(&mut self, host: &Registry<'_>) -> Option<&mut DnsOutcomes<'d>> {
        let views = self.views;
        match host {
            Registry::Address(_) => Some(self.reverse_outcomes.get_or_insert_with(|| DnsOutcomes::new(views, true))),
            _ if !views.iter().any(|view| view.policy.match_resolved_addresses) => None,
            _ => Some(self.forward_outcomes.get_or_insert_with(|| DnsOutcomes::new(views, false))),
        }
    }

    fn compare_host(&mut self, host: &Registry<'_>) -> Vec<Example> {
        let mut dimensions = Dimensions::default();
        dimensions.add(self.views, host, true);
        let mut namespaces: Vec<String> = dimensions.namespaces.keys().map(str::to_owned).collect();
        dimensions.add_port(443);
        if let Some(dns) = self.dns_outcomes(host) {
            dns.ports.iter().for_each(|port| dimensions.add_port(*port));
            namespaces.extend(dns.namespaces.iter().cloned());
        }
        let tree = NamespaceTree::new(namespaces);
        let named = dimensions.ports.len();
        let ports = candidate_ports(host, dimensions.ports);
        let mut cases = Vec::new();
        let repositories = tree.examples.iter().map(Option::as_deref).chain([None]).enumerate();
        for (repository, example) in repositories {
            let login = repository == tree.examples.len();
            if !login && example.is_none() {
                continue;
            }
            for (position, port) in ports.iter().enumerate().filter_map(|(position, port)| Some((position, (*port)?))) {
                let reference = Reference {
                    registry: host.clone(),
                    port,
                    repository: example.map(Cow::Borrowed),
                    tag: None,
                    digest: None,
                };
                self.compare_reference(&reference, &mut |kind, answers| {
                    cases.push(CaseResult { kind, repository, port: position, answers });
                });
            }
        }
        let is_hub = matches!(host, Registry::DockerHub);
        self.merge_cases(cases, &tree, &ports, if is_hub { 0 } else { named })
    }

    /// Finds the differences between the decisions of one request, each with the DNS answers that it depends on.
    fn compare_reference(
        &mut self,
        reference: &Reference<'_>,
        found: &mut dyn FnMut(DifferenceKind, Option<Vec<u32>>),
    ) {
        let views = self.views;
        let queries = views.each_ref().map(|view| view.query(reference));
        let firsts = queries.each_ref().map(|query| query.as_ref().map(|query| (query, query.direct_evaluation())));
        let [old_needs_dns, new_needs_dns] =
            firsts.each_ref().map(|first| first.as_ref().is_some_and(|(query, first)| query.needs_dns(first)));
        let authorities = self.authority_changes(&queries);
        let mut kinds: Vec<DifferenceKind> = Vec::new();
        let mut add = |kind: DifferenceKind, answers: Option<&Vec<u32>>| {
            if !kinds.contains(&kind) {
                kinds.push(kind);
                found(kind, answers.cloned());
            }
        };
        let plain = |change| DifferenceKind { change, unverified: false, by_dns: false, authorities: 0 };
        if old_needs_dns != new_needs_dns {
            add(plain(if new_needs_dns { ChangeKind::NowByDns } else { ChangeKind::NoLongerByDns }), None);
        }
        let denied = Outcome { allowed: false, verified: true, plain_http: false, pinned: false };
        let [old, new] = &firsts;
        let outcome = |first: &Option<(&Query<'d, '_>, _)>, dns| {
            first.as_ref().map_or(denied, |(query, first)| query.decision_outcome(first, dns))
        };
        if !old_needs_dns && !new_needs_dns {
            if let Some(kind) = classify_change(outcome(old, None), outcome(new, None), authorities) {
                add(kind, None);
            }
            return;
        }
        let Some(dns) = self.dns_outcomes(&reference.registry) else { return };
        let mut pinned = None;
        for answers in dns.answer_sets(views, reference) {
            let [by_old, by_new] = &answers.evaluations;
            let old = outcome(old, Some(by_old).filter(|_| old_needs_dns));
            let new = outcome(new, Some(by_new).filter(|_| new_needs_dns));
            if let Some(kind) = classify_change(old, new, authorities) {
                add(DifferenceKind { by_dns: true, ..kind }, Some(&answers.members));
            }
            if old.allowed && new.allowed && old.pinned != new.pinned && !answers.members.is_empty() {
                let change = if new.pinned { ChangeKind::NowByDns } else { ChangeKind::NoLongerByDns };
                pinned.get_or_insert((change, &answers.members));
            }
        }
        // A change of pinned addresses is reported only if nothing else differs.
        if let (Some((change, members)), true) = (pinned, kinds.is_empty()) {
            found(plain(change), Some(members.clone()));
        }
    }

    /// Returns the number of the added and removed authorities; 0 for none.
    fn authority_changes(&mut self, queries: &[Option<Query<'d, '_>>; 2]) -> usize {
        let [old, new] = queries.each_ref().map(|query| {
            let found = query.iter().flat_map(|query| query.trust_anchors());
            found.map(|authority| authority.fingerprint.clone()).collect::<Vec<_>>()
        });
        if old == new {
            return 0;
        }
        let without = |all: &[String], some: &[String]| all.iter().filter(|one| !some.contains(one)).cloned().collect();
        let change = (without(&new, &old), without(&old, &new));
        let position = self.authorities.iter().position(|other| *other == change).unwrap_or(self.authorities.len());
        if position == self.authorities.len() {
            self.authorities.push(change);
        }
        position.saturating_add(1)
    }

    /// Merges cases with the same difference into sets of ports and repositories.
    fn merge_cases(
        &mut self,
        cases: Vec<CaseResult>,
        tree: &NamespaceTree,
        ports: &[Option<Option<u16>>],
        named: usize,
    ) -> Vec<Example> {
        let mut examples = Vec::new();
        // Repositories with the same ports are merged into one difference.
        let mut groups: Vec<(DifferenceKind, Vec<usize>, Vec<usize>, usize)> = Vec::new();
        let cases = sort::sorted(cases, |a, b| (a.kind, a.repository).cmp(&(b.kind, b.repository)));
        let mut start: usize = 0;
        while let Some(first) = cases.get(start) {
            let alike = cases.iter().skip(start);
            let alike = alike.take_while(|case| (case.kind, case.repository) == (first.kind, first.repository));
            let of: Vec<usize> = alike.map(|case| case.port).collect();
            let position = start;
            start = start.saturating_add(of.len());
            match groups.iter_mut().find(|(kind, ports, ..)| *kind == first.kind && *ports == of) {
                Some((_, _, repositories, _)) => repositories.push(first.repository),
                None => groups.push((first.kind, of, vec![first.repository], position)),
            }
        }
        for (kind, of, repositories, first) in groups {
            let Some(case) = cases.get(first) else { continue };
            let login = repositories.contains(&tree.examples.len());
            let repositories = tree.subset(&|position| repositories.contains(&position), login);
            let ports_set = port_set(&of, ports, named);
            // The ports are omitted if the difference is about all of Docker Hub.
            let mut words = if named == 0 && ports_set.complement { String::new() } else { ports_set.describe() };
            words.push_str(&repositories.describe());
            let key = format!("{} {words}", kind.ordinal());
            let next = u32::try_from(self.differences.len()).unwrap_or(u32::MAX);
            let difference = self.by_description.get_or_insert(&key, next);
            if difference == next {
                self.differences.push(DecisionDifference { kind, ports: ports_set, repositories, words });
            }
            examples.push(Example {
                difference,
                port: ports.get(case.port).copied().flatten().flatten(),
                repository: tree.examples.get(case.repository).cloned().flatten(),
                answers: case.answers.clone(),
            });
        }
        examples
    }
}

impl DifferenceKind {
    /// Returns a number that is unique for the kind.
    pub fn ordinal(self) -> usize {
        let flags = [self.unverified, self.by_dns];
        let change = self.change.ordinal();
        flags.iter().fold(self.authorities.saturating_mul(16).saturating_add(change), |number, flag| {
            number.saturating_mul(2).saturating_add(usize::from(*flag))
        })
    }
}

/// Returns the kind of difference between two outcomes, if any. `authorities` applies to verified connections.
fn classify_change(old: Outcome, new: Outcome, authorities: usize) -> Option<DifferenceKind> {
    let change = match (old.allowed, new.allowed) {
        (false, false) => return None,
        (false, true) => ChangeKind::NewlyAllowed,
        (true, false) => ChangeKind::NewlyDenied,
        (true, true) => match (old.verified, new.verified) {
            (true, false) => ChangeKind::NowUnverified,
            (false, true) => ChangeKind::NowVerified,
            (true, true) if authorities == 0 => return None,
            (true, true) => {
                return Some(DifferenceKind {
                    change: ChangeKind::OtherAuthorities,
                    unverified: false,
                    by_dns: false,
                    authorities,
                });
            }
            (false, false) if old.plain_http == new.plain_http => return None,
            (false, false) if new.plain_http => ChangeKind::NowPlainHttp,
            (false, false) => ChangeKind::NoLongerPlainHttp,
        },
    };
    let unverified = change == ChangeKind::NewlyAllowed && !new.verified;
    Some(DifferenceKind { change, unverified, by_dns: false, authorities: 0 })
}

/// Returns the ports to compare for a host: none, each named port, and one for all others. Impossible ones are absent:
/// a name of Docker Hub with another port is not Docker Hub (rule H2).
fn candidate_ports(host: &Registry<'_>, named: Vec<u16>) -> Vec<Option<Option<u16>>> {
    let other = [5000, 8443, 8080].into_iter().chain(1..=u16::MAX).find(|port| named.binary_search(port).is_err());
    let fits = |port: Option<u16>| match host {
        Registry::DockerHub => port.is_none_or(|port| port == docker_hub::DEFAULT_PORT),
        Registry::Name(name) => !docker_hub::is_docker_hub(name, port),
        Registry::Address(_) => true,
    };
    let named = named.into_iter().map(Some);
    let ports = std::iter::once(None).chain(named).map(|port| Some(port).filter(|port| fits(*port)));
    ports.chain([other.map(Some).filter(|port| fits(*port))]).collect()
}

/// Returns the set of the chosen ports, given as indices: none, then the named ports, then one for all others.
fn port_set(chosen: &[usize], ports: &[Option<Option<u16>>], named: usize) -> PortSet {
    let last = ports.len().saturating_sub(1);
    let without_port = chosen.contains(&0);
    // Docker Hub has two cases: no port and 443.
    let hub = named == 0;
    let complement = if hub { chosen.len() == 2 } else { chosen.contains(&last) };
    let position = |port: usize| port > 0 && port < last;
    let picked = |port: &usize| chosen.contains(port) != complement;
    let places = (0..ports.len()).filter(|port| position(*port)).filter(picked);
    // A missing number belongs to the one port that the host cannot have.
    let number = |port: usize| ports.get(port).copied().flatten().flatten().or(Some(docker_hub::DEFAULT_PORT));
    let ports = if hub && complement { Vec::new() } else { places.filter_map(number).collect() };
    PortSet { without_port, complement, ports }
}
