//! Decisions (rules M, W, T, J, D).
//!
//! A *standing* is what the entries say of one host. The entries that match without DNS give the first standing; where
//! the policy lets DNS have a say, a second one is made from the facts and ranks behind it (rule T4).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::decision::dns_answers::Dns;
use crate::decision::evaluation::{Scale, Standing, Way};
use crate::decision::nearest;
use crate::decision::query::{Ask, Hit, Match};
use crate::decision::{Allowed, Attempt, Decision, Denial, Denied, Scheme};
use crate::host::docker_hub;
use crate::policy::index::Subject;
use crate::policy::trust_anchors::Authority;
use crate::reference::Registry;
use crate::util::sort;
use crate::util::strings::joined;

impl<'p, 'r> Ask<'p, 'r> {
    pub fn decide(&self) -> Decision<'p> {
        let first = self.standing(self.subject());
        match self.dns(&first) {
            Dns::Silent => self.conclude(&first, Vec::new(), None),
            Dns::Ask(questions) => Decision::Lookup(questions),
            Dns::Said { standing, addresses, outside } => {
                let both = first.before(&standing);
                let mut pinned: Vec<String> = Vec::new();
                if self.pins(&first, &both) {
                    pinned.extend(addresses.iter().map(IpAddr::to_string));
                }
                self.conclude(&both, pinned, outside)
            }
        }
    }

    /// Whether the addresses that DNS gave must be connected to (rule M4): where they allowed it, or let it be insecure.
    pub fn pins(&self, first: &Standing<'p>, both: &Standing<'p>) -> bool {
        let allowed = self.whitelist_mode() && first.cover.is_none() && both.cover.is_some();
        let by_dns = allowed || both.is_insecure();
        by_dns && !matches!(self.subject(), Subject::Address(_))
    }

    /// What the decision comes to, with what DNS adds where it is asked.
    pub fn way(&self, first: &Standing<'p>, dns: Option<&Standing<'p>>) -> Way {
        let both = dns.map_or(*first, |standing| first.before(standing));
        Way {
            allowed: !self.whitelist_mode() || both.cover.is_some(),
            verified: !both.is_insecure(),
            plain: self.attempts(&both).len() > 1,
            pinned: dns.is_some() && self.pins(first, &both),
        }
    }

    /// What the entries that match without DNS say of the registry.
    pub fn first(&self) -> Standing<'p> {
        self.standing(self.subject())
    }

    /// What the entries say of one address of the asked name (rule M4).
    pub fn of_address(&self, address: IpAddr) -> Standing<'p> {
        self.standing(Subject::Address(address))
    }

    /// What the wildcards say of one confirmed name of the asked address (rule M5).
    pub fn of_name(&self, name: &str) -> Standing<'p> {
        Scale::new(self).weigh(&self.gather(|index, found| index.wildcards_over(name, found)))
    }

    /// What the entries that match without DNS say of a host.
    pub fn standing(&self, subject: Subject<'_>) -> Standing<'p> {
        let mut scale = Scale::new(self);
        if self.project.is_some() {
            let matches = self.gather(|index, found| index.covering(subject, found));
            return scale.weigh(&matches);
        }
        let _ = self
            .policy
            .global
            .index
            .covering(subject, &mut |rank, group| scale.add(Match { rank, group, project: None }));
        scale.standing()
    }

    /// All of a standing that a decision shows.
    pub fn outcome(&self, standing: &Standing<'p>) -> (bool, Option<Hit<'p>>, bool, bool) {
        let insecure = standing.is_insecure();
        let allowed = !self.whitelist_mode() || standing.cover.is_some();
        (allowed, self.decider(standing), insecure, insecure && standing.plain_80)
    }

    /// The entry that decided: the insecure one where it decides the transport, otherwise the one that allows.
    fn decider(&self, standing: &Standing<'p>) -> Option<Hit<'p>> {
        if standing.is_insecure() { standing.insecure } else { standing.cover.filter(|_| self.whitelist_mode()) }
    }

    fn conclude(&self, standing: &Standing<'p>, pinned: Vec<String>, outside: Option<IpAddr>) -> Decision<'p> {
        if self.whitelist_mode() && standing.cover.is_none() {
            let registry = self.reference.registry_text();
            let text =
                joined(&["Access denied to unauthorized registry (", &registry, ") while VCH is in whitelist mode"]);
            let nearest = nearest::find(self, outside);
            return Decision::Deny(Denied { reason: Denial::NotWhitelisted, text, nearest });
        }
        let verified = !standing.is_insecure();
        Decision::Allow(Allowed {
            by: self.decider(standing).map(|hit| hit.matched()),
            attempts: self.attempts(standing),
            authorities: if verified { self.fingerprints() } else { Vec::new() },
            pinned,
        })
    }

    fn fingerprints(&self) -> Vec<Cow<'p, str>> {
        self.authorities().map(|authority| Cow::Borrowed(authority.fingerprint.as_str())).collect()
    }

    /// The policy's certificate authorities that may vouch for the registry (rule C1), sorted by fingerprint.
    pub fn authorities(&self) -> impl Iterator<Item = &'p Authority> + use<'p> {
        let anchors = self.policy.authorities();
        let mut found = Vec::new();
        if !anchors.is_empty() {
            self.policy.global.authorities.applying(self.subject(), &self.ports, &mut found);
            if let Some((_, scope)) = self.project {
                scope.authorities.applying(self.subject(), &self.ports, &mut found);
            }
            sort::sort(&mut found, &|a, b| a.cmp(&b));
            found.dedup();
        }
        found.into_iter().filter_map(|place| anchors.get(usize::try_from(place).ok()?))
    }

    /// Rules T1 to T3.
    pub fn attempts(&self, standing: &Standing<'p>) -> Vec<Attempt<'p>> {
        let insecure = standing.is_insecure();
        let host = match self.reference.registry {
            Registry::Hub => Some(Cow::Borrowed(docker_hub::HOST)),
            Registry::Address(_) | Registry::Name(_) => None,
        };
        let plain = match self.reference.port {
            _ if !insecure => None,
            Some(443) => None,
            Some(port) => Some(port),
            None => standing.plain_80.then_some(80),
        };
        let port = self.reference.port.unwrap_or(443);
        let https = Attempt { scheme: Scheme::Https, port, verified: !insecure, host: host.clone() };
        let mut attempts = Vec::with_capacity(2);
        attempts.push(https);
        attempts.extend(plain.map(|port| Attempt { scheme: Scheme::Http, port, verified: false, host }));
        attempts
    }
}

#[cfg(test)]
mod tests;
