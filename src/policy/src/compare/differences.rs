//! What a request to a host is answered under both policies, for every port and repository, and how the answers differ.

use std::borrow::Cow;

use crate::decision::evaluation::Way;
use crate::decision::query::Ask;
use crate::host::docker_hub;
use crate::reference::{Reference, Registry};
use crate::util::sort;
use crate::util::string_map::Table;

use super::Change;
use super::dns_outcomes::Dns;
use super::policy_view::Side;
use super::port_set::Ports;
use super::repository_set::{Repositories, Tree};
use super::signature::{Limits, profile};

/// How answers differ, and for which ports and repositories of a host.
pub(super) struct Difference {
    pub how: How,
    pub ports: Ports,
    pub repositories: Repositories,
    /// The ports and repositories in words.
    pub words: String,
}

/// How answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct How {
    pub change: Change,
    /// Whether the registry is newly allowed, and reached without verification.
    pub unverified: bool,
    /// Whether it takes certain answers of DNS.
    pub by_dns: bool,
    /// Which authorities came and went, by number from 1.
    pub authorities: usize,
}

/// A difference of a host, by number, and a request that shows it.
pub(super) struct Shown {
    pub difference: u32,
    pub port: Option<u16>,
    pub repository: Option<String>,
    /// What DNS has to say for it, as indices into the hosts that it may name; none where it is not asked.
    pub answers: Option<Vec<u32>>,
}

/// Certificate authorities by fingerprint: those that came, and those that went.
pub(super) type Authorities = (Vec<String>, Vec<String>);

/// The answers of one project's requests.
pub(super) struct Answering<'s, 'd> {
    sides: &'s [Side<'d>; 2],
    /// The names that addresses may have, and the addresses that names may have; once they were needed.
    names: Option<Dns<'d>>,
    addresses: Option<Dns<'d>>,
    of_profile: Table,
    /// By profile.
    shown: Vec<Vec<Shown>>,
    pub differences: Vec<Difference>,
    of_difference: Table,
    pub authorities: Vec<Authorities>,
}

/// A port and a repository of which something is true: how it differs, and what DNS must say.
struct Cell {
    how: How,
    repository: usize,
    port: usize,
    answers: Option<Vec<u32>>,
}

impl<'s, 'd> Answering<'s, 'd> {
    pub fn new(sides: &'s [Side<'d>; 2]) -> Self {
        Answering {
            sides,
            names: None,
            addresses: None,
            of_profile: Table::default(),
            shown: Vec::new(),
            differences: Vec::new(),
            of_difference: Table::default(),
            authorities: Vec::new(),
        }
    }

    /// The differences of a host.
    pub fn of(&mut self, host: &Registry<'_>) -> &[Shown] {
        let kind = match host {
            Registry::Hub => 'd',
            Registry::Address(_) => 'a',
            Registry::Name(name) if docker_hub::is_hub(name, None) => 'h',
            Registry::Name(_) => 'n',
        };
        let mut key = profile(self.sides, host, true);
        key.push(kind);
        let place = match self.of_profile.get(&key) {
            Some(place) => place,
            None => {
                let shown = self.look_at(host);
                let place = u32::try_from(self.shown.len()).unwrap_or(u32::MAX);
                self.shown.push(shown);
                self.of_profile.get_or_insert(&key, place);
                place
            }
        };
        usize::try_from(place).ok().and_then(|place| self.shown.get(place)).map_or(&[], Vec::as_slice)
    }

    /// What DNS may say of a host; none where no policy asks.
    pub fn dns(&mut self, host: &Registry<'_>) -> Option<&mut Dns<'d>> {
        let sides = self.sides;
        match host {
            Registry::Address(_) => Some(self.names.get_or_insert_with(|| Dns::new(sides, true))),
            _ if !sides.iter().any(|side| side.policy.resolves) => None,
            _ => Some(self.addresses.get_or_insert_with(|| Dns::new(sides, false))),
        }
    }

    fn look_at(&mut self, host: &Registry<'_>) -> Vec<Shown> {
        let mut limits = Limits::default();
        limits.add(self.sides, host, true);
        let mut namespaces: Vec<String> = limits.namespaces.names().map(str::to_owned).collect();
        limits.add_port(443);
        if let Some(dns) = self.dns(host) {
            dns.ports.iter().for_each(|port| limits.add_port(*port));
            namespaces.extend(dns.namespaces.iter().cloned());
        }
        let tree = Tree::new(namespaces);
        let named = limits.ports.len();
        let ports = ports_of(host, limits.ports);
        let mut cells = Vec::new();
        let repositories = tree.examples.iter().map(Option::as_deref).chain([None]).enumerate();
        for (repository, example) in repositories {
            let login = repository == tree.examples.len();
            if !login && example.is_none() {
                continue;
            }
            for (place, port) in ports.iter().enumerate().filter_map(|(place, port)| Some((place, (*port)?))) {
                let reference = Reference {
                    registry: host.clone(),
                    port,
                    repository: example.map(Cow::Borrowed),
                    tag: None,
                    digest: None,
                };
                self.ask(&reference, &mut |how, answers| {
                    cells.push(Cell { how, repository, port: place, answers });
                });
            }
        }
        let is_hub = matches!(host, Registry::Hub);
        self.gather(cells, &tree, &ports, if is_hub { 0 } else { named })
    }

    /// How the answers to one request differ, and what DNS must say for it.
    fn ask(&mut self, reference: &Reference<'_>, found: &mut dyn FnMut(How, Option<Vec<u32>>)) {
        let sides = self.sides;
        let asks = sides.each_ref().map(|side| side.ask(reference));
        let firsts = asks.each_ref().map(|ask| ask.as_ref().map(|ask| (ask, ask.first())));
        let [old_asks, new_asks] =
            firsts.each_ref().map(|first| first.as_ref().is_some_and(|(ask, first)| ask.asks(first)));
        let authorities = self.authorities_of(&asks);
        let mut hows: Vec<How> = Vec::new();
        let mut add = |how: How, answers: Option<&Vec<u32>>| {
            if !hows.contains(&how) {
                hows.push(how);
                found(how, answers.cloned());
            }
        };
        let plain = |change| How { change, unverified: false, by_dns: false, authorities: 0 };
        if old_asks != new_asks {
            add(plain(if new_asks { Change::NowByDns } else { Change::NoLongerByDns }), None);
        }
        let denied = Way { allowed: false, verified: true, plain: false, pinned: false };
        let [old, new] = &firsts;
        let way =
            |first: &Option<(&Ask<'d, '_>, _)>, dns| first.as_ref().map_or(denied, |(ask, first)| ask.way(first, dns));
        if !old_asks && !new_asks {
            if let Some(how) = judge(way(old, None), way(new, None), authorities) {
                add(how, None);
            }
            return;
        }
        let Some(dns) = self.dns(&reference.registry) else { return };
        let mut pinned = None;
        for answers in dns.answers(sides, reference) {
            let [by_old, by_new] = &answers.standings;
            let old = way(old, Some(by_old).filter(|_| old_asks));
            let new = way(new, Some(by_new).filter(|_| new_asks));
            if let Some(how) = judge(old, new, authorities) {
                add(How { by_dns: true, ..how }, Some(&answers.members));
            }
            if old.allowed && new.allowed && old.pinned != new.pinned && !answers.members.is_empty() {
                let change = if new.pinned { Change::NowByDns } else { Change::NoLongerByDns };
                pinned.get_or_insert((change, &answers.members));
            }
        }
        // That other addresses may be connected to goes without saying where more than that differs.
        if let (Some((change, members)), true) = (pinned, hows.is_empty()) {
            found(plain(change), Some(members.clone()));
        }
    }

    /// The authorities that came and went, by number; 0 for none.
    fn authorities_of(&mut self, asks: &[Option<Ask<'d, '_>>; 2]) -> usize {
        let [old, new] = asks.each_ref().map(|ask| {
            let found = ask.iter().flat_map(|ask| ask.authorities());
            found.map(|authority| authority.fingerprint.clone()).collect::<Vec<_>>()
        });
        if old == new {
            return 0;
        }
        let without = |all: &[String], some: &[String]| all.iter().filter(|one| !some.contains(one)).cloned().collect();
        let change = (without(&new, &old), without(&old, &new));
        let place = self.authorities.iter().position(|other| *other == change).unwrap_or(self.authorities.len());
        if place == self.authorities.len() {
            self.authorities.push(change);
        }
        place.saturating_add(1)
    }

    /// Ports and repositories that go together, for everything that is true of some.
    fn gather(&mut self, cells: Vec<Cell>, tree: &Tree, ports: &[Option<Option<u16>>], named: usize) -> Vec<Shown> {
        let mut shown = Vec::new();
        // What is true of the same ports of several repositories is said once.
        let mut groups: Vec<(How, Vec<usize>, Vec<usize>, usize)> = Vec::new();
        let cells = sort::sorted(cells, |a, b| (a.how, a.repository).cmp(&(b.how, b.repository)));
        let mut start: usize = 0;
        while let Some(first) = cells.get(start) {
            let alike = cells.iter().skip(start);
            let alike = alike.take_while(|cell| (cell.how, cell.repository) == (first.how, first.repository));
            let of: Vec<usize> = alike.map(|cell| cell.port).collect();
            let place = start;
            start = start.saturating_add(of.len());
            match groups.iter_mut().find(|(how, ports, ..)| *how == first.how && *ports == of) {
                Some((_, _, repositories, _)) => repositories.push(first.repository),
                None => groups.push((first.how, of, vec![first.repository], place)),
            }
        }
        for (how, of, repositories, first) in groups {
            let Some(cell) = cells.get(first) else { continue };
            let login = repositories.contains(&tree.examples.len());
            let repositories = tree.set(&|place| repositories.contains(&place), login);
            let ports_set = set_of(&of, ports, named);
            // Docker Hub is said to be on no ports where it is all of it.
            let mut words = if named == 0 && ports_set.all_but { String::new() } else { ports_set.in_words() };
            words.push_str(&repositories.in_words());
            let key = format!("{} {words}", how.number());
            let next = u32::try_from(self.differences.len()).unwrap_or(u32::MAX);
            let difference = self.of_difference.get_or_insert(&key, next);
            if difference == next {
                self.differences.push(Difference { how, ports: ports_set, repositories, words });
            }
            shown.push(Shown {
                difference,
                port: ports.get(cell.port).copied().flatten().flatten(),
                repository: tree.examples.get(cell.repository).cloned().flatten(),
                answers: cell.answers.clone(),
            });
        }
        shown
    }
}

impl How {
    /// All of it as a number.
    pub fn number(self) -> usize {
        let flags = [self.unverified, self.by_dns];
        let change = self.change.number();
        flags.iter().fold(self.authorities.saturating_mul(16).saturating_add(change), |number, flag| {
            number.saturating_mul(2).saturating_add(usize::from(*flag))
        })
    }
}

/// How two outcomes differ, if they do. The authorities are those of a verified connection.
fn judge(old: Way, new: Way, authorities: usize) -> Option<How> {
    let change = match (old.allowed, new.allowed) {
        (false, false) => return None,
        (false, true) => Change::NewlyAllowed,
        (true, false) => Change::NewlyDenied,
        (true, true) => match (old.verified, new.verified) {
            (true, false) => Change::NowUnverified,
            (false, true) => Change::NowVerified,
            (true, true) if authorities == 0 => return None,
            (true, true) => {
                return Some(How { change: Change::OtherAuthorities, unverified: false, by_dns: false, authorities });
            }
            (false, false) if old.plain == new.plain => return None,
            (false, false) if new.plain => Change::NowPlainHttp,
            (false, false) => Change::NoLongerPlainHttp,
        },
    };
    let unverified = change == Change::NewlyAllowed && !new.verified;
    Some(How { change, unverified, by_dns: false, authorities: 0 })
}

/// The ports that a host is asked with: none, each that is named, and one for all others. Absent are those that the host
/// cannot have: what Docker Hub's names have with other ports is no Docker Hub (rule H2).
fn ports_of(host: &Registry<'_>, named: Vec<u16>) -> Vec<Option<Option<u16>>> {
    let other = [5000, 8443, 8080].into_iter().chain(1..=u16::MAX).find(|port| named.binary_search(port).is_err());
    let fits = |port: Option<u16>| match host {
        Registry::Hub => port.is_none_or(|port| port == docker_hub::PORT),
        Registry::Name(name) => !docker_hub::is_hub(name, port),
        Registry::Address(_) => true,
    };
    let named = named.into_iter().map(Some);
    let ports = std::iter::once(None).chain(named).map(|port| Some(port).filter(|port| fits(*port)));
    ports.chain([other.map(Some).filter(|port| fits(*port))]).collect()
}

/// The set of the ports at these places: none, then the named ones, then one for all others.
fn set_of(chosen: &[usize], ports: &[Option<Option<u16>>], named: usize) -> Ports {
    let last = ports.len().saturating_sub(1);
    let unwritten = chosen.contains(&0);
    // Docker Hub is all of itself with no port and with 443.
    let hub = named == 0;
    let all_but = if hub { chosen.len() == 2 } else { chosen.contains(&last) };
    let place = |port: usize| port > 0 && port < last;
    let picked = |port: &usize| chosen.contains(port) != all_but;
    let places = (0..ports.len()).filter(|port| place(*port)).filter(picked);
    // Of a port that the host cannot have, its number is not at hand: there is one only.
    let number = |port: usize| ports.get(port).copied().flatten().flatten().or(Some(docker_hub::PORT));
    let ports = if hub && all_but { Vec::new() } else { places.filter_map(number).collect() };
    Ports { unwritten, all_but, ports }
}
