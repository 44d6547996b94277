//! Builds a comparison from the differences of each requester.

use crate::compare::affected_hosts::Touched;
use crate::compare::describe::{decision_in_words, hosts_in_words, reference, written};
use crate::compare::differences::{Answering, Difference, How, Shown};
use crate::compare::host_classes::{What, places};
use crate::compare::policy_view::Side;
use crate::compare::report::{MAX_EXCEPTIONS, MAX_REGIONS, Omitted, Projects, Region, Witness};
use crate::compare::requester::Who;
use crate::compare::subtree_cover::{Part, Truths, parts};
use crate::decision::{Fact, QuestionKind, Request};
use crate::host::docker_hub;
use crate::policy::Policy;
use crate::reference::Registry;
use crate::util::string_map::Table;

/// The regions found so far.
pub(super) struct Report<'p> {
    pub old: &'p Policy,
    pub new: &'p Policy,
    /// Each with how many requesters it is about.
    pub regions: Vec<(Region, usize)>,
    /// By everything that regions of several requesters have alike.
    pub places: Table,
    pub counts: Vec<Omitted>,
}

impl Report<'_> {
    pub fn look_at(&mut self, sides: &[Side<'_>; 2], who: &Who) {
        let [old, new] = sides;
        let touched = Touched::of(old, new);
        if touched.is_nothing() {
            return;
        }
        let places = places(sides, &touched);
        let mut answering = Answering::new(sides);
        let truths: Vec<(Option<u32>, Truths)> = places
            .iter()
            .map(|place| {
                let truths = match &place.host {
                    Some(host) => Truths::Are(answering.of(host).iter().map(|shown| shown.difference).collect()),
                    None => Truths::Empty,
                };
                (place.parent, truths)
            })
            .collect();
        for part in parts(truths.into_iter()) {
            let place = |place: u32| usize::try_from(place).ok().and_then(|place| places.get(place));
            let Some((root, host)) = place(part.root).and_then(|root| Some((root, root.host.as_ref()?))) else {
                continue;
            };
            let except: Vec<&What> = part.except.iter().filter_map(|node| Some(&place(*node)?.what)).collect();
            self.add(&part, &root.what, &except, host, &mut answering, who);
        }
    }

    fn add(
        &mut self,
        part: &Part,
        what: &What,
        except: &[&What],
        host: &Registry<'_>,
        answering: &mut Answering<'_, '_>,
        who: &Who,
    ) {
        let number = usize::try_from(part.truth).unwrap_or(usize::MAX);
        let Some(Difference { how, ports, repositories, words }) = answering.differences.get(number) else { return };
        let (how, ports, repositories, words) = (*how, ports.clone(), repositories.clone(), words.clone());
        let How { change, unverified, by_dns, authorities } = how;
        let came_and_went = authorities.checked_sub(1).and_then(|place| answering.authorities.get(place));
        let (added, removed) = came_and_went.cloned().unwrap_or_default();
        let (hosts, except) = written(what, except);
        let mut key = format!("{}{words}", How { authorities: 0, ..how }.number());
        for (texts, mark) in [(&hosts, '+'), (&except, '-'), (&added, '>'), (&removed, '<')] {
            texts.iter().for_each(|text| key.extend([mark].into_iter().chain(text.chars())));
        }
        if matches!(what, What::Hub) {
            key.push('!');
        }
        let next = u32::try_from(self.regions.len()).unwrap_or(u32::MAX);
        if let Some(place) = self.places.get(&key) {
            let known = usize::try_from(place).ok().and_then(|place| self.regions.get_mut(place));
            if let Some((region, seen)) = known {
                region.projects.add(who);
                *seen = seen.saturating_add(1);
            }
            return;
        }
        let shown = answering.of(host).iter().find(|shown| shown.difference == part.truth);
        let Some((port, repository, answers)) =
            shown.map(|Shown { port, repository, answers, .. }| (*port, repository.clone(), answers.clone()))
        else {
            return;
        };
        let counted = match self.counts.iter_mut().find(|counted| counted.change == change) {
            Some(counted) => {
                counted.count = counted.count.saturating_add(1);
                counted.count
            }
            None => {
                self.counts.push(Omitted { change, count: 1 });
                1
            }
        };
        if usize::try_from(counted).is_ok_and(|count| count > MAX_REGIONS) {
            self.places.get_or_insert(&key, u32::MAX);
            return;
        }
        self.places.get_or_insert(&key, next);
        let mut text = hosts_in_words(what, &hosts, &except);
        text.push_str(&words);
        if unverified {
            text.push_str(", without verification");
        }
        if by_dns {
            text.push_str(", depending on DNS");
        }
        let facts = answers.map(|answers| facts(host, &answers, answering)).unwrap_or_default();
        let (reference, kind) = reference(host, port, repository.as_deref());
        let mut witness = Witness {
            reference,
            kind,
            project: who.project().map(str::to_owned),
            facts,
            before: String::new(),
            after: String::new(),
        };
        let request = Request { reference: &witness.reference, kind, project: who.project(), facts: &witness.facts };
        let (before, after) =
            (decision_in_words(&self.old.decide(&request)), decision_in_words(&self.new.decide(&request)));
        (witness.before, witness.after) = (before, after);
        let mut projects = Projects::default();
        projects.add(who);
        let more_except = u32::try_from(except.len().saturating_sub(MAX_EXCEPTIONS)).unwrap_or(u32::MAX);
        let except = except.into_iter().take(MAX_EXCEPTIONS).collect();
        let hub = matches!(what, What::Hub);
        self.regions.push((
            Region {
                change,
                text,
                unverified,
                hosts,
                hub,
                except,
                more_except,
                ports,
                repositories,
                projects,
                added,
                removed,
                witness,
            },
            1,
        ));
    }
}

/// What DNS must say so that a host comes to these answers.
fn facts(host: &Registry<'_>, answers: &[u32], answering: &mut Answering<'_, '_>) -> Vec<Fact> {
    let Some(dns) = answering.dns(host) else { return Vec::new() };
    let text = |registry: &Registry<'_>| match registry {
        Registry::Hub => docker_hub::HOST.to_owned(),
        Registry::Address(address) => address.to_string(),
        Registry::Name(name) => name.to_string(),
    };
    let hosts = answers.iter().filter_map(|place| dns.hosts.get(usize::try_from(*place).ok()?));
    let answers: Vec<String> = hosts.map(text).collect();
    let subject = text(host);
    match host {
        Registry::Address(_) => {
            let confirmations = answers.iter().map(|name| Fact {
                kind: QuestionKind::AddressesOf,
                subject: name.clone(),
                answers: vec![subject.clone()],
            });
            let confirmations: Vec<Fact> = confirmations.collect();
            std::iter::once(Fact { kind: QuestionKind::NamesOf, subject, answers }).chain(confirmations).collect()
        }
        Registry::Hub | Registry::Name(_) => vec![Fact { kind: QuestionKind::AddressesOf, subject, answers }],
    }
}
