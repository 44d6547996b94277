//! The index that answers which entries are about a host, without walking the lists.
//!
//! Entries that name the same hosts share a *group*, sorted by list, port and namespace. Groups are found by hash
//! (names, addresses, domains of wildcards) or by longest prefix (networks).

use std::cmp::Ordering;
use std::net::IpAddr;
use std::ops::ControlFlow;

use ipnet::IpNet;

use crate::entry::{Entry, Hosts};
use crate::finding::List;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::reference::repository;
use crate::util::sort;
use crate::util::string_map::Table;

use crate::policy::prefix_map::Networks;

/// The host that is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'s> {
    Hub,
    Address(IpAddr),
    Name(&'s str),
}

/// An enabled entry.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its canonical text.
    pub text: Box<str>,
    pub list: List,
    /// Its index in the list as written.
    pub position: u32,
    /// The one port that it covers, or `ANY_PORT`.
    pub port: u16,
    /// How much of the text, at its end, is the namespace; none is 0.
    namespace: u16,
}

/// In place of a port: every port. Port 0 is no port.
pub(crate) const ANY_PORT: u16 = 0;

/// How specific the host of an entry is (rule T4): an exact host before every prefix or domain, then the longer.
pub(crate) type Rank = u16;
/// The rank of an exact host.
pub(crate) const EXACT: Rank = Rank::MAX;

/// What is called with each group that a search finds.
pub(crate) type Found<'f, 'i> = dyn FnMut(Rank, Group<'i>) -> ControlFlow<()> + 'f;

/// The entries of one scope: the global lists, or those of a project.
#[derive(Debug, Default)]
pub(crate) struct Index {
    rows: Vec<Row>,
    groups: Vec<Span>,
    /// Rows by group, sorted within it by list, port, namespace, text, position.
    order: Vec<u32>,
    hub: Option<u32>,
    names: Table,
    /// By domain.
    wildcards: Table,
    addresses: Networks,
    networks: Networks,
    /// All rows that DNS can make cover a name: addresses and networks (rule M4). Sorted as a group is.
    resolving: Vec<u32>,
    /// All rows that DNS can make cover an address: wildcards (rule M5). Sorted as a group is.
    reversing: Vec<u32>,
    /// Whether there are built-in registries.
    built_in: bool,
}

/// The addresses and networks seen while an index is made, each with its group.
#[derive(Default)]
struct Ranges {
    groups: Table,
    addresses: Vec<(IpNet, u32)>,
    networks: Vec<(IpNet, u32)>,
}

impl Ranges {
    /// The group of an address or network; `next` where it has none yet.
    fn group(&mut self, network: IpNet, address: bool, next: u32) -> u32 {
        let text = if address { network.addr().to_string() } else { network.to_string() };
        let group = self.groups.get_or_insert(&text, next);
        if group == next {
            if address { &mut self.addresses } else { &mut self.networks }.push((network, group));
        }
        group
    }
}

/// A stretch of `Index::order`.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    length: u32,
}

/// Rows that name the same hosts, or all that DNS can reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'i> {
    index: &'i Index,
    rows: &'i [u32],
}

impl Index {
    /// Makes the index of a scope's enabled entries, each with its list and its position there.
    pub fn new<'e>(entries: impl Iterator<Item = (List, u32, &'e Entry)>) -> Self {
        let mut index = Index::default();
        let mut ranges = Ranges::default();
        let mut group_of = Vec::new();
        for (list, position, entry) in entries {
            group_of.push(index.group_for(entry, &mut ranges));
            let row = u32_of(index.rows.len());
            index.built_in |= list == List::BuiltIn;
            match entry.hosts {
                Hosts::Address(_) | Hosts::Network(_) => index.resolving.push(row),
                Hosts::Wildcard(_) => index.reversing.push(row),
                Hosts::Name(_) => {}
            }
            index.rows.push(Row::new(list, position, entry));
        }
        index.sort_into_groups(&group_of);
        sort(&index.rows, &mut index.resolving);
        sort(&index.rows, &mut index.reversing);
        index.addresses = Networks::new(ranges.addresses);
        index.networks = Networks::new(ranges.networks);
        index
    }

    pub fn has_built_in(&self) -> bool {
        self.built_in
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    #[inline(always)]
    pub fn row(&self, row: u32) -> Option<&Row> {
        self.rows.get(usize_of(row))
    }

    /// The groups whose hosts contain the subject, the most specific first (rule M1), until `found` breaks off.
    pub fn covering<'i>(&'i self, subject: Subject<'_>, found: &mut Found<'_, 'i>) -> ControlFlow<()> {
        if let Some(group) = self.exact(subject) {
            found(EXACT, group)?;
        }
        match subject {
            Subject::Hub => docker_hub::WILDCARD_DOMAINS.iter().try_for_each(|domain| self.wildcard_at(domain, found)),
            Subject::Name(name) => self.wildcards_over(name, found),
            Subject::Address(address) => {
                self.networks.containing(address, &mut |prefix, group| found(Rank::from(prefix), self.group(group)))
            }
        }
    }

    /// The wildcards that cover a name, the longest domain first, until `found` breaks off.
    pub fn wildcards_over<'i>(&'i self, name: &str, found: &mut Found<'_, 'i>) -> ControlFlow<()> {
        if self.wildcards.is_empty() {
            return ControlFlow::Continue(());
        }
        dns_name::parents(name).try_for_each(|domain| self.wildcard_at(domain, found))
    }

    /// The group that names exactly this host.
    pub fn exact(&self, subject: Subject<'_>) -> Option<Group<'_>> {
        let group = match subject {
            Subject::Hub => self.hub?,
            Subject::Address(address) => self.addresses.of(address, if address.is_ipv4() { 32 } else { 128 })?,
            Subject::Name(name) => self.names.get(name)?,
        };
        Some(self.group(group))
    }

    /// The group of the wildcard over a domain.
    #[inline(always)]
    pub fn wildcard(&self, domain: &str) -> Option<Group<'_>> {
        self.wildcards.get(domain).map(|group| self.group(group))
    }

    /// Everything that could cover the subject with the help of DNS (rules M4 and M5).
    pub fn by_dns(&self, subject: Subject<'_>) -> Group<'_> {
        let rows = match subject {
            Subject::Address(_) => &self.reversing,
            Subject::Hub | Subject::Name(_) => &self.resolving,
        };
        Group { index: self, rows }
    }

    /// The networks and addresses on either side of an address, each with the number of leading bits it shares.
    pub fn neighbours(&self, address: IpAddr) -> impl Iterator<Item = (u32, Group<'_>)> {
        let groups = [&self.addresses, &self.networks].map(|networks| networks.neighbours(address));
        groups.into_iter().flatten().map(|(bits, group)| (bits, self.group(group)))
    }

    /// The groups whose hosts contain all hosts of an entry, the most specific first.
    pub fn over<'i>(&'i self, entry: &Entry, found: &mut Found<'_, 'i>) -> ControlFlow<()> {
        match &entry.hosts {
            _ if entry.is_hub() => self.covering(Subject::Hub, found),
            Hosts::Address(address) => self.covering(Subject::Address(*address), found),
            Hosts::Name(name) => self.covering(Subject::Name(name), found),
            Hosts::Network(network) => self.networks.containing(network.addr(), &mut |prefix, group| {
                if prefix > network.prefix_len() {
                    return ControlFlow::Continue(());
                }
                found(Rank::from(prefix), self.group(group))
            }),
            Hosts::Wildcard(domain) => {
                self.wildcard_at(domain, found)?;
                self.wildcards_over(domain, found)
            }
        }
    }

    /// The group of exactly the hosts of an entry.
    pub fn same_hosts(&self, entry: &Entry) -> Option<Group<'_>> {
        match &entry.hosts {
            _ if entry.is_hub() => self.exact(Subject::Hub),
            Hosts::Address(address) => self.exact(Subject::Address(*address)),
            Hosts::Name(name) => self.exact(Subject::Name(name)),
            Hosts::Network(network) => {
                self.networks.of(network.addr(), network.prefix_len()).map(|group| self.group(group))
            }
            Hosts::Wildcard(domain) => self.wildcard(domain),
        }
    }

    /// The group of the address that is all of an entry's network: `10.0.0.5` for `10.0.0.5/32`. It is more specific.
    pub fn address_of(&self, entry: &Entry) -> Option<Group<'_>> {
        match &entry.hosts {
            Hosts::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                self.exact(Subject::Address(network.addr()))
            }
            Hosts::Network(_) | Hosts::Address(_) | Hosts::Name(_) | Hosts::Wildcard(_) => None,
        }
    }

    /// The group of the one address of an entry, written the other way: as `address_of`, and the reverse.
    pub fn same_address(&self, entry: &Entry) -> Option<Group<'_>> {
        let Hosts::Address(address) = entry.hosts else { return self.address_of(entry) };
        let network = IpNet::from(address);
        self.networks.of(network.addr(), network.prefix_len()).map(|group| self.group(group))
    }

    #[inline(always)]
    fn wildcard_at<'i>(&'i self, domain: &str, found: &mut Found<'_, 'i>) -> ControlFlow<()> {
        match self.wildcard(domain) {
            Some(group) => found(Rank::try_from(domain.len()).unwrap_or(EXACT), group),
            None => ControlFlow::Continue(()),
        }
    }

    #[inline(always)]
    fn group(&self, group: u32) -> Group<'_> {
        let span = self.groups.get(usize_of(group)).copied().unwrap_or_default();
        let start = usize_of(span.start);
        let rows = self.order.get(start..start.saturating_add(usize_of(span.length))).unwrap_or_default();
        Group { index: self, rows }
    }

    /// The group of an entry's hosts, made where there is none.
    fn group_for(&mut self, entry: &Entry, ranges: &mut Ranges) -> u32 {
        let next = u32_of(self.groups.len());
        let group = match &entry.hosts {
            _ if entry.is_hub() => *self.hub.get_or_insert(next),
            Hosts::Address(address) => ranges.group(IpNet::from(*address), true, next),
            Hosts::Network(network) => ranges.group(*network, false, next),
            Hosts::Name(name) => self.names.get_or_insert(name, next),
            Hosts::Wildcard(domain) => self.wildcards.get_or_insert(domain, next),
        };
        if group == next {
            self.groups.push(Span::default());
        }
        if let Some(span) = self.groups.get_mut(usize_of(group)) {
            span.length = span.length.saturating_add(1);
        }
        group
    }

    /// Lays out `order`, now that the size of every group is known.
    fn sort_into_groups(&mut self, group_of: &[u32]) {
        let mut start: u32 = 0;
        for span in &mut self.groups {
            span.start = start;
            start = start.saturating_add(span.length);
        }
        let mut next: Vec<u32> = self.groups.iter().map(|span| span.start).collect();
        self.order = vec![0; group_of.len()];
        for (row, group) in group_of.iter().enumerate() {
            let Some(next) = next.get_mut(usize_of(*group)) else { continue };
            if let Some(place) = self.order.get_mut(usize_of(*next)) {
                *place = u32_of(row);
            }
            *next = next.saturating_add(1);
        }
        for span in self.groups.iter().filter(|span| span.length > 1) {
            let start = usize_of(span.start);
            if let Some(stretch) = self.order.get_mut(start..start.saturating_add(usize_of(span.length))) {
                sort(&self.rows, stretch);
            }
        }
    }
}

impl Row {
    fn new(list: List, position: u32, entry: &Entry) -> Self {
        let text = entry.to_string();
        let namespace = entry.namespace.as_ref().map_or(0, |namespace| namespace.len());
        Row {
            text: text.into(),
            list,
            position,
            port: entry.port.unwrap_or(ANY_PORT),
            // An entry has at most 1,024 bytes, and its canonical text little more.
            namespace: u16::try_from(namespace).unwrap_or(u16::MAX),
        }
    }

    /// The namespace that it is limited to; empty where it is not.
    pub fn namespace(&self) -> &str {
        self.text
            .len()
            .checked_sub(usize::from(self.namespace))
            .and_then(|start| self.text.get(start..))
            .unwrap_or_default()
    }
}

impl<'i> Group<'i> {
    /// The entries of a list with exactly this port or `ANY_PORT`, sorted by namespace.
    pub fn on_port(self, list: List, port: u16) -> &'i [u32] {
        match self.only() {
            Some(row) => self.rows.get(..usize::from(row.list == list && row.port == port)).unwrap_or_default(),
            None => self.stretch(&|row| row.list.cmp(&list).then(row.port.cmp(&port))),
        }
    }

    /// The entries of a list, sorted by port and namespace.
    pub fn in_list(self, list: List) -> &'i [u32] {
        self.stretch(&|row| row.list.cmp(&list))
    }

    /// The entry, where it is the only one: most groups have one, and then nothing is searched.
    #[inline(always)]
    fn only(self) -> Option<&'i Row> {
        match self.rows {
            [row] => self.index.row(*row),
            _ => None,
        }
    }

    /// The entries that compare as equal.
    fn stretch(self, compare: &dyn Fn(&Row) -> Ordering) -> &'i [u32] {
        let order = |row: &u32| self.index.row(*row).map_or(Ordering::Greater, compare);
        let start = self.rows.partition_point(|row| order(row).is_lt());
        let rest = self.rows.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|row| order(row).is_eq())).unwrap_or_default()
    }

    /// Whether a list has an entry here on one of these ports, whatever its namespace.
    #[inline(always)]
    pub fn has(self, list: List, ports: &[u16]) -> bool {
        match self.only() {
            Some(row) => row.list == list && ports.contains(&row.port),
            None => ports.iter().any(|port| !self.on_port(list, *port).is_empty()),
        }
    }

    /// The entry of a list that covers a repository on one of these ports: the one with the longest namespace, of these
    /// the one whose port comes first in `ports`, of these the first in the list. Without a repository any namespace
    /// will do (rule M3).
    pub fn cover(self, list: List, ports: &[u16], repository: Option<&str>) -> Option<u32> {
        if let Some(row) = self.only() {
            let limit = row.namespace();
            let reaches = |repository| limit.is_empty() || repository::is_within(repository, limit);
            let covers = row.list == list && ports.contains(&row.port) && repository.is_none_or(reaches);
            return self.rows.first().copied().filter(|_| covers);
        }
        let mut best: Option<(usize, u32)> = None;
        for port in ports {
            let Some(row) = self.cover_in(self.on_port(list, *port), repository) else { continue };
            let length = self.index.row(row).map_or(0, |row| row.namespace().len());
            if best.is_none_or(|(longest, _)| length > longest) {
                best = Some((length, row));
            }
        }
        best.map(|(_, row)| row)
    }

    /// As `cover`, among entries sorted by namespace.
    #[inline(always)]
    fn cover_in(self, rows: &[u32], repository: Option<&str>) -> Option<u32> {
        let namespace = |row: &u32| self.index.row(*row).map_or("", Row::namespace);
        let first = rows.first()?;
        let Some(repository) = repository else { return Some(*first) };
        repository::namespaces(repository).chain([""]).find_map(|wanted| {
            let row = rows.get(rows.partition_point(|row| namespace(row) < wanted))?;
            (namespace(row) == wanted).then_some(*row)
        })
    }

    /// Every entry of a list that covers all of `ports` and the namespace (empty: all repositories), of those with the same
    /// text the first. Docker Hub has several names.
    pub fn all_over(self, list: List, ports: &[u16], namespace: &str) -> impl Iterator<Item = &'i Row> {
        let limits: Vec<&str> =
            if namespace.is_empty() { vec![""] } else { repository::namespaces(namespace).chain([""]).collect() };
        let limit = move |row: &u32| self.row(*row).map_or("", Row::namespace);
        let mut rows = Vec::new();
        for port in ports {
            let on_port = self.on_port(list, *port);
            for wanted in &limits {
                let start = on_port.partition_point(|row| limit(row) < *wanted);
                let mut rest = on_port.get(start..).unwrap_or_default();
                while let Some(first) = rest.first().filter(|row| limit(row) == *wanted).and_then(|row| self.row(*row))
                {
                    rows.push(first);
                    let same = |row: &Row| row.namespace() == *wanted && row.text == first.text;
                    let same = rest.partition_point(|row| self.row(*row).is_some_and(same));
                    rest = rest.get(same..).unwrap_or_default();
                }
            }
        }
        rows.into_iter()
    }

    pub fn row(self, row: u32) -> Option<&'i Row> {
        self.index.row(row)
    }

    /// All of its entries, sorted by list, port and namespace.
    pub fn all(self) -> &'i [u32] {
        self.rows
    }
}

fn sort(rows: &[Row], order: &mut [u32]) {
    // The text comes before the position, so that the order of the document decides between the same entry only.
    let key = |row: usize| rows.get(row).map(|row| (row.list, row.port, row.namespace(), &row.text, row.position));
    sort::sort(order, &|a, b| key(a).cmp(&key(b)));
}

/// A `u32` index as `usize`: no target has narrower ones.
pub(crate) fn usize_of(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// A count of entries, of which there are at most a million.
fn u32_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
