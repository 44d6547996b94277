//! Equivalence classes of hosts: Docker Hub, the tree of names, and nested networks. Each class has a representative
//! that is in no narrower class.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use crate::entry::HostPattern;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::reference::Registry;
use crate::util::sort;
use crate::util::string_map::StringMap;

use super::affected_hosts::{AffectedHosts, wildcard_key};
use super::policy_view::PolicyView;

/// A class of hosts that no entry tells apart.
pub(super) struct HostClass {
    /// The narrowest class that contains this one.
    pub parent: Option<u32>,
    /// The representative; absent if narrower classes cover all of the class.
    pub host: Option<Registry<'static>>,
    pub set: HostSet,
}

/// A set of hosts.
pub(super) enum HostSet {
    DockerHub,
    EveryName,
    /// A name, or a wildcard as `*.domain`.
    Names(Box<str>),
    Network(IpNet),
}

/// Returns the host classes that a change can affect, the wider ones first.
pub(super) fn host_classes(views: &[PolicyView<'_>; 2], affected: &AffectedHosts) -> Vec<HostClass> {
    let mut classes = Vec::new();
    if affected.hub {
        classes.push(HostClass { parent: None, host: Some(Registry::DockerHub), set: HostSet::DockerHub });
    }
    let mut keys = StringMap::default();
    let mut networks = Vec::new();
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
            HostPattern::Address(address) if affected.has_network(IpNet::from(*address)) => {
                networks.push(IpNet::from(*address));
            }
            HostPattern::Network(network) if affected.has_network(*network) => networks.push(*network),
            HostPattern::Name(_) | HostPattern::Address(_) | HostPattern::Network(_) => {}
        }
    }
    add_name_classes(&keys, affected.all_names, &mut classes);
    add_address_classes(networks, affected.all_addresses, &mut classes);
    classes
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
    add_name_classes(&keys, false, &mut classes);
    classes
}

/// Returns a class for each network and for the rest: the possible addresses of names (rule M4).
pub(super) fn address_classes(views: &[PolicyView<'_>; 2]) -> Vec<HostClass> {
    let mut networks = Vec::new();
    for entry in views.iter().flat_map(PolicyView::entries) {
        match &entry.hosts {
            HostPattern::Address(address) => networks.push(IpNet::from(*address)),
            HostPattern::Network(network) => networks.push(*network),
            HostPattern::Name(_) | HostPattern::Wildcard(_) => {}
        }
    }
    let mut classes = Vec::new();
    add_address_classes(networks, true, &mut classes);
    classes
}

fn add_name_classes(keys: &StringMap, all: bool, classes: &mut Vec<HostClass>) {
    let mut keys: Vec<Box<str>> = keys.keys().map(Box::from).collect();
    // A name below a domain is no shorter than `*.` and the domain, and `*` sorts before the first character of any
    // name.
    keys = sort::sorted(keys, |a, b| (a.len(), a).cmp(&(b.len(), b)));
    let root = u32::try_from(classes.len()).ok().filter(|_| all);
    let first = u32::try_from(classes.len()).unwrap_or(u32::MAX).saturating_add(u32::from(all));
    let mut class_of = StringMap::default();
    for (key, class) in keys.iter().zip(first..) {
        class_of.get_or_insert(key, class);
    }
    let over = |key: &str| {
        let base = key.strip_prefix("*.").unwrap_or(key);
        dns_name::parent_domains(base).find_map(|domain| class_of.get(&wildcard_key(domain)))
    };
    if all {
        let fits =
            |name: &str| class_of.get(name).is_none() && over(name).is_none() && !docker_hub::is_docker_hub(name, None);
        let host = candidate_labels(&["example.com", "example.net", "example.org", "test", "invalid"], "registry.")
            .find(|name| fits(name));
        classes.push(HostClass { parent: None, host: host.map(name_registry), set: HostSet::EveryName });
    }
    let number = keys.len();
    for key in keys {
        let host = match key.strip_prefix("*.") {
            None => Some(key.clone().into_string()),
            Some(domain) => candidate_labels(&["registry", "harbor"], "")
                .map(|label| format!("{label}.{domain}"))
                .take(number.saturating_add(40))
                .find(|name| {
                    name.len() <= dns_name::MAX_NAME_BYTES
                        && class_of.get(name).is_none()
                        && !docker_hub::is_docker_hub(name, None)
                }),
        };
        classes.push(HostClass {
            parent: over(&key).or(root),
            host: host.map(name_registry),
            set: HostSet::Names(key),
        });
    }
}

fn name_registry(name: String) -> Registry<'static> {
    Registry::Name(Cow::Owned(name))
}

/// Returns candidate labels without end, the readable ones first.
fn candidate_labels(first: &'static [&'static str], before: &'static str) -> impl Iterator<Item = String> {
    let letters = (0_u32..).map(|number| {
        let mut label = String::new();
        let mut rest = number;
        loop {
            label.push(char::from(b'a'.saturating_add(u8::try_from(rest % 26).unwrap_or_default())));
            rest /= 26;
            if rest == 0 {
                return label;
            }
            rest = rest.saturating_sub(1);
        }
    });
    first.iter().map(|text| (*text).to_owned()).chain(letters).map(move |text| format!("{before}{text}"))
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
        classes.push(HostClass { parent, host: None, set: HostSet::Network(network) });
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
