//! Which hosts a change can have to do with: the rest is not looked at.

use ipnet::IpNet;
use std::ops::ControlFlow;

use crate::document::{Item, Lists};
use crate::entry::{Entry, Hosts};
use crate::finding::List;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::prefix_map::Networks;
use crate::policy::trust_anchors::enabled;
use crate::policy::{Policy, Scope};
use crate::util::sort;
use crate::util::string_map::Table;

use super::policy_view::Side;

/// Hosts that may be answered differently.
#[derive(Default)]
pub(super) struct Touched {
    pub hub: bool,
    pub all_names: bool,
    pub all_addresses: bool,
    /// Names, and wildcards as `*.domain`.
    names: Table,
    wildcards: bool,
    networks: Vec<(IpNet, u32)>,
    within: Networks,
}

/// An entry of a list, or where an authority counts (everywhere, without an entry).
type Line<'d> = (Option<List>, Option<&'d Entry>, &'d str);

impl Touched {
    pub fn of(old: &Side<'_>, new: &Side<'_>) -> Self {
        let mut touched = Touched::default();
        if old.unknown && new.unknown {
            return touched;
        }
        if old.unknown != new.unknown || old.whitelist_mode() != new.whitelist_mode() {
            touched.everything();
        }
        let resolves = old.policy.resolves || new.policy.resolves;
        if old.policy.resolves != new.policy.resolves {
            (touched.hub, touched.all_names) = (true, true);
        }
        // The global lists against the global ones, the project's against the project's.
        for place in 0..2 {
            differing(lines(old, place), lines(new, place), &mut |(list, entry, _)| match entry {
                Some(entry) => touched.add(entry, list.is_some(), resolves),
                None => touched.everything(),
            });
        }
        touched.within = Networks::new(std::mem::take(&mut touched.networks));
        touched
    }

    pub fn is_nothing(&self) -> bool {
        !self.hub && !self.all_names && !self.all_addresses && self.names.is_empty() && self.within.is_empty()
    }

    fn everything(&mut self) {
        (self.hub, self.all_names, self.all_addresses) = (true, true, true);
    }

    /// An entry that only one of the policies has. What DNS may make of entries of lists reaches further than they do
    /// (rules M4 and M5).
    fn add(&mut self, entry: &Entry, of_list: bool, resolves: bool) {
        match &entry.hosts {
            Hosts::Name(_) if entry.is_hub() => self.hub = true,
            Hosts::Name(name) => {
                self.names.get_or_insert(name, 0);
            }
            Hosts::Wildcard(domain) => {
                self.hub |= docker_hub::WILDCARD_DOMAINS.contains(&&**domain);
                self.all_addresses |= of_list;
                self.wildcards = true;
                self.names.get_or_insert(&below(domain), 0);
            }
            Hosts::Address(address) => self.networks.push((IpNet::from(*address), 0)),
            Hosts::Network(network) => self.networks.push((*network, 0)),
        }
        if of_list && resolves && matches!(entry.hosts, Hosts::Address(_) | Hosts::Network(_)) {
            (self.hub, self.all_names) = (true, true);
        }
    }

    /// Whether the names of an entry are among them.
    pub fn has_name(&self, key: &str) -> bool {
        self.all_names
            || self.names.get(key).is_some()
            || self.wildcards && dns_name::parents(key).any(|domain| self.names.get(&below(domain)).is_some())
    }

    /// Whether the addresses of an entry are among them.
    pub fn has_network(&self, network: IpNet) -> bool {
        if self.all_addresses {
            return true;
        }
        self.within
            .containing(network.addr(), &mut |prefix, _| match prefix <= network.prefix_len() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
            .is_break()
    }
}

/// The wildcard over a domain.
pub(super) fn below(domain: &str) -> Box<str> {
    let mut key = String::with_capacity(domain.len().saturating_add(2));
    key.push_str("*.");
    key.push_str(domain);
    key.into()
}

/// What stands in the lists of a scope, sorted.
fn lines<'d>(side: &Side<'d>, place: usize) -> Vec<Line<'d>> {
    match side.scopes.get(place) {
        Some((lists, scope)) => lines_of(lists, scope, side.policy),
        None => Vec::new(),
    }
}

fn lines_of<'d>(lists: &'d Lists<'d>, scope: &'d Scope, policy: &'d Policy) -> Vec<Line<'d>> {
    let mut lines: Vec<Line<'d>> = Vec::new();
    for list in [List::Whitelist, List::Insecure, List::BuiltIn] {
        let items = lists.items(list).iter().filter(|item| item.enabled);
        lines.extend(items.map(Item::entry).map(|entry| (Some(list), Some(entry), "")));
    }
    let (everywhere, limited) = scope.authorities.each();
    let mut vouch = |anchors: &[u32], entry: Option<&'d Entry>| {
        let anchors = anchors.iter().filter_map(|anchor| policy.authorities().get(usize::try_from(*anchor).ok()?));
        lines.extend(anchors.map(|anchor| (None, entry, anchor.fingerprint.as_str())));
    };
    vouch(everywhere, None);
    let registries = lists.authorities.iter().flatten().filter_map(|authority| authority.registries.as_ref());
    for (registries, anchors) in registries.zip(limited) {
        enabled(registries).for_each(|entry| vouch(anchors, Some(entry)));
    }
    lines
}

/// Calls `found` with the lines that stand in one of them and not in the other.
fn differing<'d>(old: Vec<Line<'d>>, new: Vec<Line<'d>>, found: &mut dyn FnMut(Line<'d>)) {
    let sorted = |lines: &[Line<'d>]| -> Vec<u32> {
        let mut order: Vec<u32> = (0..).zip(lines).map(|(place, _)| place).collect();
        sort::sort(&mut order, &|a, b| lines.get(a).cmp(&lines.get(b)));
        order
    };
    let line = |lines: &[Line<'d>], place: Option<&u32>| lines.get(usize::try_from(*place?).ok()?).copied();
    let (in_old, in_new) = (sorted(&old), sorted(&new));
    let (mut left, mut right) = (in_old.iter().peekable(), in_new.iter().peekable());
    loop {
        match (line(&old, left.peek().copied()), line(&new, right.peek().copied())) {
            (None, None) => return,
            (Some(one), Some(other)) if one == other => {
                // An entry that stands twice is the same entry.
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
