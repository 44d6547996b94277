//! Builds a comparison from the differences of each requester.

use crate::compare::affected_hosts::AffectedHosts;
use crate::compare::describe::{describe_decision, describe_hosts, host_patterns, witness_reference};
use crate::compare::differences::{DecisionDifference, DifferenceFinder, DifferenceKind, Example};
use crate::compare::host_classes::{HostClass, HostSet, host_classes};
use crate::compare::policy_view::PolicyView;
use crate::compare::report::{
    Comparison, ComparisonVerdict, MAX_EXCEPTIONS, MAX_REGIONS, ModeChange, ProjectSet, Region, TruncatedCount, Witness,
};
use crate::compare::requester::Requester;
use crate::compare::subtree_cover::{LabelledSubtree, Labels, minimal_cover};
use crate::decision::{DnsAnswer, LookupKind, Request};
use crate::host::docker_hub;
use crate::policy::Policy;
use crate::reference::Registry;
use crate::util::sort;
use crate::util::string_map::StringMap;

/// The builder of a comparison: the regions and changes of whitelist mode found so far.
pub(super) struct ComparisonBuilder<'p> {
    old: &'p Policy,
    new: &'p Policy,
    modes: Vec<ModeChange>,
    /// The regions, each with the number of requesters that share it.
    regions: Vec<(Region, usize)>,
    /// The index of regions, by all members that regions of several requesters share.
    region_index: StringMap,
    /// False if patterns overlap in too many ways to be told apart (rule A3).
    is_exhaustive: bool,
    /// The number of regions of each kind of change, those over the maximum included.
    counts: Vec<TruncatedCount>,
}

impl<'p> ComparisonBuilder<'p> {
    pub fn new(old: &'p Policy, new: &'p Policy) -> Self {
        Self {
            old,
            new,
            modes: Vec::new(),
            regions: Vec::new(),
            region_index: StringMap::default(),
            counts: Vec::new(),
            is_exhaustive: true,
        }
    }

    /// Adds what differs for one requester between the views of the old policy and the new one.
    pub fn compare_requester(&mut self, views: &[PolicyView<'_>; 2], requester: &Requester) {
        let [old, new] = views;
        self.add_mode_change(views, requester);
        let affected = AffectedHosts::between(old, new);
        if affected.is_empty() {
            return;
        }
        let (classes, is_complete) = host_classes(views, &affected);
        self.is_exhaustive &= is_complete;
        let mut answering = DifferenceFinder::new(views);
        let labels: Vec<(Option<u32>, Labels)> = classes
            .iter()
            .map(|position| {
                let labels = match &position.host {
                    Some(host) => {
                        Labels::Own(answering.examples_for(host).iter().map(|shown| shown.difference).collect())
                    }
                    None => Labels::Inherited,
                };
                (position.parent, labels)
            })
            .collect();
        for part in minimal_cover(labels.into_iter()) {
            let class_at = |node: u32| usize::try_from(node).ok().and_then(|node| classes.get(node));
            let Some((root, host)) = class_at(part.root).and_then(|root| Some((root, root.host.as_ref()?))) else {
                continue;
            };
            let except: Vec<&HostSet> = part.except.iter().filter_map(|node| Some(&class_at(*node)?.set)).collect();
            self.add(&part, root, &except, host, &mut answering, requester);
        }
    }

    /// Returns the comparison of `requesters` requesters.
    pub fn finish(mut self, requesters: usize) -> Comparison {
        for (region, seen) in &mut self.regions {
            if *seen < requesters {
                region.text.push_str(&region.projects.describe());
            }
        }
        let regions: Vec<Region> = sort::sorted(self.regions, |(a, _), (b, _)| a.change.cmp(&b.change))
            .into_iter()
            .map(|(region, _)| region)
            .collect();
        let most = u32::try_from(MAX_REGIONS).unwrap_or(u32::MAX);
        let omitted: Vec<TruncatedCount> = sort::sorted(self.counts, |a, b| a.change.cmp(&b.change))
            .into_iter()
            .filter_map(|counted| {
                Some(TruncatedCount { count: counted.count.checked_sub(most).filter(|count| *count > 0)?, ..counted })
            })
            .collect();
        let resolves = self.new.match_resolved_addresses;
        Comparison {
            exhaustive: self.is_exhaustive,
            verdict: if !self.is_exhaustive {
                ComparisonVerdict::Wider
            } else if regions.is_empty() {
                ComparisonVerdict::Same
            } else if regions.iter().any(Region::is_wider) {
                ComparisonVerdict::Wider
            } else {
                ComparisonVerdict::NotWider
            },
            modes: self.modes,
            match_resolved_addresses: (self.old.match_resolved_addresses != resolves).then_some(resolves),
            regions,
            omitted,
        }
    }

    /// Adds the change of whitelist mode, unless the global change says the same.
    fn add_mode_change(&mut self, views: &[PolicyView<'_>; 2], requester: &Requester) {
        let [before, after] = views.each_ref().map(|view| view.whitelist_mode());
        let is_known = !views.iter().any(|view| view.unknown_project);
        if is_known && before != after && !self.modes.iter().any(|mode| mode.project.is_none() && mode.on == after) {
            self.modes.push(ModeChange { project: requester.project().map(str::to_owned), on: after });
        }
    }

    fn add(
        &mut self,
        part: &LabelledSubtree,
        root: &HostClass,
        except: &[&HostSet],
        host: &Registry<'_>,
        answering: &mut DifferenceFinder<'_, '_>,
        requester: &Requester,
    ) {
        let number = usize::try_from(part.label).unwrap_or(usize::MAX);
        let Some(DecisionDifference { kind, ports, repositories, words }) = answering.differences.get(number) else {
            return;
        };
        let (kind, ports, repositories, words) = (*kind, ports.clone(), repositories.clone(), words.clone());
        let DifferenceKind { change, unverified, by_dns, authorities } = kind;
        let came_and_went = authorities.checked_sub(1).and_then(|position| answering.authorities.get(position));
        let (added, removed) = came_and_went.cloned().unwrap_or_default();
        let what = &root.set;
        let (hosts, except) = host_patterns(root, except);
        let matching = what.matching().to_vec();
        let mut key = format!("{}{words}", DifferenceKind { authorities: 0, ..kind }.ordinal());
        for (texts, mark) in [(&hosts, '+'), (&matching, '&'), (&except, '-'), (&added, '>'), (&removed, '<')] {
            texts.iter().for_each(|text| key.extend([mark].into_iter().chain(text.chars())));
        }
        if matches!(what, HostSet::DockerHub) {
            key.push('!');
        }
        let next = u32::try_from(self.regions.len()).unwrap_or(u32::MAX);
        if let Some(position) = self.region_index.get(&key) {
            let known = usize::try_from(position).ok().and_then(|position| self.regions.get_mut(position));
            if let Some((region, seen)) = known {
                region.projects.add(requester);
                *seen = seen.saturating_add(1);
            }
            return;
        }
        let shown = answering.examples_for(host).iter().find(|shown| shown.difference == part.label);
        let Some((port, repository, answers)) =
            shown.map(|Example { port, repository, answers, .. }| (*port, repository.clone(), answers.clone()))
        else {
            return;
        };
        let counted = match self.counts.iter_mut().find(|counted| counted.change == change) {
            Some(counted) => {
                counted.count = counted.count.saturating_add(1);
                counted.count
            }
            None => {
                self.counts.push(TruncatedCount { change, count: 1 });
                1
            }
        };
        if usize::try_from(counted).is_ok_and(|count| count > MAX_REGIONS) {
            self.region_index.get_or_insert(&key, u32::MAX);
            return;
        }
        self.region_index.get_or_insert(&key, next);
        let mut text = describe_hosts(what, &hosts, &except);
        text.push_str(&words);
        if unverified {
            text.push_str(", without verification");
        }
        if by_dns {
            text.push_str(", depending on DNS");
        }
        let dns_answers = answers.map(|answers| witness_dns_answers(host, &answers, answering)).unwrap_or_default();
        let (reference, kind) = witness_reference(host, port, repository.as_deref());
        let mut witness = Witness {
            reference,
            kind,
            project: requester.project().map(str::to_owned),
            dns_answers,
            before: String::new(),
            after: String::new(),
        };
        let request = Request {
            reference: &witness.reference,
            kind,
            project: requester.project(),
            dns_answers: &witness.dns_answers,
        };
        let (before, after) =
            (describe_decision(&self.old.decide(&request)), describe_decision(&self.new.decide(&request)));
        (witness.before, witness.after) = (before, after);
        let mut projects = ProjectSet::default();
        projects.add(requester);
        let more_except = u32::try_from(except.len().saturating_sub(MAX_EXCEPTIONS)).unwrap_or(u32::MAX);
        let except = except.into_iter().take(MAX_EXCEPTIONS).collect();
        let hub = matches!(what, HostSet::DockerHub);
        self.regions.push((
            Region {
                change,
                text,
                unverified,
                hosts,
                matching,
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

/// Returns the DNS answers under which a host has this difference.
fn witness_dns_answers(
    host: &Registry<'_>,
    answers: &[u32],
    answering: &mut DifferenceFinder<'_, '_>,
) -> Vec<DnsAnswer> {
    let Some(dns) = answering.dns_outcomes(host) else { return Vec::new() };
    let text = |registry: &Registry<'_>| match registry {
        Registry::DockerHub => docker_hub::REGISTRY_HOST.to_owned(),
        Registry::Address(address) => address.to_string(),
        Registry::Name(name) => name.to_string(),
    };
    let hosts = answers.iter().filter_map(|position| dns.hosts.get(usize::try_from(*position).ok()?));
    let answers: Vec<String> = hosts.map(text).collect();
    let subject = text(host);
    match host {
        Registry::Address(_) => {
            let confirmations = answers.iter().map(|name| DnsAnswer {
                kind: LookupKind::Forward,
                subject: name.clone(),
                answers: vec![subject.clone()],
            });
            let confirmations: Vec<DnsAnswer> = confirmations.collect();
            std::iter::once(DnsAnswer { kind: LookupKind::Reverse, subject, answers }).chain(confirmations).collect()
        }
        Registry::DockerHub | Registry::Name(_) => vec![DnsAnswer { kind: LookupKind::Forward, subject, answers }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{ChangeKind, compare};

    #[test]
    fn a1_regions_beyond_the_limit_are_counted() {
        let hosts: Vec<String> = (0..MAX_REGIONS + 5).map(|number| format!(r#""h{number}.test""#)).collect();
        let new = format!(r#"{{"whitelist": [{}]}}"#, hosts.join(","));
        let comparison = compare(r#"{"whitelist": []}"#, &new, 0).unwrap();
        assert_eq!(comparison.regions.len(), MAX_REGIONS);
        assert_eq!(comparison.omitted, [TruncatedCount { change: ChangeKind::NewlyAllowed, count: 5 }]);
    }
}
