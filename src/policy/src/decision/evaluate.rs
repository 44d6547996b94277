//! The decision procedure (rules M, W, T, J, D).
//!
//! A *host evaluation* is the result of all entries that match one host. A second evaluation is made from DNS answers,
//! with lower precedence (rule T4).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::decision::dns_answers::DnsOutcome;
use crate::decision::evaluation::{HostEvaluation, Outcome, PrecedenceResolver};
use crate::decision::nearest;
use crate::decision::query::{EntryMatch, GroupMatch, Query};
use crate::decision::{Allow, Attempt, Decision, DenialReason, Deny, Scheme};
use crate::finding::EntryList;
use crate::host::docker_hub;
use crate::policy::index::HostKey;
use crate::policy::trust_anchors::TrustAnchor;
use crate::reference::Registry;
use crate::util::sort;
use crate::util::strings::concat;

impl<'p, 'r> Query<'p, 'r> {
    pub fn decide(&self) -> Decision<'p> {
        let first = self.evaluate_host(self.host_key());
        match self.dns_outcome(&first) {
            DnsOutcome::NotNeeded => self.to_decision(&first, Vec::new(), None, ""),
            DnsOutcome::Lookup(queries) => Decision::Lookup(queries),
            DnsOutcome::Resolved { evaluation, addresses, outside } => {
                let both = first.or_else(&evaluation);
                let mut pinned: Vec<String> = Vec::new();
                if self.must_pin(&first, &both) {
                    pinned.extend(addresses.iter().map(IpAddr::to_string));
                }
                let why_blocked = match addresses.as_slice() {
                    [] => ", and no address of the name is known",
                    _ => ", and covers an address of the name",
                };
                self.to_decision(&both, pinned, outside, why_blocked)
            }
        }
    }

    /// Returns whether connections are limited to the resolved addresses (rule M4): if the addresses are the reason for
    /// the decision to allow, or to skip verification, or if others could be blocked (rule W6).
    pub fn must_pin(&self, first: &HostEvaluation<'p>, both: &HostEvaluation<'p>) -> bool {
        let allowed = self.whitelist_mode() && first.cover.is_none() && both.cover.is_some();
        let by_dns = allowed || both.is_insecure() || self.dns_could_block();
        by_dns && !matches!(self.host_key(), HostKey::Address(_))
    }

    /// Returns the outcome of a decision, with the DNS evaluation if there is one.
    pub fn decision_outcome(&self, first: &HostEvaluation<'p>, dns: Option<&HostEvaluation<'p>>) -> Outcome {
        let both = dns.map_or(*first, |evaluation| first.or_else(evaluation));
        Outcome {
            allowed: both.blocked.is_none() && (!self.whitelist_mode() || both.cover.is_some()),
            verified: !both.is_insecure(),
            plain_http: self.plain_http_port(&both).is_some(),
            pinned: dns.is_some() && self.must_pin(first, &both),
        }
    }

    /// Evaluates the entries that match the registry without DNS.
    pub fn direct_evaluation(&self) -> HostEvaluation<'p> {
        self.evaluate_host(self.host_key())
    }

    /// Evaluates the entries that match one address of the queried name (rule M4).
    pub fn evaluate_address(&self, address: IpAddr) -> HostEvaluation<'p> {
        self.evaluate_host(HostKey::Address(address))
    }

    /// Evaluates the wildcards that match one forward-confirmed name of the queried address (rule M5).
    pub fn evaluate_name(&self, name: &str) -> HostEvaluation<'p> {
        PrecedenceResolver::new(self).resolve(&self.matching_groups(|index, found| index.wildcards_over(name, found)))
    }

    /// Evaluates the entries that match a host without DNS.
    pub fn evaluate_host(&self, key: HostKey<'_>) -> HostEvaluation<'p> {
        let mut evaluation = self.evaluate_lists(key);
        if self.policy.has_blocked() {
            evaluation.blocked = self.blocking_entry(key);
        }
        evaluation
    }

    /// Returns the blocked entry that covers the reference at a host, the most specific one (rule W6). A login is blocked
    /// by an entry without a namespace.
    fn blocking_entry(&self, key: HostKey<'_>) -> Option<EntryMatch<'p>> {
        let repository = Some(self.reference.repository.as_deref().unwrap_or_default());
        let ports = self.ports.for_list(EntryList::Blocked);
        let matches = self.matching_groups(|index, found| index.covering(key, found));
        matches.iter().find_map(|found| {
            let row = found.group.cover(EntryList::Blocked, ports, repository)?;
            Some(EntryMatch { row: found.group.row(row)?, project: found.project })
        })
    }

    /// Evaluates the whitelist, the insecure and the built-in entries that match a host without DNS.
    fn evaluate_lists(&self, key: HostKey<'_>) -> HostEvaluation<'p> {
        let mut resolver = PrecedenceResolver::new(self);
        if self.project.is_some() {
            let matches = self.matching_groups(|index, found| index.covering(key, found));
            return resolver.resolve(&matches);
        }
        let _ =
            self.policy.global.index.covering(key, &mut |specificity, group| {
                resolver.add(GroupMatch { specificity, group, project: None })
            });
        resolver.finish()
    }

    /// Returns the parts of an evaluation that a decision shows. In whitelist mode no deciding entry is a denial.
    pub fn visible_outcome(&self, evaluation: &HostEvaluation<'p>) -> (Option<EntryMatch<'p>>, bool, Option<u16>) {
        (self.deciding_entry(evaluation), evaluation.is_insecure(), self.plain_http_port(evaluation))
    }

    /// Returns the deciding entry: the insecure one if it decides the transport, otherwise the one that allows.
    fn deciding_entry(&self, evaluation: &HostEvaluation<'p>) -> Option<EntryMatch<'p>> {
        if evaluation.is_insecure() { evaluation.insecure } else { evaluation.cover.filter(|_| self.whitelist_mode()) }
    }

    fn to_decision(
        &self,
        evaluation: &HostEvaluation<'p>,
        pinned: Vec<String>,
        outside: Option<IpAddr>,
        why_blocked: &str,
    ) -> Decision<'p> {
        if let Some(blocked) = evaluation.blocked {
            return Decision::Deny(self.blocked_denial(blocked, why_blocked));
        }
        if self.whitelist_mode() && evaluation.cover.is_none() {
            let registry = self.reference.registry_text();
            let text = concat(&["access to registry `", &registry, "` is denied: no entry of the whitelist covers it"]);
            let nearest = nearest::find_nearest(self, outside);
            return Decision::Deny(Deny { reason: DenialReason::NotWhitelisted, text, by: None, nearest });
        }
        let verified = !evaluation.is_insecure();
        Decision::Allow(Allow {
            by: self.deciding_entry(evaluation).map(|matched| matched.matched_entry()),
            attempts: self.attempts(evaluation),
            authorities: if verified { self.fingerprints() } else { Vec::new() },
            pinned,
        })
    }

    /// Rule W6.
    fn blocked_denial(&self, blocked: EntryMatch<'p>, why: &str) -> Deny<'p> {
        let registry = self.reference.registry_text();
        let text =
            concat(&["access to registry `", &registry, "` is denied: `", &blocked.row.text, "` is blocked", why]);
        Deny { reason: DenialReason::Blocked, text, by: Some(blocked.matched_entry()), nearest: None }
    }

    fn fingerprints(&self) -> Vec<Cow<'p, str>> {
        self.trust_anchors().map(|authority| Cow::Borrowed(authority.fingerprint.as_str())).collect()
    }

    /// Returns the policy's trust anchors that apply to the registry (rule C1), sorted by fingerprint.
    pub fn trust_anchors(&self) -> impl Iterator<Item = &'p TrustAnchor> + use<'p> {
        let anchors = self.policy.authorities();
        let mut found = Vec::new();
        if !anchors.is_empty() {
            self.policy.global.authorities.anchors_for(self.host_key(), &self.ports, &mut found);
            if let Some((_, scope)) = self.project {
                scope.authorities.anchors_for(self.host_key(), &self.ports, &mut found);
            }
            sort::sort_indices(&mut found, &|a, b| a.cmp(&b));
            found.dedup();
        }
        found.into_iter().filter_map(|position| anchors.get(usize::try_from(position).ok()?))
    }

    /// Rules T2 and T3: returns the port on which plain HTTP is tried, if it is.
    fn plain_http_port(&self, evaluation: &HostEvaluation<'p>) -> Option<u16> {
        match self.reference.port {
            _ if !evaluation.is_insecure() => None,
            Some(443) => None,
            Some(port) => Some(port),
            None => evaluation.plain_http_on_80.then_some(80),
        }
    }

    /// Rules T1 to T3: returns the connection attempts, in order.
    pub fn attempts(&self, evaluation: &HostEvaluation<'p>) -> Vec<Attempt<'p>> {
        let insecure = evaluation.is_insecure();
        let host = match self.reference.registry {
            Registry::DockerHub => Some(Cow::Borrowed(docker_hub::REGISTRY_HOST)),
            Registry::Address(_) | Registry::Name(_) => None,
        };
        let plain = self.plain_http_port(evaluation);
        let port = self.reference.port.unwrap_or(443);
        let https = Attempt { scheme: Scheme::Https, port, verified: !insecure, host: host.clone() };
        let mut attempts = Vec::with_capacity(2);
        attempts.push(https);
        attempts.extend(plain.map(|port| Attempt { scheme: Scheme::Http, port, verified: false, host }));
        attempts
    }
}

#[cfg(test)]
pub(crate) mod tests;
