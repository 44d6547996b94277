//! Decisions (rules M, W, T, J, D).
//!
//! A *standing* is what the entries say of one host. The entries that match without DNS give the first standing; where
//! the policy lets DNS have a say, a second one is made from the facts and ranks behind it (rule T4).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::decision::nearest;
use crate::decision::{
    Allowed, Answer, Attempt, Decision, Denial, Denied, Fact, Matched, Question, QuestionKind, Request, Scheme,
};
use crate::entry::mask_user_information;
use crate::finding::List;
use crate::host;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::index::{ANY_PORT, Flow, Found, Group, Index, Rank, Row, Subject};
use crate::policy::trust_anchors::Authority;
use crate::policy::{Policy, Scope};
use crate::reference::{Reference, Registry};
use crate::util::sort;
use crate::util::strings::joined;

impl Policy {
    /// Decides one request.
    pub fn decide(&self, request: &Request<'_>) -> Decision<'_> {
        match Reference::read(request.reference, request.kind) {
            Ok(reference) => self.decide_read(&reference, request),
            Err(why) => unreadable(request.reference, &why),
        }
    }

    /// Decides one request; the answer repeats what was asked, as the canonical text shows it (rule D4).
    pub fn answer<'a>(&'a self, request: &Request<'a>) -> Answer<'a> {
        match Reference::read(request.reference, request.kind) {
            Ok(reference) => Answer {
                reference: Cow::Borrowed(request.reference),
                registry: Some(reference.registry_text()),
                decision: self.decide_read(&reference, request),
                repository: reference.repository,
            },
            Err(why) => Answer {
                reference: mask_user_information(request.reference),
                registry: None,
                repository: None,
                decision: unreadable(request.reference, &why),
            },
        }
    }

    fn decide_read(&self, reference: &Reference<'_>, request: &Request<'_>) -> Decision<'_> {
        match self.ask(reference, request) {
            Ok(ask) => ask.decide(),
            Err(text) => Decision::Deny(Denied { reason: Denial::UnknownProject, text, nearest: None }),
        }
    }

    /// A request that was read, with its project; the error says that the project is not there.
    pub(crate) fn ask<'p, 'r>(
        &'p self,
        reference: &'r Reference<'r>,
        request: &Request<'r>,
    ) -> Result<Ask<'p, 'r>, String> {
        let project = match request.project {
            Some(name) if self.has_projects() => {
                Some(self.project(name).ok_or_else(|| format!("the policy has no project `{name}`"))?)
            }
            _ => None,
        };
        Ok(Ask::of(self, project, reference, request.facts))
    }
}

fn unreadable(reference: &str, why: &str) -> Decision<'static> {
    let text = format!("`{}` cannot be read as a reference: {why}", mask_user_information(reference));
    Decision::Deny(Denied { reason: Denial::InvalidReference, text, nearest: None })
}

/// The ports that a reference stands for (rule M2), as entries may have them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    verified: [u16; 2],
    insecure: [u16; 3],
}

impl Ports {
    fn of(reference: &Reference<'_>) -> Self {
        match reference.port {
            Some(port) => Ports { verified: [port, ANY_PORT], insecure: [port, ANY_PORT, ANY_PORT] },
            None => Ports { verified: [443, ANY_PORT], insecure: [443, 80, ANY_PORT] },
        }
    }

    /// Those for an entry of a list: an insecure one stands for plain HTTP too.
    pub fn of_list(&self, list: List) -> &[u16] {
        match list {
            List::Insecure => &self.insecure,
            List::Whitelist | List::BuiltIn => &self.verified,
        }
    }
}

/// A request that was read.
pub(crate) struct Ask<'p, 'r> {
    pub policy: &'p Policy,
    pub project: Option<(&'p str, &'p Scope)>,
    pub reference: &'r Reference<'r>,
    pub ports: Ports,
    pub facts: &'r [Fact],
}

/// An entry that matched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'p> {
    pub row: &'p Row,
    pub project: Option<&'p str>,
}

impl PartialEq for Hit<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.row, other.row)
    }
}

/// A group that is about the asked host.
#[derive(Clone, Copy)]
struct Match<'p> {
    rank: Rank,
    group: Group<'p>,
    project: Option<&'p str>,
}

/// What the entries say of one host.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Standing<'p> {
    /// The entry that covers the reference, in whitelist mode.
    cover: Option<Hit<'p>>,
    /// The insecure entry that decides the transport (rule T4).
    insecure: Option<Hit<'p>>,
    /// Whether the insecure entries for that host cover port 80 (rule T3).
    plain_80: bool,
    /// Whether any entry of the effective whitelist is about the registry, so that the transport is settled.
    settled: bool,
    /// Whether the registry is one of the product's own (rule T5).
    built_in: bool,
    /// How specific the entry is that settles the transport; nothing for a name by its addresses.
    rank: Rank,
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

/// What DNS adds.
enum Dns<'p> {
    /// Nothing: the policy does not ask, or nothing it could say matters.
    Silent,
    /// These questions come first.
    Ask(Vec<Question>),
    /// This, by these addresses.
    Said { standing: Standing<'p>, addresses: Vec<IpAddr>, outside: Option<IpAddr> },
}

impl<'p, 'r> Ask<'p, 'r> {
    pub fn of(
        policy: &'p Policy,
        project: Option<(&'p str, &'p Scope)>,
        reference: &'r Reference<'r>,
        facts: &'r [Fact],
    ) -> Self {
        Ask { policy, project, reference, ports: Ports::of(reference), facts }
    }

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
    fn pins(&self, first: &Standing<'p>, both: &Standing<'p>) -> bool {
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

    /// Whether whitelist mode is on for this request (rules W1, J1).
    pub fn whitelist_mode(&self) -> bool {
        self.policy.global.whitelist || self.project.is_some_and(|(_, scope)| scope.whitelist)
    }

    #[inline(always)]
    pub fn subject(&self) -> Subject<'_> {
        match &self.reference.registry {
            Registry::Hub => Subject::Hub,
            Registry::Address(address) => Subject::Address(*address),
            Registry::Name(name) => Subject::Name(name),
        }
    }

    /// The indexes that count for the request, with the project of each.
    pub fn indexes(&self) -> impl Iterator<Item = (Option<&'p str>, &'p Index)> + use<'p> {
        let project = self.project.map(|(name, scope)| (Some(name), &scope.index));
        std::iter::once((None, &self.policy.global.index)).chain(project)
    }

    /// What the entries that match without DNS say of a host.
    fn standing(&self, subject: Subject<'_>) -> Standing<'p> {
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

    /// Groups of every index, the most specific first, the global ones first among equals.
    fn gather(&self, mut look: impl FnMut(&'p Index, &mut Found<'_, 'p>) -> Flow) -> Vec<Match<'p>> {
        let mut matches = Vec::new();
        for (project, index) in self.indexes() {
            let _ = look(index, &mut |rank, group| {
                add(&mut matches, Match { rank, group, project });
                Flow::Continue(())
            });
        }
        matches
    }

    /// Whether DNS is asked: only where the rest of the policy does not decide (rule M6).
    pub fn asks(&self, first: &Standing<'p>) -> bool {
        if !self.policy.resolves && !matches!(self.subject(), Subject::Address(_)) {
            return false;
        }
        if self.whitelist_mode() && first.cover.is_none() {
            self.reaches(List::Whitelist) || self.reaches(List::Insecure)
        } else if first.settled {
            first.is_insecure() && self.policy.has_built_in() && self.reaches(List::BuiltIn)
        } else {
            !first.built_in && self.reaches(List::Insecure)
        }
    }

    /// Whether DNS could bring an entry of the list to cover the reference.
    pub fn reaches(&self, list: List) -> bool {
        let repository = self.reference.repository.as_deref().filter(|_| list == List::Whitelist);
        self.indexes()
            .any(|(_, index)| index.by_dns(self.subject()).cover(list, self.ports.of_list(list), repository).is_some())
    }

    /// What DNS has to say.
    fn dns(&self, first: &Standing<'p>) -> Dns<'p> {
        if !self.asks(first) {
            return Dns::Silent;
        }
        match self.subject() {
            Subject::Address(address) => self.reverse(first, address),
            Subject::Name(name) => self.resolve(name),
            Subject::Hub => self.resolve(docker_hub::HOST),
        }
    }

    /// Rule M4: a name is covered where all of its addresses are, and insecure only where each of them is.
    fn resolve(&self, name: &str) -> Dns<'p> {
        let Some(answers) = self.fact(QuestionKind::AddressesOf, name) else {
            return Dns::Ask(vec![Question { kind: QuestionKind::AddressesOf, subject: name.to_owned() }]);
        };
        let addresses: Vec<Option<IpAddr>> = sorted(answers.iter().map(|answer| read_address(answer)));
        let standings: Vec<Standing<'p>> = addresses
            .iter()
            .map(|address| address.map_or_else(Standing::default, |address| self.standing(Subject::Address(address))))
            .collect();
        let outside = addresses.iter().zip(&standings).find(|(_, standing)| standing.cover.is_none());
        let standing = standings.iter().copied().reduce(Standing::and_address).unwrap_or_default();
        let outside = outside.and_then(|(address, _)| *address);
        Dns::Said { standing, addresses: addresses.into_iter().flatten().collect(), outside }
    }

    /// Rule M5: an address is covered by a wildcard where a name of it matches and resolves back to it.
    fn reverse(&self, first: &Standing<'p>, address: IpAddr) -> Dns<'p> {
        let subject = address.to_string();
        let Some(answers) = self.fact(QuestionKind::NamesOf, &subject) else {
            return Dns::Ask(vec![Question { kind: QuestionKind::NamesOf, subject }]);
        };
        let names: Vec<String> = sorted(answers.iter().filter_map(|answer| read_name(answer)));
        let mut confirmed: Vec<Match<'p>> = Vec::new();
        let mut unknown: Vec<(String, Vec<Match<'p>>)> = Vec::new();
        for name in names {
            let matches = self.gather(|index, found| index.wildcards_over(&name, found));
            if matches.is_empty() {
                continue;
            }
            match self.fact(QuestionKind::AddressesOf, &name) {
                None => unknown.push((name, matches)),
                Some(answers) if leads_to(answers, address) => {
                    matches.into_iter().for_each(|found| add(&mut confirmed, found))
                }
                Some(_) => {}
            }
        }
        let weigh = |more: &[Match<'p>]| {
            let mut matches = confirmed.clone();
            more.iter().for_each(|found| add(&mut matches, *found));
            Scale::new(self).weigh(&matches)
        };
        let standing = weigh(&[]);
        let known = self.outcome(&first.before(&standing));
        let questions: Vec<Question> = unknown
            .into_iter()
            .filter(|(_, matches)| self.outcome(&first.before(&weigh(matches))) != known)
            .map(|(name, _)| Question { kind: QuestionKind::AddressesOf, subject: name })
            .collect();
        if questions.is_empty() {
            Dns::Said { standing, addresses: Vec::new(), outside: None }
        } else {
            Dns::Ask(questions)
        }
    }

    /// All of a standing that a decision shows.
    fn outcome(&self, standing: &Standing<'p>) -> (bool, Option<Hit<'p>>, bool, bool) {
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
    fn attempts(&self, standing: &Standing<'p>) -> Vec<Attempt<'p>> {
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

    /// The answers to a question, if the request has them.
    pub fn fact(&self, kind: QuestionKind, subject: &str) -> Option<&'r [String]> {
        let asked = |fact: &&Fact| {
            fact.kind == kind
                && match kind {
                    QuestionKind::NamesOf => {
                        read_address(&fact.subject).is_some_and(|address| address.to_string() == subject)
                    }
                    QuestionKind::AddressesOf => {
                        fact.subject == subject || read_name(&fact.subject).is_some_and(|name| name == subject)
                    }
                }
        };
        self.facts.iter().find(asked).map(|fact| &*fact.answers)
    }
}

/// Weighs the groups that are about a host, given the most specific first (rules M2, M3, W3, T4).
struct Scale<'a, 'p, 'r> {
    ask: &'a Ask<'p, 'r>,
    repository: Option<&'a str>,
    standing: Standing<'p>,
    cover: Option<(Rank, Hit<'p>)>,
    insecure: Option<(Rank, Hit<'p>)>,
    /// How specific the first whitelist entry is that is about the registry, whatever its namespace.
    whitelist: Option<Rank>,
}

impl<'a, 'p, 'r> Scale<'a, 'p, 'r> {
    fn new(ask: &'a Ask<'p, 'r>) -> Self {
        let repository = ask.reference.repository.as_deref();
        Scale { ask, repository, standing: Standing::default(), cover: None, insecure: None, whitelist: None }
    }

    fn weigh(mut self, matches: &[Match<'p>]) -> Standing<'p> {
        let _ = matches.iter().try_for_each(|found| self.add(*found));
        self.standing()
    }

    /// Adds the next group. Breaks off where nothing less specific can change the standing.
    fn add(&mut self, Match { rank, group, project }: Match<'p>) -> Flow {
        if self.is_settled_above(rank) {
            return Flow::Break(());
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
        Flow::Continue(())
    }

    /// Whether what was added, all of it more specific than `rank`, decides by itself.
    fn is_settled_above(&self, rank: Rank) -> bool {
        let allowed = match self.insecure {
            Some((of, _)) => of > rank,
            None => self.cover.is_some() && self.whitelist.is_some_and(|of| of > rank),
        };
        allowed && !self.ask.policy.has_built_in()
    }

    fn standing(self) -> Standing<'p> {
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

impl<'p> Standing<'p> {
    /// Whether an entry covers the reference.
    pub fn is_covered(&self) -> bool {
        self.cover.is_some()
    }

    /// Whether the registry is reached unverified.
    fn is_insecure(&self) -> bool {
        self.insecure.is_some() && !self.built_in
    }

    /// This standing first, the other where this one leaves things open (rule T4).
    fn before(&self, other: &Standing<'p>) -> Standing<'p> {
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

impl<'p> Hit<'p> {
    pub fn matched(&self) -> Matched<'p> {
        Matched {
            list: self.row.list,
            index: self.row.position,
            entry: Cow::Borrowed(&self.row.text),
            project: self.project.map(Cow::Borrowed),
        }
    }
}

/// Adds a match behind those that are as specific or more.
fn add<'p>(matches: &mut Vec<Match<'p>>, found: Match<'p>) {
    matches.insert(matches.partition_point(|other| other.rank >= found.rank), found);
}

/// Answers in an order of their own, each once: the order in which DNS gives them says nothing (rule P6).
pub(crate) fn sorted<T: Ord>(answers: impl Iterator<Item = T>) -> Vec<T> {
    let mut sorted = Vec::new();
    for answer in answers {
        if let Err(place) = sorted.binary_search(&answer) {
            sorted.insert(place, answer);
        }
    }
    sorted
}

/// Whether the addresses of a name have this one among them (rule M5).
pub(crate) fn leads_to(answers: &[String], address: IpAddr) -> bool {
    answers.iter().any(|answer| read_address(answer) == Some(address))
}

/// An address as DNS or a person writes it.
pub(crate) fn read_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(host::canonical)
}

/// A name as DNS or a person writes it.
pub(crate) fn read_name(text: &str) -> Option<String> {
    dns_name::normalise(text, text, &mut Vec::new()).map(Cow::into_owned)
}

#[cfg(test)]
mod tests;
