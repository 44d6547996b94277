//! Host evaluation: the result of all entries that match one host, by precedence (rules M2, M3, W3, T4).

use crate::decision::query::{EntryMatch, GroupMatch, Query};
use crate::finding::EntryList;
use crate::policy::entry_group::ANY_PORT;
use crate::policy::index::Specificity;
use std::ops::ControlFlow;

/// The result of all entries that match one host.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct HostEvaluation<'p> {
    /// The entry that covers the reference, in whitelist mode.
    pub cover: Option<EntryMatch<'p>>,
    /// The insecure entry that decides the transport (rule T4).
    pub insecure: Option<EntryMatch<'p>>,
    /// True if the insecure entries for the host cover port 80 (rule T3).
    pub plain_http_on_80: bool,
    /// True if an entry of the effective whitelist names the registry, so that the transport is decided.
    pub transport_decided: bool,
    /// True if the registry is built in (rule T5).
    pub built_in: bool,
    /// The blocked entry that covers the reference (rule W6).
    pub blocked: Option<EntryMatch<'p>>,
    /// The specificity of the entry that decides the transport; 0 for a name that matches by its addresses.
    pub specificity: Specificity,
}

impl<'p> HostEvaluation<'p> {
    /// Returns whether an entry covers the reference.
    pub fn is_covered(&self) -> bool {
        self.cover.is_some()
    }

    /// Returns whether the registry is reached without verification.
    pub fn is_insecure(&self) -> bool {
        self.insecure.is_some() && !self.built_in
    }

    /// Returns this evaluation, completed by the other one (rule T4).
    pub fn or_else(&self, other: &HostEvaluation<'p>) -> HostEvaluation<'p> {
        let transport = if self.transport_decided { self } else { other };
        HostEvaluation {
            cover: self.cover.or(other.cover),
            insecure: transport.insecure,
            plain_http_on_80: transport.plain_http_on_80,
            transport_decided: self.transport_decided || other.transport_decided,
            built_in: self.built_in || other.built_in,
            blocked: self.blocked.or(other.blocked),
            specificity: transport.specificity,
        }
    }

    /// Returns the evaluation of a name that has both addresses (rule M4).
    pub fn intersect_address(self, other: Self) -> Self {
        HostEvaluation {
            cover: self.cover.filter(|_| other.cover.is_some()),
            insecure: self.insecure.filter(|_| self.is_insecure() && other.is_insecure()),
            plain_http_on_80: self.plain_http_on_80 && other.plain_http_on_80,
            transport_decided: self.transport_decided && other.transport_decided,
            built_in: self.built_in || other.built_in,
            blocked: self.blocked.or(other.blocked),
            specificity: 0,
        }
    }

    /// Returns the evaluation of an address that has both names (rule M5): the more specific entry decides the
    /// transport, at a tie the insecure one.
    pub fn union_name(self, other: Self) -> Self {
        let strength =
            |evaluation: &Self| (evaluation.specificity, evaluation.insecure.is_some(), evaluation.plain_http_on_80);
        let transport = if strength(&other) > strength(&self) { other } else { self };
        HostEvaluation {
            cover: self.cover.or(other.cover),
            transport_decided: self.transport_decided || other.transport_decided,
            built_in: self.built_in || other.built_in,
            ..transport
        }
    }

    /// Returns a number that is equal for evaluations with equal effects.
    pub fn equivalence_key(&self) -> u32 {
        let insecure = self.insecure.is_some();
        let bits = [
            self.cover.is_some(),
            insecure,
            insecure && self.plain_http_on_80,
            self.transport_decided,
            self.built_in,
            self.blocked.is_some(),
        ];
        bits.iter().fold(u32::from(self.specificity), |number, bit| number << 1 | u32::from(*bit))
    }
}

/// The outcome of a decision, without the deciding entry and the certificate authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub allowed: bool,
    pub verified: bool,
    /// True if plain HTTP may be tried.
    pub plain_http: bool,
    /// True if connections are limited to the resolved addresses of the name.
    pub pinned: bool,
}

/// A resolver of precedence among the groups that match a host, given the most specific first (rules M2, M3, W3, T4).
pub(crate) struct PrecedenceResolver<'a, 'p, 'r> {
    query: &'a Query<'p, 'r>,
    repository: Option<&'a str>,
    evaluation: HostEvaluation<'p>,
    cover: Option<(Specificity, EntryMatch<'p>)>,
    insecure: Option<(Specificity, EntryMatch<'p>)>,
    /// The specificity of the first whitelist entry that names the registry, of whatever namespace.
    whitelist: Option<Specificity>,
}

impl<'a, 'p, 'r> PrecedenceResolver<'a, 'p, 'r> {
    pub fn new(query: &'a Query<'p, 'r>) -> Self {
        let repository = query.reference.repository.as_deref();
        PrecedenceResolver {
            query,
            repository,
            evaluation: HostEvaluation::default(),
            cover: None,
            insecure: None,
            whitelist: None,
        }
    }

    pub fn resolve(mut self, matches: &[GroupMatch<'p>]) -> HostEvaluation<'p> {
        let _ = matches.iter().try_for_each(|found| self.add(*found));
        self.finish()
    }

    /// Adds the next group. Breaks if no less specific group can change the evaluation.
    pub fn add(&mut self, GroupMatch { specificity, group, project }: GroupMatch<'p>) -> ControlFlow<()> {
        if self.can_stop_below(specificity) {
            return ControlFlow::Break(());
        }
        let matched = |row| group.row(row).map(|row| EntryMatch { row, project });
        let insecure_ports = self.query.ports.for_list(EntryList::Insecure);
        if self.insecure.is_none() {
            let row = group.cover(EntryList::Insecure, insecure_ports, None);
            self.insecure = row.and_then(matched).map(|matched| (specificity, matched));
        }
        if self.insecure.is_some_and(|(of, _)| of == specificity) {
            self.evaluation.plain_http_on_80 |= group.has(EntryList::Insecure, &[80, ANY_PORT]);
        }
        let ports = self.query.ports.for_list(EntryList::Whitelist);
        if group.has(EntryList::Whitelist, ports) {
            self.whitelist.get_or_insert(specificity);
            if self.cover.is_none() {
                let row = group.cover(EntryList::Whitelist, ports, self.repository);
                self.cover = row.and_then(matched).map(|matched| (specificity, matched));
            }
        }
        self.evaluation.built_in |= group.has(EntryList::BuiltIn, self.query.ports.for_list(EntryList::BuiltIn));
        ControlFlow::Continue(())
    }

    /// Returns whether the groups so far, all more specific than `specificity`, decide by themselves.
    fn can_stop_below(&self, specificity: Specificity) -> bool {
        let allowed = match self.insecure {
            Some((of, _)) => of > specificity,
            None => self.cover.is_some() && self.whitelist.is_some_and(|of| of > specificity),
        };
        allowed && !self.query.policy.has_built_in()
    }

    pub fn finish(self) -> HostEvaluation<'p> {
        let mut evaluation = self.evaluation;
        evaluation.transport_decided = self.insecure.is_some() || self.whitelist.is_some();
        evaluation.specificity =
            self.insecure.map(|(specificity, _)| specificity).max(self.whitelist).unwrap_or_default();
        evaluation.cover = match (self.cover, self.insecure) {
            (Some((of, matched)), Some((specificity, _))) if of >= specificity => Some(matched),
            (_, Some((_, matched))) => Some(matched),
            (cover, None) => cover.map(|(_, matched)| matched),
        };
        if let Some((specificity, matched)) = self.insecure {
            evaluation.insecure = Some(matched).filter(|_| self.whitelist.is_none_or(|of| specificity >= of));
        }
        evaluation
    }
}

#[cfg(test)]
mod tests;
