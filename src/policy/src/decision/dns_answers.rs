//! The contribution of DNS to a decision (rules M4 to M6).

use std::net::IpAddr;

use crate::decision::dns_answer_map::{parse_address, parse_name};
use crate::decision::evaluation::{HostEvaluation, PrecedenceResolver};
use crate::decision::query::{EntryMatch, GroupMatch, Query, insert_by_specificity};
use crate::decision::{DnsQuery, LookupKind, MAX_DNS_ANSWERS};
use crate::finding::EntryList;
use crate::host::docker_hub;
use crate::policy::index::HostKey;
use crate::util::sort;

/// The contribution of DNS to a decision.
pub(crate) enum DnsOutcome<'p> {
    /// None: the policy does not use DNS, or no answer could change the decision.
    NotNeeded,
    /// Queries that must be answered first.
    Lookup(Vec<DnsQuery>),
    /// The evaluation of the resolved addresses or names.
    Resolved { evaluation: HostEvaluation<'p>, addresses: Vec<IpAddr>, outside: Option<IpAddr> },
}

impl<'p, 'r> Query<'p, 'r> {
    /// Returns whether DNS is needed: only if the other rules leave the decision open (rule M6).
    pub fn needs_dns(&self, first: &HostEvaluation<'p>) -> bool {
        if !self.policy.match_resolved_addresses && !matches!(self.host_key(), HostKey::Address(_)) {
            return false;
        }
        if first.blocked.is_some() {
            return false;
        }
        if self.whitelist_mode() && first.cover.is_none() {
            self.dns_could_match(EntryList::Whitelist) || self.dns_could_match(EntryList::Insecure)
        } else if self.dns_could_block() {
            true
        } else if first.transport_decided {
            first.is_insecure() && self.policy.has_built_in() && self.dns_could_match(EntryList::BuiltIn)
        } else {
            !first.built_in && self.dns_could_match(EntryList::Insecure)
        }
    }

    /// Returns whether an entry of the list could cover the reference by DNS.
    pub fn dns_could_match(&self, list: EntryList) -> bool {
        let repository = self.reference.repository.as_deref().filter(|_| list == EntryList::Whitelist);
        self.indexes().any(|(_, index)| {
            index.by_dns(self.host_key()).cover(list, self.ports.for_list(list), repository).is_some()
        })
    }

    /// Returns whether a blocked entry could cover an address of the queried name (rule W6).
    pub fn dns_could_block(&self) -> bool {
        self.unknown_address().blocked.is_some()
    }

    /// Returns the evaluation of a name without addresses that are known. With blocked addresses it is denied, since the
    /// client may find other answers.
    pub fn unknown_address(&self) -> HostEvaluation<'p> {
        let policy = self.policy;
        if !policy.has_blocked() || !policy.match_resolved_addresses || matches!(self.host_key(), HostKey::Address(_)) {
            return HostEvaluation::default();
        }
        let repository = Some(self.reference.repository.as_deref().unwrap_or_default());
        let ports = self.ports.for_list(EntryList::Blocked);
        let blocked = self.indexes().find_map(|(project, index)| {
            let group = index.by_dns(self.host_key());
            let row = group.row(group.cover(EntryList::Blocked, ports, repository)?)?;
            Some(EntryMatch { row, project })
        });
        HostEvaluation { blocked, ..HostEvaluation::default() }
    }

    /// Returns the contribution of DNS to the decision.
    pub fn dns_outcome(&self, first: &HostEvaluation<'p>) -> DnsOutcome<'p> {
        if !self.needs_dns(first) {
            return DnsOutcome::NotNeeded;
        }
        match self.host_key() {
            HostKey::Address(address) => self.reverse_outcome(first, address),
            HostKey::Name(name) => self.forward_outcome(name),
            HostKey::DockerHub => self.forward_outcome(docker_hub::REGISTRY_HOST),
        }
    }

    /// Rule M4: a name is covered if all of its addresses are, and insecure only if each of them is.
    fn forward_outcome(&self, name: &str) -> DnsOutcome<'p> {
        let Some(answers) = self.dns_answer(LookupKind::Forward, name) else {
            return DnsOutcome::Lookup(vec![DnsQuery { kind: LookupKind::Forward, subject: name.to_owned() }]);
        };
        let addresses: Vec<Option<IpAddr>> = sorted_unique(answers.iter().map(|answer| parse_address(answer)));
        let evaluations: Vec<HostEvaluation<'p>> = addresses
            .iter()
            .map(|address| address.map_or_else(|| self.unknown_address(), |address| self.evaluate_address(address)))
            .collect();
        let outside = addresses.iter().zip(&evaluations).find(|(_, evaluation)| evaluation.cover.is_none());
        let evaluation = evaluations.iter().copied().reduce(HostEvaluation::intersect_address);
        let evaluation = evaluation.unwrap_or_else(|| self.unknown_address());
        let outside = outside.and_then(|(address, _)| *address);
        DnsOutcome::Resolved { evaluation, addresses: addresses.into_iter().flatten().collect(), outside }
    }

    /// Rule M5: a wildcard covers an address if it matches a name of the address that resolves back to it.
    fn reverse_outcome(&self, first: &HostEvaluation<'p>, address: IpAddr) -> DnsOutcome<'p> {
        let subject = address.to_string();
        let Some(answers) = self.dns_answer(LookupKind::Reverse, &subject) else {
            return DnsOutcome::Lookup(vec![DnsQuery { kind: LookupKind::Reverse, subject }]);
        };
        let names: Vec<String> = sorted_unique(answers.iter().filter_map(|answer| parse_name(answer)));
        let mut confirmed: Vec<GroupMatch<'p>> = Vec::new();
        let mut unknown: Vec<(String, Vec<GroupMatch<'p>>)> = Vec::new();
        let matching = names.into_iter().filter_map(|name| {
            let matches = self.matching_groups(|index, found| index.wildcards_over(&name, found));
            (!matches.is_empty()).then_some((name, matches))
        });
        // A request has room for the answers about this many names, beside those about the address (rule M6).
        for (name, matches) in matching.take(MAX_DNS_ANSWERS.saturating_sub(1)) {
            match self.dns_answer(LookupKind::Forward, &name) {
                None => unknown.push((name, matches)),
                Some(answers) if resolves_to(answers, address) => {
                    matches.into_iter().for_each(|found| insert_by_specificity(&mut confirmed, found))
                }
                Some(_) => {}
            }
        }
        let resolve = |more: &[GroupMatch<'p>]| {
            let mut matches = confirmed.clone();
            more.iter().for_each(|found| insert_by_specificity(&mut matches, *found));
            PrecedenceResolver::new(self).resolve(&matches)
        };
        let evaluation = resolve(&[]);
        let known = self.visible_outcome(&first.or_else(&evaluation));
        let queries: Vec<DnsQuery> = unknown
            .into_iter()
            .filter(|(_, matches)| self.visible_outcome(&first.or_else(&resolve(matches))) != known)
            .map(|(name, _)| DnsQuery { kind: LookupKind::Forward, subject: name })
            .collect();
        if queries.is_empty() {
            DnsOutcome::Resolved { evaluation, addresses: Vec::new(), outside: None }
        } else {
            DnsOutcome::Lookup(queries)
        }
    }

    /// Returns the known answer to a DNS query, if the request has it.
    pub fn dns_answer(&self, kind: LookupKind, subject: &str) -> Option<&'r [String]> {
        self.dns_answers.get(kind, subject)
    }
}

/// Returns DNS answers sorted and deduplicated, because their order has no meaning (rule P6).
pub(crate) fn sorted_unique<T: Ord>(answers: impl Iterator<Item = T>) -> Vec<T> {
    let mut sorted = sort::sorted(answers.collect(), Ord::cmp);
    sorted.dedup();
    sorted
}

/// Returns whether the addresses of a name include this one (rule M5).
pub(crate) fn resolves_to(answers: &[String], address: IpAddr) -> bool {
    answers.iter().any(|answer| parse_address(answer) == Some(address))
}

#[cfg(test)]
mod tests;
