//! The index of entries by host, for lookups without walking the lists.
//!
//! Entries that name the same hosts form a *group*, sorted by list, port and namespace. Groups are found by hash
//! (names, addresses, domains of wildcards) or by longest prefix (networks).

use std::net::IpAddr;
use std::ops::ControlFlow;

use ipnet::IpNet;

use crate::entry::name_pattern::NamePattern;
use crate::entry::{Entry, HostPattern};
use crate::finding::EntryList;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::entry_group::{
    EntryGroup, IndexedEntry, compare_limits, distinct_limits, sort_rows, to_u32, to_usize,
};
use crate::util::sort;
use crate::util::string_map::StringMap;

use crate::policy::pattern_index::{self, PatternIndex};
use crate::policy::prefix_map::PrefixMap;

/// The key of a lookup: a host.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostKey<'s> {
    DockerHub,
    Address(IpAddr),
    Name(&'s str),
}

/// The group of an entry that has none yet; never an index of a group.
const NO_GROUP: u32 = u32::MAX;

/// The maximum number of names, and of wildcards, that are compared with a denied name (rule W3). It bounds the time of
/// a denial.
const MAX_COMPARED_NAMES: usize = 64;

/// The specificity of an entry's host (rule T4): an exact host above every prefix or domain, then the longer one.
pub(crate) type Specificity = u16;
/// The specificity of an exact host.
pub(crate) const EXACT_HOST: Specificity = Specificity::MAX;

/// The maximum number of patterns under one domain, and of wildcards, that a lint compares with each other.
const MAX_LINTED_PATTERNS: usize = 1_000;

/// The maximum number of steps of a lint's search for the patterns over one entry.
const MAX_LINTED_STEPS: usize = 256;

/// A visitor of the groups that a search finds.
pub(crate) type GroupVisitor<'f, 'i> = dyn FnMut(Specificity, EntryGroup<'i>) -> ControlFlow<()> + 'f;

/// The index of one scope: the global lists, or those of a project.
#[derive(Debug, Default)]
pub(crate) struct EntryIndex {
    rows: Vec<IndexedEntry>,
    groups: Vec<GroupRange>,
    /// Entries by group, sorted within it by list, port, namespace, text, position.
    order: Vec<u32>,
    hub: Option<u32>,
    names: StringMap,
    /// Groups by domain.
    wildcards: StringMap,
    patterns: PatternIndex,
    addresses: PrefixMap,
    networks: PrefixMap,
    /// An address or network, which can match a name by forward DNS (rule M4), for each list, port and namespace that
    /// one has. Sorted by these.
    by_forward_dns: Vec<u32>,
    /// A wildcard, which can match an address by reverse DNS (rule M5), for each list, port and namespace that one has.
    /// Sorted by these.
    by_reverse_dns: Vec<u32>,
    /// True if there are built-in registries.
    built_in: bool,
    /// True if there are blocked entries.
    blocked: bool,
}

/// A range of `EntryIndex::order`.
#[derive(Clone, Copy, Debug, Default)]
struct GroupRange {
    start: u32,
    length: u32,
}

impl EntryIndex {
    /// Builds the index of a scope's enabled entries, each with its list and its position there.
    pub fn new<'e>(entries: impl Iterator<Item = (EntryList, u32, &'e Entry)>) -> Self {
        let mut index = EntryIndex::default();
        let (mut addresses, mut networks) = (Vec::new(), Vec::new());
        let (mut by_forward_dns, mut by_reverse_dns) = (Vec::new(), Vec::new());
        let mut group_of = Vec::new();
        for (list, position, entry) in entries {
            let row = to_u32(index.rows.len());
            index.built_in |= list == EntryList::BuiltIn;
            index.blocked |= list == EntryList::Blocked;
            group_of.push(index.name_group(entry));
            index.rows.push(IndexedEntry::new(list, position, entry));
            let by_dns = match &entry.hosts {
                HostPattern::Address(address) => {
                    addresses.push((IpNet::from(*address), row));
                    &mut by_forward_dns
                }
                HostPattern::Network(network) => {
                    networks.push((*network, row));
                    &mut by_forward_dns
                }
                HostPattern::Wildcard(_) => &mut by_reverse_dns,
                HostPattern::Name(_) | HostPattern::Pattern(_) => continue,
            };
            // Most are like the one before.
            let last = by_dns.last().and_then(|last| index.row(*last));
            let is_blocked = list == EntryList::Blocked;
            if is_blocked || index.row(row).zip(last).is_none_or(|(row, last)| compare_limits(row, last).is_ne()) {
                by_dns.push(row);
            }
        }
        index.addresses = index.network_groups(addresses, &mut group_of);
        index.networks = index.network_groups(networks, &mut group_of);
        index.sort_into_groups(&group_of);
        index.by_forward_dns = distinct_limits(&index.rows, by_forward_dns);
        index.by_reverse_dns = distinct_limits(&index.rows, by_reverse_dns);
        index
    }

    pub fn has_built_in(&self) -> bool {
        self.built_in
    }

    #[inline(always)]
    pub fn has_blocked(&self) -> bool {
        self.blocked
    }

    pub fn rows(&self) -> &[IndexedEntry] {
        &self.rows
    }

    #[inline(always)]
    pub fn row(&self, row: u32) -> Option<&IndexedEntry> {
        self.rows.get(to_usize(row))
    }

    /// Visits the groups whose hosts contain the host, the most specific first (rule M1), until the visitor breaks.
    pub fn covering<'i>(&'i self, key: HostKey<'_>, found: &mut GroupVisitor<'_, 'i>) -> ControlFlow<()> {
        if let Some(group) = self.exact(key) {
            found(EXACT_HOST, group)?;
        }
        match key {
            HostKey::DockerHub => {
                docker_hub::WILDCARD_DOMAINS.iter().try_for_each(|domain| self.wildcard_at(domain, found))
            }
            HostKey::Name(name) => {
                self.patterns_over(name, found)?;
                self.wildcards_over(name, found)
            }
            HostKey::Address(address) => self
                .networks
                .matching_prefixes(address, &mut |prefix, group| found(Specificity::from(prefix), self.group(group))),
        }
    }

    /// Visits the patterns that cover a name, or all names of a pattern, those with more literal characters first.
    #[inline(always)]
    fn patterns_over<'i>(&'i self, name: &str, found: &mut GroupVisitor<'_, 'i>) -> ControlFlow<()> {
        if self.patterns.is_empty() {
            return ControlFlow::Continue(());
        }
        self.patterns.covering(name, &mut |specificity, _, group| found(specificity, self.group(group)))
    }

    /// Visits the patterns that may come near a name; none if they are too many to be compared one by one.
    pub fn comparable_patterns<'i>(&'i self, name: &str, found: &mut dyn FnMut(&'i NamePattern, EntryGroup<'i>)) {
        self.patterns.beside(name, MAX_COMPARED_NAMES, &mut |pattern, group| found(pattern, self.group(group)));
    }

    /// Visits the patterns with the same last two labels as a name. Returns false, and visits none, if they are too many
    /// for a lint.
    pub fn patterns_beside<'i>(&'i self, name: &str, found: &mut dyn FnMut(&NamePattern, EntryGroup<'i>)) -> bool {
        self.patterns.beside(name, MAX_LINTED_PATTERNS, &mut |pattern, group| found(pattern, self.group(group)))
    }

    /// Returns the number of patterns and wildcards that `overlapping` compares with a pattern.
    pub fn count_overlap_candidates(&self, pattern: &NamePattern) -> usize {
        self.patterns.count_beside(pattern.as_str()).saturating_add(self.wildcards.len())
    }

    /// Visits the patterns and wildcards that share names with a pattern. Returns false if they are too many for a lint.
    pub fn overlapping<'i>(
        &'i self,
        pattern: &NamePattern,
        found: &mut dyn FnMut(Specificity, EntryGroup<'i>),
    ) -> bool {
        let is_complete = self.patterns_beside(pattern.as_str(), &mut |other, group| {
            if pattern.overlaps(other) {
                found(pattern_index::specificity(other), group);
            }
        });
        for (domain, group) in self.wildcards.iter_up_to(MAX_LINTED_PATTERNS) {
            if pattern.below(domain).is_some() {
                found(wildcard_specificity(domain), self.group(group));
            }
        }
        is_complete && self.wildcards.len() <= MAX_LINTED_PATTERNS
    }

    /// Visits the wildcards that cover a name, the longest domain first, until the visitor breaks.
    pub fn wildcards_over<'i>(&'i self, name: &str, found: &mut GroupVisitor<'_, 'i>) -> ControlFlow<()> {
        if self.wildcards.is_empty() {
            return ControlFlow::Continue(());
        }
        dns_name::parent_domains(name).try_for_each(|domain| self.wildcard_at(domain, found))
    }

    /// Returns the group that names exactly this host.
    pub fn exact(&self, key: HostKey<'_>) -> Option<EntryGroup<'_>> {
        let group = match key {
            HostKey::DockerHub => self.hub?,
            HostKey::Address(address) => self.addresses.exact(address, if address.is_ipv4() { 32 } else { 128 })?,
            HostKey::Name(name) => self.names.get(name)?,
        };
        Some(self.group(group))
    }

    /// Returns the group of the wildcard over a domain.
    #[inline(always)]
    pub fn wildcard(&self, domain: &str) -> Option<EntryGroup<'_>> {
        self.wildcards.get(domain).map(|group| self.group(group))
    }

    /// Returns entries that could match the host by DNS (rules M4 and M5), one for each list, port and namespace.
    pub fn by_dns(&self, key: HostKey<'_>) -> EntryGroup<'_> {
        let rows = match key {
            HostKey::Address(_) => &self.by_reverse_dns,
            HostKey::DockerHub | HostKey::Name(_) => &self.by_forward_dns,
        };
        EntryGroup { entries: &self.rows, rows }
    }

    /// Returns the names and their groups; none if they are too many to be compared one by one.
    pub fn comparable_names(&self) -> impl Iterator<Item = (&str, EntryGroup<'_>)> {
        self.names.iter_up_to(MAX_COMPARED_NAMES).map(|(name, group)| (name, self.group(group)))
    }

    /// Returns the domains of the wildcards and their groups; none if they are too many to be compared one by one.
    pub fn comparable_wildcards(&self) -> impl Iterator<Item = (&str, EntryGroup<'_>)> {
        self.wildcards.iter_up_to(MAX_COMPARED_NAMES).map(|(domain, group)| (domain, self.group(group)))
    }

    /// Returns the networks and addresses near an address (rule W3), each with the number of shared leading bits.
    pub fn neighbours(&self, address: IpAddr) -> impl Iterator<Item = (u32, EntryGroup<'_>)> {
        let groups = [&self.addresses, &self.networks].map(|networks| networks.neighbours(address));
        groups.into_iter().flatten().map(|(bits, group)| (bits, self.group(group)))
    }

    /// Returns whether `covering_entry` visits all groups. Of the patterns under one domain it visits only the entry's
    /// own where there are too many.
    pub fn is_searchable(&self, entry: &Entry) -> bool {
        match &entry.hosts {
            HostPattern::Name(name) => self.patterns.search_steps(name) <= MAX_LINTED_STEPS,
            HostPattern::Pattern(pattern) => self.patterns.search_steps(pattern.as_str()) <= MAX_LINTED_STEPS,
            HostPattern::Address(_) | HostPattern::Network(_) | HostPattern::Wildcard(_) => true,
        }
    }

    /// Visits the groups whose hosts contain all hosts of an entry, the most specific first. It is for lints, which are
    /// made for every entry.
    pub fn covering_entry<'i>(&'i self, entry: &Entry, found: &mut GroupVisitor<'_, 'i>) -> ControlFlow<()> {
        match &entry.hosts {
            _ if entry.is_docker_hub() => self.covering(HostKey::DockerHub, found),
            HostPattern::Address(address) => self.covering(HostKey::Address(*address), found),
            HostPattern::Name(name) if !self.is_searchable(entry) => {
                self.same_hosts(entry).map_or(ControlFlow::Continue(()), |group| found(EXACT_HOST, group))?;
                self.wildcards_over(name, found)
            }
            HostPattern::Name(name) => self.covering(HostKey::Name(name), found),
            HostPattern::Network(network) => self.networks.matching_prefixes(network.addr(), &mut |prefix, group| {
                if prefix > network.prefix_len() {
                    return ControlFlow::Continue(());
                }
                found(Specificity::from(prefix), self.group(group))
            }),
            HostPattern::Wildcard(domain) => {
                self.wildcard_at(domain, found)?;
                self.wildcards_over(domain, found)
            }
            HostPattern::Pattern(pattern) => {
                if self.is_searchable(entry) {
                    self.patterns_over(pattern.as_str(), found)?;
                } else if let Some(group) = self.same_hosts(entry) {
                    found(pattern_index::specificity(pattern), group)?;
                }
                self.wildcards_over(pattern.as_str(), found)
            }
        }
    }

    /// Returns the group of exactly the hosts of an entry.
    pub fn same_hosts(&self, entry: &Entry) -> Option<EntryGroup<'_>> {
        match &entry.hosts {
            _ if entry.is_docker_hub() => self.exact(HostKey::DockerHub),
            HostPattern::Address(address) => self.exact(HostKey::Address(*address)),
            HostPattern::Name(name) => self.exact(HostKey::Name(name)),
            HostPattern::Network(network) => {
                self.networks.exact(network.addr(), network.prefix_len()).map(|group| self.group(group))
            }
            HostPattern::Wildcard(domain) => self.wildcard(domain),
            HostPattern::Pattern(pattern) => self.patterns.get(pattern).map(|group| self.group(group)),
        }
    }

    /// Returns the group of the only address of an entry's network: `10.0.0.5` for `10.0.0.5/32`. It is more specific
    /// than the network.
    pub fn address_of(&self, entry: &Entry) -> Option<EntryGroup<'_>> {
        match &entry.hosts {
            HostPattern::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                self.exact(HostKey::Address(network.addr()))
            }
            _ => None,
        }
    }

    /// Returns the group of an entry's only address in the other notation: of `10.0.0.5` for `10.0.0.5/32`, and the
    /// reverse.
    pub fn same_address(&self, entry: &Entry) -> Option<EntryGroup<'_>> {
        let HostPattern::Address(address) = entry.hosts else { return self.address_of(entry) };
        let network = IpNet::from(address);
        self.networks.exact(network.addr(), network.prefix_len()).map(|group| self.group(group))
    }

    #[inline(always)]
    fn wildcard_at<'i>(&'i self, domain: &str, found: &mut GroupVisitor<'_, 'i>) -> ControlFlow<()> {
        match self.wildcard(domain) {
            Some(group) => found(wildcard_specificity(domain), group),
            None => ControlFlow::Continue(()),
        }
    }

    #[inline(always)]
    fn group(&self, group: u32) -> EntryGroup<'_> {
        let span = self.groups.get(to_usize(group)).copied().unwrap_or_default();
        let start = to_usize(span.start);
        let rows = self.order.get(start..start.saturating_add(to_usize(span.length))).unwrap_or_default();
        EntryGroup { entries: &self.rows, rows }
    }

    /// Returns the group of the names of an entry, created if there is none. Those of addresses and networks follow once
    /// these are sorted: `NO_GROUP`.
    fn name_group(&mut self, entry: &Entry) -> u32 {
        let next = to_u32(self.groups.len());
        let group = match &entry.hosts {
            _ if entry.is_docker_hub() => *self.hub.get_or_insert(next),
            HostPattern::Address(_) | HostPattern::Network(_) => return NO_GROUP,
            HostPattern::Name(name) => self.names.get_or_insert(name, next),
            HostPattern::Wildcard(domain) => self.wildcards.get_or_insert(domain, next),
            HostPattern::Pattern(pattern) => self.patterns.group_for(pattern, next),
        };
        self.count_in_group(group);
        group
    }

    /// Creates the groups of networks, each with its row, and returns the networks with their groups.
    fn network_groups(&mut self, networks: Vec<(IpNet, u32)>, group_of: &mut [u32]) -> PrefixMap {
        let mut networks = sort::sorted(networks, Ord::cmp);
        let mut previous = None;
        for (network, row) in &mut networks {
            let group = match previous {
                Some((other, group)) if other == *network => group,
                _ => to_u32(self.groups.len()),
            };
            previous = Some((*network, group));
            self.count_in_group(group);
            if let Some(slot) = group_of.get_mut(to_usize(*row)) {
                *slot = group;
            }
            *row = group;
        }
        networks.dedup();
        PrefixMap::from_sorted(&networks)
    }

    /// Counts one more entry of a group, which may be the next new one.
    fn count_in_group(&mut self, group: u32) {
        let group = to_usize(group);
        if group == self.groups.len() {
            self.groups.push(GroupRange::default());
        }
        if let Some(span) = self.groups.get_mut(group) {
            span.length = span.length.saturating_add(1);
        }
    }

    /// Lays out `order` from the sizes of the groups.
    fn sort_into_groups(&mut self, group_of: &[u32]) {
        let mut start: u32 = 0;
        for span in &mut self.groups {
            span.start = start;
            start = start.saturating_add(span.length);
        }
        let mut next: Vec<u32> = self.groups.iter().map(|span| span.start).collect();
        self.order = vec![0; group_of.len()];
        for (row, group) in group_of.iter().enumerate() {
            let Some(next) = next.get_mut(to_usize(*group)) else { continue };
            if let Some(slot) = self.order.get_mut(to_usize(*next)) {
                *slot = to_u32(row);
            }
            *next = next.saturating_add(1);
        }
        for span in self.groups.iter().filter(|span| span.length > 1) {
            let start = to_usize(span.start);
            if let Some(range) = self.order.get_mut(start..start.saturating_add(to_usize(span.length))) {
                sort_rows(&self.rows, range);
            }
        }
    }
}

/// Returns the specificity of a wildcard (rule T4).
pub(crate) fn wildcard_specificity(domain: &str) -> Specificity {
    Specificity::try_from(domain.len()).unwrap_or(EXACT_HOST)
}
