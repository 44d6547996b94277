//! Equivalence classes of hosts: Docker Hub, the tree of names, and nested networks. Each class has a representative
//! that is in no narrower class.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use crate::entry::HostPattern;
use crate::policy::pattern_index::PatternIndex;
use crate::reference::Registry;
use crate::util::sort;
use crate::util::string_map::StringMap;

use super::affected_hosts::{AffectedHosts, wildcard_key};
use super::name_classes::NameClasses;
use super::policy_view::PolicyView;

/// A class of hosts that no entry tells apart.
pub(super) struct HostClass {
    /// The narrowest class that contains this one.
    pub parent: Option<u32>,
    /// The representative; absent if narrower classes cover all of the class.
    pub host: Option<Registry<'static>>,
    pub set: HostSet,
    /// Patterns and wildcards whose names are in classes of their own, beside those of narrower classes.
    pub without: Vec<Box<str>>,
}

/// A set of hosts.
pub(super) enum HostSet {
    DockerHub,
    EveryName,
    /// A name, or a wildcard as `*.domain`.
    Names(Box<str>),
    /// The names that a pattern and others match.
    Cell {
        pattern: Box<str>,
        matching: Vec<String>,
    },
    Network(IpNet),
}

impl HostSet {
    /// Returns the patterns that the hosts match too.
    pub fn matching(&self) -> &[String] {
        match self {
            HostSet::Cell { matching, .. } => matching,
            HostSet::DockerHub | HostSet::EveryName | HostSet::Names(_) | HostSet::Network(_) => &[],
        }
    }
}

impl HostClass {
    pub fn new(parent: Option<u32>, host: Option<Registry<'static>>, set: HostSet) -> Self {
        HostClass { parent, host, set, without: Vec::new() }
    }
}

/// Returns the host classes that a change can affect, the wider ones first, and whether these are all: patterns can
/// overlap in too many ways (rule A3).
pub(super) fn host_classes(views: &[PolicyView<'_>; 2], affected: &AffectedHosts) -> (Vec<HostClass>, bool) {
    let mut classes = Vec::new();
    if affected.hub {
        classes.push(HostClass::new(None, Some(Registry::DockerHub), HostSet::DockerHub));
    }
    let mut keys = StringMap::default();
    let mut networks = Vec::new();
    let mut patterns = PatternIndex::default();
    for entry in views.iter().flat_map(PolicyView::entries) {
        match &entry.hosts {
            HostPattern::Name(_) if entry.is_docker_hub() => {}
            HostPattern::Name(name) if affected.has_name(name) => {
                keys.get_or_insert(name, 0);
            }
            HostPattern::Wildcard(domain) => {
                let key = wildcard_key(domain);
                if affected.has_name(&key) {
                    keys.get_or_insert(&key, 0);
                }
            }
            HostPattern::Pattern(pattern) => {
                if affected.has_pattern(pattern) {
                    patterns.group_for(pattern, 0);
                }
            }
            HostPattern::Address(address) if affected.has_network(IpNet::from(*address)) => {
                networks.push(IpNet::from(*address));
            }
            HostPattern::Network(network) if affected.has_network(*network) => networks.push(*network),
            HostPattern::Name(_) | HostPattern::Address(_) | HostPattern::Network(_) => {}
        }
    }
    let is_complete = NameClasses::new(&keys, patterns).add(affected.all_names, &mut classes);
    add_address_classes(networks, affected.all_addresses, &mut classes);
    (classes, is_complete)
}

/// Returns a class for each wildcard in the lists: the possible names of addresses (rule M5).
pub(super) fn wildcard_classes(views: &[PolicyView<'_>; 2]) -> Vec<HostClass> {
    let mut keys = StringMap::default();
    for entry in views.iter().flat_map(PolicyView::entries) {
        if let HostPattern::Wildcard(domain) = &entry.hosts {
            keys.get_or_insert(&wildcard_key(domain), 0);
        }
    }
    let mut classes = Vec::new();
    NameClasses::new(&keys, PatternIndex::default()).add(false, &mut classes);
    classes
}

/// Returns a class for each network and for the rest: the possible addresses of names (rule M4).
pub(super) fn address_classes(views: &[PolicyView<'_>; 2]) -> Vec<HostClass> {
    let mut networks = Vec::new();
    for entry in views.iter().flat_map(PolicyView::entries) {
        match &entry.hosts {
            HostPattern::Address(address) => networks.push(IpNet::from(*address)),
            HostPattern::Network(network) => networks.push(*network),
            HostPattern::Name(_) | HostPattern::Wildcard(_) | HostPattern::Pattern(_) => {}
        }
    }
    let mut classes = Vec::new();
    add_address_classes(networks, true, &mut classes);
    classes
}

/// IPv4-mapped addresses, which no reference has, because they are converted to IPv4 (rule E4).
const MAPPED_IPV4: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);

/// A network during the sweep over its narrower networks.
struct OpenNetwork {
    class: usize,
    last: u128,
    /// The first address after the narrower networks visited so far; `None` after the last address.
    next: Option<u128>,
    v4: bool,
}

fn add_address_classes(mut networks: Vec<IpNet>, all: bool, classes: &mut Vec<HostClass>) {
    if all {
        networks.extend(
            [IpNet::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), IpNet::from(IpAddr::V6(Ipv6Addr::UNSPECIFIED))]
                .map(whole_family),
        );
    }
    if networks.iter().any(|network| network.contains(&IpNet::V6(MAPPED_IPV4))) {
        networks.push(IpNet::V6(MAPPED_IPV4));
    }
    networks = sort::sorted(networks, Ord::cmp);
    networks.dedup();
    let mut open: Vec<OpenNetwork> = Vec::new();
    for network in networks {
        let (first, last, v4) = address_range(network);
        while open.last().is_some_and(|around| around.v4 != v4 || around.last < first) {
            open.pop().into_iter().for_each(|closed| close_network(&closed, classes));
        }
        let parent = open.last().and_then(|around| u32::try_from(around.class).ok());
        if let Some(around) = open.last_mut() {
            pick_representative(around, Some(first), classes);
            around.next = last.checked_add(1);
        }
        let mapped = network == IpNet::V6(MAPPED_IPV4);
        open.push(OpenNetwork { class: classes.len(), last, next: Some(first).filter(|_| !mapped), v4 });
        classes.push(HostClass::new(parent, None, HostSet::Network(network)));
    }
    while let Some(closed) = open.pop() {
        close_network(&closed, classes);
    }
}

fn whole_family(address: IpNet) -> IpNet {
    IpNet::new(address.addr(), 0).unwrap_or(address)
}

fn close_network(closed: &OpenNetwork, classes: &mut [HostClass]) {
    pick_representative(closed, None, classes);
}

/// Picks an address before the narrower network that begins at `before`, if the class has no representative yet.
fn pick_representative(around: &OpenNetwork, before: Option<u128>, classes: &mut [HostClass]) {
    let Some(first) = around.next else { return };
    let free = |address: &u128| before.map_or(*address <= around.last, |before| *address < before);
    // The first address of a network is usually not assigned to a host.
    let chosen = first.checked_add(1).filter(free).or(Some(first).filter(free));
    if let (Some(class), Some(address)) = (classes.get_mut(around.class), chosen) {
        let address = match around.v4 {
            true => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(address).unwrap_or(u32::MAX))),
            false => IpAddr::V6(Ipv6Addr::from_bits(address)),
        };
        class.host.get_or_insert(Registry::Address(address));
    }
}

/// Returns the first and the last address of a network as numbers, and whether they are IPv4.
pub(super) fn address_range(network: IpNet) -> (u128, u128, bool) {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    (number(network.network()), number(network.broadcast()), matches!(network, IpNet::V4(_)))
}
