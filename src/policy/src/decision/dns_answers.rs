//! What DNS adds to a decision (rules M4 to M6).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::decision::evaluation::{Scale, Standing};
use crate::decision::query::{Ask, Match, add};
use crate::decision::{Fact, Question, QuestionKind};
use crate::finding::List;
use crate::host;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::index::Subject;

/// What DNS adds.
pub(crate) enum Dns<'p> {
    /// Nothing: the policy does not ask, or nothing it could say matters.
    Silent,
    /// These questions come first.
    Ask(Vec<Question>),
    /// This, by these addresses.
    Said { standing: Standing<'p>, addresses: Vec<IpAddr>, outside: Option<IpAddr> },
}

impl<'p, 'r> Ask<'p, 'r> {
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
    pub fn dns(&self, first: &Standing<'p>) -> Dns<'p> {
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
