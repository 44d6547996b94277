//! All that DNS can add to a request, found from the entries: no look-up, and no guess.
//!
//! What the addresses of a name come to together follows from what each comes to (rule M4), and so it is for the names of
//! an address (rule M5). There are few things that one of them can come to, under the two policies at once, so that all
//! sets of them are tried.

use crate::decision::evaluation::Standing;
use crate::policy::index::ANY_PORT;
use crate::reference::repository;
use crate::reference::{Reference, Registry};
use crate::util::string_map::Table;

use super::host_classes::{Place, every_address, wildcards};
use super::policy_view::Side;
use super::repository_set::Tree;
use super::signature::{Limits, profile};

/// What DNS may say of hosts of one kind.
pub(super) struct Dns<'d> {
    /// Names of an address, or addresses of a name: one of each that the entries do not tell apart.
    pub hosts: Vec<Registry<'static>>,
    /// The ports and namespaces that entries about them have.
    pub ports: Vec<u16>,
    pub namespaces: Vec<String>,
    tree: Tree,
    known: Table,
    sets: Vec<Vec<Answers<'d>>>,
}

/// What a set of names or addresses adds under each policy.
#[derive(Clone)]
pub(super) struct Answers<'d> {
    pub standings: [Standing<'d>; 2],
    /// The set, as indices of hosts.
    pub members: Vec<u32>,
}

impl<'d> Dns<'d> {
    /// What the addresses of names can be, or with `reverse` the names of addresses.
    pub fn new(sides: &[Side<'d>; 2], reverse: bool) -> Self {
        let places = if reverse { wildcards(sides) } else { every_address(sides) };
        let mut dns = Dns {
            hosts: Vec::new(),
            ports: Vec::new(),
            namespaces: Vec::new(),
            tree: Tree::new(Vec::new()),
            known: Table::default(),
            sets: Vec::new(),
        };
        let mut limits = Limits::default();
        let mut seen = Table::default();
        for host in places.into_iter().filter_map(|Place { host, .. }| host) {
            let key = profile(sides, &host, false);
            if seen.get(&key).is_none() {
                seen.get_or_insert(&key, 0);
                limits.add(sides, &host, false);
                dns.hosts.push(host);
            }
        }
        dns.ports = limits.ports;
        dns.namespaces = limits.namespaces.names().map(str::to_owned).collect();
        dns.tree = Tree::new(dns.namespaces.clone());
        dns
    }

    /// Everything that answers can add to a request, the shortest answers first, none at all before them.
    pub fn answers(&mut self, sides: &[Side<'d>; 2], reference: &Reference<'_>) -> &[Answers<'d>] {
        let port = reference.port.map(|port| self.ports.binary_search(&port).map_or(ANY_PORT, |_| port));
        let namespace = reference.repository.as_deref().map(|path| {
            let namespaces = &self.tree.namespaces;
            let found = repository::namespaces(path)
                .find(|path| namespaces.binary_search_by(|other| other.as_str().cmp(path)).is_ok());
            found.unwrap_or_default()
        });
        let port = port.map(|port| format!("{port}")).unwrap_or_default();
        // No namespace is of upper-case letters.
        let key = format!("{port} {}", namespace.unwrap_or("NONE"));
        let place = match self.known.get(&key) {
            Some(place) => place,
            None => {
                let place = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
                self.sets.push(sets(sides, reference, &self.hosts));
                self.known.get_or_insert(&key, place);
                place
            }
        };
        usize::try_from(place).ok().and_then(|place| self.sets.get(place)).map_or(&[], Vec::as_slice)
    }
}

fn sets<'d>(sides: &[Side<'d>; 2], reference: &Reference<'_>, hosts: &[Registry<'static>]) -> Vec<Answers<'d>> {
    let mut seen: Vec<u64> = Vec::new();
    let mut is_new = |standings: &[Standing<'d>; 2]| {
        let [old, new] = standings;
        let signature = u64::from(old.signature()) << 32 | u64::from(new.signature());
        let place = seen.binary_search(&signature);
        if let Err(place) = place {
            seen.insert(place, signature);
        }
        place.is_err()
    };
    let mut sets: Vec<Answers<'d>> = Vec::new();
    for (host, member) in hosts.iter().zip(0..) {
        let standing = |side: &Side<'d>| match (side.ask(reference), host) {
            (None, _) | (_, Registry::Hub) => Standing::default(),
            (Some(ask), Registry::Address(address)) => ask.of_address(*address),
            (Some(ask), Registry::Name(name)) => ask.of_name(name),
        };
        let standings = sides.each_ref().map(standing);
        if is_new(&standings) {
            sets.push(Answers { standings, members: vec![member] });
        }
    }
    let ones = sets.clone();
    let names = hosts.first().is_some_and(|host| matches!(host, Registry::Name(_)));
    let mut next: usize = 0;
    while let Some(set) = sets.get(next).cloned() {
        next = next.saturating_add(1);
        for one in &ones {
            let ([a, b], [c, d]) = (set.standings, one.standings);
            let standings = if names { [a.and_name(c), b.and_name(d)] } else { [a.and_address(c), b.and_address(d)] };
            if is_new(&standings) {
                let members = set.members.iter().chain(&one.members).copied().collect();
                sets.push(Answers { standings, members });
            }
        }
    }
    sets.insert(0, Answers { standings: Default::default(), members: Vec::new() });
    sets
}
