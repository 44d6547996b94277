//! A *standing* is what the entries say of one host.

use crate::decision::query::{Ask, Hit, Match};
use crate::finding::List;
use crate::policy::index::{ANY_PORT, Rank};
use std::ops::ControlFlow;

/// What the entries say of one host.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Standing<'p> {
    /// The entry that covers the reference, in whitelist mode.
    pub cover: Option<Hit<'p>>,
    /// The insecure entry that decides the transport (rule T4).
    pub insecure: Option<Hit<'p>>,
    /// Whether the insecure entries for that host cover port 80 (rule T3).
    pub plain_80: bool,
    /// Whether any entry of the effective whitelist is about the registry, so that the transport is settled.
    pub settled: bool,
    /// Whether the registry is one of the product's own (rule T5).
    pub built_in: bool,
    /// How specific the entry is that settles the transport; nothing for a name by its addresses.
    pub rank: Rank,
}

impl<'p> Standing<'p> {
    /// Whether an entry covers the reference.
    pub fn is_covered(&self) -> bool {
        self.cover.is_some()
    }

    /// Whether the registry is reached unverified.
    pub fn is_insecure(&self) -> bool {
        self.insecure.is_some() && !self.built_in
    }

    /// This standing first, the other where this one leaves things open (rule T4).
    pub fn before(&self, other: &Standing<'p>) -> Standing<'p> {
        let transport = if self.settled { self } else { other };
        Standing {
            cover: self.cover.or(other.cover),
            insecure: transport.insecure,
            plain_80: transport.plain_80,
            settled: self.settled || other.settled,
            built_in: self.built_in || other.built_in,
            rank: transport.rank,
        }
    }

    /// Of a name with both addresses (rule M4).
    pub fn and_address(self, other: Self) -> Self {
        Standing {
            cover: self.cover.filter(|_| other.cover.is_some()),
            insecure: self.insecure.filter(|_| self.is_insecure() && other.is_insecure()),
            plain_80: self.plain_80 && other.plain_80,
            settled: self.settled && other.settled,
            built_in: self.built_in || other.built_in,
            rank: 0,
        }
    }

    /// Of an address with both names (rule M5): the more specific entry settles the transport, at a tie the insecure one.
    pub fn and_name(self, other: Self) -> Self {
        let strength = |standing: &Self| (standing.rank, standing.insecure.is_some(), standing.plain_80);
        let transport = if strength(&other) > strength(&self) { other } else { self };
        Standing {
            cover: self.cover.or(other.cover),
            settled: self.settled || other.settled,
            built_in: self.built_in || other.built_in,
            ..transport
        }
    }

    /// All of it that makes a difference, as a number.
    pub fn signature(&self) -> u32 {
        let insecure = self.insecure.is_some();
        let bits = [self.cover.is_some(), insecure, insecure && self.plain_80, self.settled, self.built_in];
        bits.iter().fold(u32::from(self.rank), |number, bit| number << 1 | u32::from(*bit))
    }
}

/// What a decision comes to, the entry that decided and the certificate authorities left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub allowed: bool,
    pub verified: bool,
    /// Whether plain HTTP may be tried.
    pub plain: bool,
    /// Whether the addresses of the name must be connected to.
    pub pinned: bool,
}

/// Weighs the groups that are about a host, given the most specific first (rules M2, M3, W3, T4).
pub(crate) struct Scale<'a, 'p, 'r> {
    ask: &'a Ask<'p, 'r>,
    repository: Option<&'a str>,
    standing: Standing<'p>,
    cover: Option<(Rank, Hit<'p>)>,
    insecure: Option<(Rank, Hit<'p>)>,
    /// How specific the first whitelist entry is that is about the registry, whatever its namespace.
    whitelist: Option<Rank>,
}

impl<'a, 'p, 'r> Scale<'a, 'p, 'r> {
    pub fn new(ask: &'a Ask<'p, 'r>) -> Self {
        let repository = ask.reference.repository.as_deref();
        Scale { ask, repository, standing: Standing::default(), cover: None, insecure: None, whitelist: None }
    }

    pub fn weigh(mut self, matches: &[Match<'p>]) -> Standing<'p> {
        let _ = matches.iter().try_for_each(|found| self.add(*found));
        self.standing()
    }

    /// Adds the next group. Breaks off where nothing less specific can change the standing.
    pub fn add(&mut self, Match { rank, group, project }: Match<'p>) -> ControlFlow<()> {
        if self.is_settled_above(rank) {
            return ControlFlow::Break(());
        }
        let hit = |row| group.row(row).map(|row| Hit { row, project });
        let insecure_ports = self.ask.ports.of_list(List::Insecure);
        if self.insecure.is_none() {
            let row = group.cover(List::Insecure, insecure_ports, None);
            self.insecure = row.and_then(hit).map(|hit| (rank, hit));
        }
        if self.insecure.is_some_and(|(of, _)| of == rank) {
            self.standing.plain_80 |= group.has(List::Insecure, &[80, ANY_PORT]);
        }
        let ports = self.ask.ports.of_list(List::Whitelist);
        if group.has(List::Whitelist, ports) {
            self.whitelist.get_or_insert(rank);
            if self.cover.is_none() {
                let row = group.cover(List::Whitelist, ports, self.repository);
                self.cover = row.and_then(hit).map(|hit| (rank, hit));
            }
        }
        self.standing.built_in |= group.has(List::BuiltIn, self.ask.ports.of_list(List::BuiltIn));
        ControlFlow::Continue(())
    }

    /// Whether what was added, all of it more specific than `rank`, decides by itself.
    fn is_settled_above(&self, rank: Rank) -> bool {
        let allowed = match self.insecure {
            Some((of, _)) => of > rank,
            None => self.cover.is_some() && self.whitelist.is_some_and(|of| of > rank),
        };
        allowed && !self.ask.policy.has_built_in()
    }

    pub fn standing(self) -> Standing<'p> {
        let mut standing = self.standing;
        standing.settled = self.insecure.is_some() || self.whitelist.is_some();
        standing.rank = self.insecure.map(|(rank, _)| rank).max(self.whitelist).unwrap_or_default();
        standing.cover = match (self.cover, self.insecure) {
            (Some((of, hit)), Some((rank, _))) if of >= rank => Some(hit),
            (_, Some((_, hit))) => Some(hit),
            (cover, None) => cover.map(|(_, hit)| hit),
        };
        if let Some((rank, hit)) = self.insecure {
            standing.insecure = Some(hit).filter(|_| self.whitelist.is_none_or(|of| rank >= of));
        }
        standing
    }
}
