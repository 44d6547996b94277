//! The hosts that a change can affect; all other hosts are skipped.

use ipnet::IpNet;
use std::ops::ControlFlow;

use crate::document::{ListItem, PolicyLists};
use crate::entry::name_pattern::NamePattern;
use crate::entry::{Entry, HostPattern};
use crate::finding::EntryList;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::pattern_index::PatternIndex;
use crate::policy::prefix_map::PrefixMap;
use crate::policy::trust_anchors::enabled_entries;
use crate::policy::{Policy, PolicyScope};
use crate::util::sort;
use crate::util::string_map::StringMap;

use super::policy_view::PolicyView;

/// The hosts with possibly different decisions.
#[derive(Default)]
pub(super) struct AffectedHosts {
    pub hub: bool,
    pub all_names: bool,
    pub all_addresses: bool,
    /// Names, and wildcards as `*.domain`.
    names: StringMap,
    /// The domains of wildcards.
    domains: Vec<Box<str>>,
    patterns: PatternIndex,
    networks: Vec<(IpNet, u32)>,
    network_map: PrefixMap,
}

/// The maximum number of changed wildcards or patterns that each other entry is compared with. Of more each counts as one
/// that affects the entry.
const MAX_COMPARED: usize = 100;

/// An entry of a list (`Some`), or an authority by fingerprint with an entry that it is limited to (none: everywhere).
type ListedEntry<'d> = (Option<EntryList>, Option<&'d Entry>, &'d str);

impl AffectedHosts {
    pub fn between(old: &PolicyView<'_>, new: &PolicyView<'_>) -> Self {
        let mut affected = AffectedHosts::default();
        if old.unknown_project && new.unknown_project {
            return affected;
        }
        if old.unknown_project != new.unknown_project || old.whitelist_mode() != new.whitelist_mode() {
            affected.mark_all();
        }
        let resolves = new.policy.match_resolved_addresses;
        if old.policy.match_resolved_addresses != resolves {
            (affected.hub, affected.all_names) = (true, true);
        }
        // Global lists are compared with global lists, and a project's with the project's.
        for position in 0..2 {
            symmetric_difference(listed_entries(old, position), listed_entries(new, position), &mut |(
                list,
                entry,
                _,
            )| {
                match entry {
                    Some(entry) => affected.add(entry, list.is_some(), resolves),
                    None => affected.mark_all(),
                }
            });
        }
        affected.network_map = PrefixMap::from_sorted(&sort::sorted(std::mem::take(&mut affected.networks), Ord::cmp));
        affected
    }

    /// Returns whether no host is affected. All names or all addresses never are without Docker Hub or a wildcard.
    pub fn is_empty(&self) -> bool {
        !self.hub && self.names.is_empty() && self.patterns.is_empty() && self.network_map.is_empty()
    }

    fn mark_all(&mut self) {
        (self.hub, self.all_names, self.all_addresses) = (true, true, true);
    }

    /// Adds an entry that only one of the policies has. By DNS, entries of lists affect more hosts than they match
    /// (rules M4 and M5).
    fn add(&mut self, entry: &Entry, of_list: bool, resolves: bool) {
        match &entry.hosts {
            HostPattern::Name(_) if entry.is_docker_hub() => self.hub = true,
            HostPattern::Name(name) => {
                self.names.get_or_insert(name, 0);
            }
            HostPattern::Wildcard(domain) => {
                self.hub |= docker_hub::WILDCARD_DOMAINS.contains(&&**domain);
                self.all_addresses |= of_list;
                self.domains.push(domain.clone());
                self.names.get_or_insert(&wildcard_key(domain), 0);
            }
            HostPattern::Pattern(pattern) => {
                self.patterns.group_for(pattern, 0);
            }
            HostPattern::Address(address) => self.networks.push((IpNet::from(*address), 0)),
            HostPattern::Network(network) => self.networks.push((*network, 0)),
        }
        if of_list && resolves && matches!(entry.hosts, HostPattern::Address(_) | HostPattern::Network(_)) {
            (self.hub, self.all_names) = (true, true);
        }
    }

    /// Returns whether the names of an entry are affected.
    pub fn has_name(&self, key: &str) -> bool {
        self.all_names
            || self.names.get(key).is_some()
            || !self.domains.is_empty()
                && dns_name::parent_domains(key).any(|domain| self.names.get(&wildcard_key(domain)).is_some())
            || match key.strip_prefix("*.") {
                Some(domain) => self.has_changed_pattern(domain, &|pattern| pattern.below(domain).is_some()),
                None => self.patterns.search_steps(key) > MAX_COMPARED || self.patterns.matches(key),
            }
    }

    /// Returns whether names of a pattern are affected.
    pub fn has_pattern(&self, pattern: &NamePattern) -> bool {
        self.all_names
            || self.domains.len() > MAX_COMPARED
            || self.domains.iter().any(|domain| pattern.below(domain).is_some())
            || self.has_changed_pattern(pattern.domain(), &|other| other.overlaps(pattern))
    }

    /// Returns whether a changed pattern of a domain satisfies a predicate.
    fn has_changed_pattern(&self, domain: &str, is_wanted: &dyn Fn(&NamePattern) -> bool) -> bool {
        let mut found = false;
        let is_complete = self.patterns.beside(domain, MAX_COMPARED, &mut |pattern, _| found |= is_wanted(pattern));
        found || !is_complete
    }

    /// Returns whether the addresses of an entry are affected.
    pub fn has_network(&self, network: IpNet) -> bool {
        if self.all_addresses {
            return true;
        }
        self.network_map
            .matching_prefixes(network.addr(), &mut |prefix, _| match prefix <= network.prefix_len() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
            .is_break()
    }
}

/// Returns the wildcard over a domain, `*.domain`.
pub(super) fn wildcard_key(domain: &str) -> Box<str> {
    let mut key = String::with_capacity(domain.len().saturating_add(2));
    key.push_str("*.");
    key.push_str(domain);
    key.into()
}

/// Returns the entries and authorities of a scope.
fn listed_entries<'d>(view: &PolicyView<'d>, position: usize) -> Vec<ListedEntry<'d>> {
    match view.scopes.get(position) {
        Some((lists, scope)) => scope_entries(lists, scope, view.policy),
        None => Vec::new(),
    }
}

fn scope_entries<'d>(lists: &'d PolicyLists<'d>, scope: &'d PolicyScope, policy: &'d Policy) -> Vec<ListedEntry<'d>> {
    let mut lines: Vec<ListedEntry<'d>> = Vec::new();
    for list in EntryList::ALL {
        let items = lists.items(list).iter().filter(|item| item.enabled);
        lines.extend(items.map(ListItem::entry).map(|entry| (Some(list), Some(entry), "")));
    }
    let (everywhere, limited) = scope.authorities.unlimited_and_limited();
    let mut vouch = |anchors: &[u32], entry: Option<&'d Entry>| {
        let anchors = anchors.iter().filter_map(|anchor| policy.authorities().get(usize::try_from(*anchor).ok()?));
        lines.extend(anchors.map(|anchor| (None, entry, anchor.fingerprint.as_str())));
    };
    vouch(everywhere, None);
    let registries = lists.authorities.iter().flatten().filter_map(|authority| authority.registries.as_ref());
    for (registries, anchors) in registries.zip(limited) {
        enabled_entries(registries).for_each(|entry| vouch(anchors, Some(entry)));
    }
    lines
}

/// Calls `found` with the entries that are in one of the lists and not in the other.
fn symmetric_difference<'d>(
    old: Vec<ListedEntry<'d>>,
    new: Vec<ListedEntry<'d>>,
    found: &mut dyn FnMut(ListedEntry<'d>),
) {
    let sorted = |lines: &[ListedEntry<'d>]| -> Vec<u32> {
        let mut order: Vec<u32> = (0..).zip(lines).map(|(position, _)| position).collect();
        sort::sort_indices(&mut order, &|a, b| lines.get(a).cmp(&lines.get(b)));
        order
    };
    let line =
        |lines: &[ListedEntry<'d>], position: Option<&u32>| lines.get(usize::try_from(*position?).ok()?).copied();
    let (in_old, in_new) = (sorted(&old), sorted(&new));
    let (mut left, mut right) = (in_old.iter().peekable(), in_new.iter().peekable());
    loop {
        match (line(&old, left.peek().copied()), line(&new, right.peek().copied())) {
            (None, None) => return,
            (Some(one), Some(other)) if one == other => {
                // Duplicates are one entry.
                while line(&old, left.peek().copied()) == Some(one) {
                    left.next();
                }
                while line(&new, right.peek().copied()) == Some(one) {
                    right.next();
                }
            }
            (Some(one), other) if other.is_none_or(|other| one < other) => {
                found(one);
                left.next();
            }
            (_, Some(other)) => {
                found(other);
                right.next();
            }
            (Some(_), None) => {
                left.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::load_document;

    /// Returns the hosts that a change affects, each document given as its members.
    fn affected(old: &str, new: &str) -> AffectedHosts {
        let documents = [old, new].map(|members| format!("{{{members}}}"));
        let [old, new] = documents.each_ref().map(|document| load_document(document, 0).unwrap());
        AffectedHosts::between(&PolicyView::new(&old, None), &PolicyView::new(&new, None))
    }

    /// Returns the hosts that an entry of a whitelist affects, which only the new policy has.
    fn affected_by(entry: &str) -> AffectedHosts {
        affected(r#""whitelist": []"#, &format!(r#""whitelist": ["{entry}"]"#))
    }

    fn has_pattern(affected: &AffectedHosts, pattern: &str) -> bool {
        affected.has_pattern(&NamePattern::from_canonical(pattern.to_owned()))
    }

    fn has_network(affected: &AffectedHosts, network: &str) -> bool {
        affected.has_network(network.parse().unwrap())
    }

    #[test]
    fn a1_entries_of_both_policies_affect_no_host() {
        let both = r#""b.test", "d.test", "b.test", "r*.corp.test", "10.0.0.0/8""#;
        let old = format!(r#""whitelist": [{both}, "c.test"]"#);
        // One entry before all others, and one between them; of the duplicates one less.
        let new = r#""whitelist": ["10.0.0.0/8", "r*.corp.test", "d.test", "a.test", "b.test"]"#;
        for affected in [affected(&old, new), affected(new, &old)] {
            assert_eq!(
                ["a.test", "b.test", "c.test", "d.test"].map(|name| affected.has_name(name)),
                [true, false, true, false]
            );
            assert!(!has_pattern(&affected, "r*.corp.test") && !has_network(&affected, "10.0.0.0/8"));
            assert!(!affected.hub && !affected.is_empty());
        }
        assert!(affected(&old, &old).is_empty());
    }

    #[test]
    fn a1_every_kind_of_entry_affects_a_host() {
        for entry in ["docker.io", "a.test", "*.corp.test", "r*.corp.test", "10.0.0.1", "2001:db8::/32"] {
            assert!(!affected_by(entry).is_empty(), "{entry}");
        }
    }

    #[test]
    fn a1_wildcard_affects_the_names_below_it() {
        let affected = affected_by("*.corp.test");
        for (name, expected) in [
            ("a.corp.test", true),
            ("a.b.corp.test", true),
            ("*.corp.test", true),
            ("*.b.corp.test", true),
            ("corp.test", false),
            ("a.test", false),
            ("*.test", false),
        ] {
            assert_eq!(affected.has_name(name), expected, "{name}");
        }
        assert!(has_pattern(&affected, "r*.corp.test") && !has_pattern(&affected, "r*.other.test"));
        // Rule M5.
        assert!(has_network(&affected, "10.0.0.0/8"));
    }

    #[test]
    fn a1_pattern_affects_the_names_that_it_matches() {
        let affected = affected_by("r*.corp.test");
        for (name, expected) in [
            ("r1.corp.test", true),
            ("*.corp.test", true),
            ("x.corp.test", false),
            ("r1.other.test", false),
            ("*.x.corp.test", false),
            ("*.other.test", false),
        ] {
            assert_eq!(affected.has_name(name), expected, "{name}");
        }
        for (pattern, expected) in [("*d.corp.test", true), ("x*.corp.test", false), ("r*.other.test", false)] {
            assert_eq!(has_pattern(&affected, pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a1_network_affects_those_inside_it() {
        let affected = affected_by("10.0.0.0/8");
        for (network, expected) in
            [("10.0.0.0/8", true), ("10.1.0.0/16", true), ("10.0.0.0/7", false), ("11.0.0.0/8", false)]
        {
            assert_eq!(has_network(&affected, network), expected, "{network}");
        }
        assert!(!affected.all_names && !affected.has_name("a.test"));
    }

    #[test]
    fn a1_addresses_affect_names_only_where_these_are_resolved() {
        const RESOLVES: &str = r#""match_resolved_addresses": true, "whitelist""#;
        for (entry, expected) in [("10.0.0.1", true), ("10.0.0.0/8", true), ("b.test", false)] {
            let resolving = affected(&format!("{RESOLVES}: []"), &format!(r#"{RESOLVES}: ["{entry}"]"#));
            assert_eq!((resolving.hub, resolving.has_name("a.test")), (expected, expected), "{entry}");
            let affected = affected_by(entry);
            assert!(!affected.hub && !affected.has_name("a.test"), "{entry}");
        }
    }

    #[test]
    fn a1_whitelist_mode_affects_every_host() {
        let affected = affected(r#""blocked": ["r*.corp.test"]"#, r#""blocked": ["r*.corp.test"], "whitelist": []"#);
        assert!(affected.hub && affected.has_name("a.test"));
        assert!(has_pattern(&affected, "r*.corp.test") && has_network(&affected, "10.0.0.0/8"));
    }
}
