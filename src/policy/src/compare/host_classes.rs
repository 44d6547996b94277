//! The hosts that are looked at: Docker Hub, the tree of names, and the networks in networks. Each place has a host that
//! stands for all hosts in it that are in no narrower place.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use crate::entry::Hosts;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::reference::Registry;
use crate::util::sort;
use crate::util::string_map::Table;

use super::affected_hosts::{Touched, below};
use super::policy_view::Side;

/// Hosts that the entries have alike.
pub(super) struct Place {
    /// The narrowest wider place.
    pub parent: Option<u32>,
    /// A host in it and in no narrower place; none where there is none.
    pub host: Option<Registry<'static>>,
    pub what: What,
}

/// Which hosts.
pub(super) enum What {
    Hub,
    EveryName,
    /// A name, or a wildcard as `*.domain`.
    Names(Box<str>),
    Network(IpNet),
}

/// The places of a change, wider ones first.
pub(super) fn places(sides: &[Side<'_>; 2], touched: &Touched) -> Vec<Place> {
    let mut places = Vec::new();
    if touched.hub {
        places.push(Place { parent: None, host: Some(Registry::Hub), what: What::Hub });
    }
    let mut keys = Table::default();
    let mut networks = Vec::new();
    for entry in sides.iter().flat_map(Side::entries) {
        match &entry.hosts {
            Hosts::Name(_) if entry.is_hub() => {}
            Hosts::Name(name) if touched.has_name(name) => {
                keys.get_or_insert(name, 0);
            }
            Hosts::Wildcard(domain) => {
                let key = below(domain);
                if touched.has_name(&key) {
                    keys.get_or_insert(&key, 0);
                }
            }
            Hosts::Address(address) if touched.has_network(IpNet::from(*address)) => {
                networks.push(IpNet::from(*address));
            }
            Hosts::Network(network) if touched.has_network(*network) => networks.push(*network),
            Hosts::Name(_) | Hosts::Address(_) | Hosts::Network(_) => {}
        }
    }
    names(&keys, touched.all_names, &mut places);
    addresses(networks, touched.all_addresses, &mut places);
    places
}

/// A name below each wildcard that lists have, for what names of addresses there can be (rule M5).
pub(super) fn wildcards(sides: &[Side<'_>; 2]) -> Vec<Place> {
    let mut keys = Table::default();
    for entry in sides.iter().flat_map(Side::entries) {
        if let Hosts::Wildcard(domain) = &entry.hosts {
            keys.get_or_insert(&below(domain), 0);
        }
    }
    let mut places = Vec::new();
    names(&keys, false, &mut places);
    places
}

/// An address in each network and besides, for what addresses of names there can be (rule M4).
pub(super) fn every_address(sides: &[Side<'_>; 2]) -> Vec<Place> {
    let mut networks = Vec::new();
    for entry in sides.iter().flat_map(Side::entries) {
        match &entry.hosts {
            Hosts::Address(address) => networks.push(IpNet::from(*address)),
            Hosts::Network(network) => networks.push(*network),
            Hosts::Name(_) | Hosts::Wildcard(_) => {}
        }
    }
    let mut places = Vec::new();
    addresses(networks, true, &mut places);
    places
}

fn names(keys: &Table, all: bool, places: &mut Vec<Place>) {
    let mut keys: Vec<Box<str>> = keys.names().map(Box::from).collect();
    // What is below a domain is no shorter than `*.` and the domain, and `*` comes before whatever a name begins with.
    keys = sort::sorted(keys, |a, b| (a.len(), a).cmp(&(b.len(), b)));
    let root = u32::try_from(places.len()).ok().filter(|_| all);
    let first = u32::try_from(places.len()).unwrap_or(u32::MAX).saturating_add(u32::from(all));
    let mut place_of = Table::default();
    for (key, place) in keys.iter().zip(first..) {
        place_of.get_or_insert(key, place);
    }
    let over = |key: &str| {
        let base = key.strip_prefix("*.").unwrap_or(key);
        dns_name::parents(base).find_map(|domain| place_of.get(&below(domain)))
    };
    if all {
        let fits = |name: &str| place_of.get(name).is_none() && over(name).is_none() && !docker_hub::is_hub(name, None);
        let host = candidates(&["example.com", "example.net", "example.org", "test", "invalid"], "registry.")
            .find(|name| fits(name));
        places.push(Place { parent: None, host: host.map(named), what: What::EveryName });
    }
    let number = keys.len();
    for key in keys {
        let host = match key.strip_prefix("*.") {
            None => Some(key.clone().into_string()),
            Some(domain) => candidates(&["registry", "harbor"], "")
                .map(|label| format!("{label}.{domain}"))
                .take(number.saturating_add(40))
                .find(|name| {
                    name.len() <= dns_name::MAX_NAME && place_of.get(name).is_none() && !docker_hub::is_hub(name, None)
                }),
        };
        places.push(Place { parent: over(&key).or(root), host: host.map(named), what: What::Names(key) });
    }
}

fn named(name: String) -> Registry<'static> {
    Registry::Name(Cow::Owned(name))
}

/// Texts to choose from: those that read well, then without end.
fn candidates(first: &'static [&'static str], before: &'static str) -> impl Iterator<Item = String> {
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

/// IPv6 addresses that no reference can have, since they are IPv4 addresses (rule E4).
const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);

/// A network whose narrower ones are being met.
struct Open {
    place: usize,
    last: u128,
    /// The first address that no narrower network met so far has; none behind the last there is.
    next: Option<u128>,
    v4: bool,
}

fn addresses(mut networks: Vec<IpNet>, all: bool, places: &mut Vec<Place>) {
    if all {
        networks.extend(
            [IpNet::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), IpNet::from(IpAddr::V6(Ipv6Addr::UNSPECIFIED))]
                .map(everything),
        );
    }
    if networks.iter().any(|network| network.contains(&IpNet::V6(MAPPED))) {
        networks.push(IpNet::V6(MAPPED));
    }
    networks = sort::sorted(networks, Ord::cmp);
    networks.dedup();
    let mut open: Vec<Open> = Vec::new();
    for network in networks {
        let (first, last, v4) = bounds(network);
        while open.last().is_some_and(|around| around.v4 != v4 || around.last < first) {
            open.pop().into_iter().for_each(|closed| close(&closed, places));
        }
        let parent = open.last().and_then(|around| u32::try_from(around.place).ok());
        if let Some(around) = open.last_mut() {
            settle(around, Some(first), places);
            around.next = last.checked_add(1);
        }
        let mapped = network == IpNet::V6(MAPPED);
        open.push(Open { place: places.len(), last, next: Some(first).filter(|_| !mapped), v4 });
        places.push(Place { parent, host: None, what: What::Network(network) });
    }
    while let Some(closed) = open.pop() {
        close(&closed, places);
    }
}

fn everything(address: IpNet) -> IpNet {
    IpNet::new(address.addr(), 0).unwrap_or(address)
}

fn close(closed: &Open, places: &mut [Place]) {
    settle(closed, None, places);
}

/// Takes an address before the narrower network that begins at `before`, if the place has none yet.
fn settle(around: &Open, before: Option<u128>, places: &mut [Place]) {
    let Some(first) = around.next else { return };
    let free = |address: &u128| before.map_or(*address <= around.last, |before| *address < before);
    // The first address of a network is nobody's.
    let chosen = first.checked_add(1).filter(free).or(Some(first).filter(free));
    if let (Some(place), Some(address)) = (places.get_mut(around.place), chosen) {
        let address = match around.v4 {
            true => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(address).unwrap_or(u32::MAX))),
            false => IpAddr::V6(Ipv6Addr::from_bits(address)),
        };
        place.host.get_or_insert(Registry::Address(address));
    }
}

/// The first and the last address of a network as numbers, and whether they are IPv4.
pub(super) fn bounds(network: IpNet) -> (u128, u128, bool) {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    (number(network.network()), number(network.broadcast()), matches!(network, IpNet::V4(_)))
}
