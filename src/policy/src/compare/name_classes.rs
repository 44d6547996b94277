//! Equivalence classes of names: the tree of names and wildcards, and the cells of patterns beside it.
//!
//! A pattern lies across the tree, so that the names of each cell are a class without a parent, and the classes of the
//! tree leave them out.

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::entry::name_pattern::{NamePattern, domain_of};
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::entry_group::{to_u32, to_usize};
use crate::policy::pattern_index::PatternIndex;
use crate::reference::Registry;
use crate::util::sort;
use crate::util::string_map::StringMap;

use super::affected_hosts::wildcard_key;
use super::host_classes::{HostClass, HostSet};
use super::label_cells::take_steps;
use super::pattern_cells::{MAX_CELLS, PatternCell, pattern_cells};

/// The names, wildcards and patterns of which classes are made.
pub(super) struct NameClasses {
    names: StringMap,
    /// The domains of wildcards, the shorter ones first.
    domains: Vec<Box<str>>,
    patterns: PatternIndex,
    /// The classes of wildcards by domain.
    class_of: StringMap,
    /// The classes of cells, by base domain and patterns.
    cell_of: StringMap,
    /// The number of steps that are left.
    left: usize,
    /// False if there are too many patterns for names and domains, so that no class is made.
    is_bounded: bool,
}

/// The maximum number of steps: comparisons of patterns with names, domains and each other, and moves of automata.
const MAX_STEPS: usize = 20_000_000;

/// The maximum number of names that are tried above the labels that no pattern has.
const MAX_SHALLOW_TRIES: usize = 100;

/// The names of a pattern that are below a domain, as a pattern, and the pattern itself. The former may look like a
/// wildcard: `*.b.example.com` for the names of `*.b*.example.com`.
#[derive(Clone)]
struct OwnPattern {
    inside: NamePattern,
    pattern: NamePattern,
}

impl NameClasses {
    /// Collects names, and wildcards as `*.domain`.
    pub fn new(keys: &StringMap, patterns: PatternIndex) -> Self {
        let mut names = StringMap::default();
        let mut domains: Vec<Box<str>> = Vec::new();
        for key in keys.keys() {
            match key.strip_prefix("*.") {
                Some(domain) => domains.push(domain.into()),
                None => {
                    names.get_or_insert(key, 0);
                }
            }
        }
        let mut left = MAX_STEPS;
        let searches = keys.keys().map(|key| patterns.search_steps(key)).chain([patterns.len()]);
        let comparisons = domains.iter().map(|domain| patterns.count_beside(domain));
        let is_bounded = searches.chain(comparisons).all(|count| take_steps(&mut left, count).is_some());
        // A pattern can have one name below a domain.
        for domain in domains.iter().filter(|_| is_bounded) {
            for_each_below(&patterns, domain, &mut |_, name| {
                if !name.contains('*') {
                    names.get_or_insert(&name, 0);
                }
            });
        }
        // A domain is no longer than those below it.
        let domains = sort::sorted(domains, |a, b| (a.len(), a).cmp(&(b.len(), b)));
        NameClasses {
            names,
            domains,
            patterns,
            class_of: StringMap::default(),
            cell_of: StringMap::default(),
            left,
            is_bounded,
        }
    }

    /// Adds the classes, those of all other names included with `all`. Returns whether these are all.
    pub fn add(mut self, all: bool, classes: &mut Vec<HostClass>) -> bool {
        if !self.is_bounded {
            return false;
        }
        let root = Some(to_u32(classes.len())).filter(|_| all);
        let first = to_u32(classes.len()).saturating_add(u32::from(all));
        for (domain, class) in self.domains.iter().zip(first..) {
            self.class_of.get_or_insert(domain, class);
        }
        if all {
            let readable = &["example.com", "example.net", "example.org", "test", "invalid"];
            let host = candidate_labels(readable, "registry.").find(|name| self.is_free(name, None));
            let mut without = Vec::new();
            for_each_below(&self.patterns, "", &mut |pattern, _| without.push(pattern.as_str().into()));
            classes.push(HostClass { parent: None, host: host.map(name_registry), set: HostSet::EveryName, without });
        }
        let domains = std::mem::take(&mut self.domains);
        for domain in &domains {
            let mut without: Vec<Box<str>> = Vec::new();
            for_each_below(&self.patterns, domain, &mut |pattern, _| without.push(pattern.as_str().into()));
            let host = self.name_below(domain, &without).map(name_registry);
            let set = HostSet::Names(wildcard_key(domain));
            classes.push(HostClass { parent: self.over(domain).or(root), host, set, without });
        }
        let by_suffix = DomainsBySuffix::new(&domains);
        let mut is_complete = self.add_cells(None, &by_suffix, classes);
        for domain in &domains {
            is_complete = is_complete && self.add_cells(Some(domain), &by_suffix, classes);
        }
        for name in self.names.keys() {
            let parent = match self.cell_key(name) {
                Some(key) => self.cell_of.get(&key),
                None => self.over(name).or(root),
            };
            classes.push(HostClass::new(parent, Some(name_registry(name.to_owned())), HostSet::Names(name.into())));
        }
        is_complete
    }

    /// Returns the class of the nearest wildcard over a name or a domain.
    fn over(&self, name: &str) -> Option<u32> {
        self.class_of.get(self.domain_over(name)?)
    }

    fn domain_over<'n>(&self, name: &'n str) -> Option<&'n str> {
        dns_name::parent_domains(name).find(|domain| self.class_of.get(domain).is_some())
    }

    /// Returns whether a name stands for the names below a domain, or for all names, that no pattern matches.
    fn is_free(&self, name: &str, domain: Option<&str>) -> bool {
        self.is_own(name, domain) && !self.patterns.matches(name)
    }

    /// Returns whether a name is below a domain, and neither in a narrower class of the tree nor Docker Hub.
    fn is_own(&self, name: &str, domain: Option<&str>) -> bool {
        name.len() <= dns_name::MAX_NAME_BYTES
            && self.names.get(name).is_none()
            && !docker_hub::is_docker_hub(name, None)
            && self.domain_over(name) == domain
    }

    fn tries(&self) -> usize {
        let taken = self.names.len().saturating_add(self.class_of.len());
        taken.saturating_add(self.patterns.len()).saturating_add(40)
    }

    /// Returns a name below a domain that is in no narrower class. With more labels than any pattern, none matches.
    fn name_below(&self, domain: &str, without: &[Box<str>]) -> Option<String> {
        let labels = without.iter().map(|text| text.split('.').count()).max().unwrap_or_default();
        let deepest = labels.saturating_sub(domain.split('.').count()).saturating_add(1);
        (1..=deepest).find_map(|depth| {
            // With most labels only names of entries and narrower domains are in the way.
            let tries = if depth == deepest { self.tries() } else { self.tries().min(MAX_SHALLOW_TRIES) };
            let candidates = candidate_labels(&["registry", "harbor"], "").take(tries);
            let mut names = candidates.map(|label| format!("{}{domain}", format!("{label}.").repeat(depth)));
            names.find(|name| self.is_free(name, Some(domain)))
        })
    }

    /// Adds the cells of the patterns below a domain, or of those that are below none. Returns false if there are too
    /// many.
    fn add_cells(&mut self, base: Option<&str>, domains: &DomainsBySuffix<'_>, classes: &mut Vec<HostClass>) -> bool {
        // Patterns share names only if they have as many labels and the same last two.
        let mut groups: Vec<(usize, Vec<OwnPattern>)> = Vec::new();
        let (mut seen, mut group_of) = (StringMap::default(), StringMap::default());
        for_each_below(&self.patterns, base.unwrap_or_default(), &mut |pattern, inside| {
            // A pattern that has one name here sets it apart from the cells of others.
            let is_own = self.domain_over(&inside) == base;
            let number = to_u32(seen.len());
            if is_own && seen.get_or_insert(&inside, number) == number {
                let inside = NamePattern::from_canonical(inside);
                let labels = label_count(&inside);
                let key = ".".repeat(labels) + pattern.domain();
                let group = to_usize(group_of.get_or_insert(&key, to_u32(groups.len())));
                if group == groups.len() {
                    groups.push((labels, Vec::new()));
                }
                let own = OwnPattern { inside, pattern: pattern.clone() };
                groups.get_mut(group).into_iter().for_each(|(_, group)| group.push(own.clone()));
            }
        });
        let groups = sort::sorted(groups, |(one, _), (other, _)| one.cmp(other));
        groups.iter().all(|(labels, own)| self.add_cells_of_group(base, own, *labels, domains, classes))
    }

    /// Adds the cells of the patterns with this many labels and the same last two.
    fn add_cells_of_group(
        &mut self,
        base: Option<&str>,
        own: &[OwnPattern],
        labels: usize,
        domains: &DomainsBySuffix<'_>,
        classes: &mut Vec<HostClass>,
    ) -> bool {
        let patterns: Vec<NamePattern> = own.iter().map(|own| own.inside.clone()).collect();
        // A domain across these patterns is below the base and above a name of theirs.
        let depth = base.map_or(0, |base| base.split('.').count());
        let beside = own.first().map(|own| domains.beside(&own.pattern)).unwrap_or_default();
        let domains = if labels > depth.saturating_add(1) { beside } else { &[] };
        let mut left = self.left;
        if take_steps(&mut left, domains.len().saturating_mul(own.len())).is_none() {
            return false;
        }
        let is_across = |domain: &&str| {
            base.is_none_or(|base| is_below(domain, base)) && patterns.iter().any(|own| own.below(domain).is_some())
        };
        let across: Vec<&str> = domains.iter().copied().filter(is_across).collect();
        let is_free = |name: &str| self.is_own(name, base);
        let Some(cells) = pattern_cells(&patterns, &across, self.tries(), &is_free, &mut left) else {
            return false;
        };
        let pairs = cells.iter().map(|cell| cell.patterns.len().saturating_mul(cell.patterns.len()));
        // Each takes memory too.
        let comparisons = pairs.map(|count| count.saturating_mul(4));
        if comparisons
            .chain([cells.len().saturating_mul(across.len())])
            .any(|count| take_steps(&mut left, count).is_none())
        {
            return false;
        }
        // Patterns overlap where a cell has both.
        let mut overlaps: Vec<Vec<u32>> = vec![Vec::new(); own.len()];
        for cell in &cells {
            for number in &cell.patterns {
                overlaps.get_mut(to_usize(*number)).into_iter().for_each(|found| found.extend(&cell.patterns));
            }
        }
        for found in &mut overlaps {
            sort::sort_indices(found, &|a, b| a.cmp(&b));
            found.dedup();
        }
        self.left = left;
        let most = MAX_CELLS.saturating_add(self.class_of.len());
        let fits = classes.len().saturating_add(cells.len()) <= most;
        for cell in cells.iter().filter(|_| fits) {
            self.add_cell(cell, base, own, &overlaps, &across, classes);
        }
        fits
    }

    fn add_cell(
        &mut self,
        cell: &PatternCell,
        base: Option<&str>,
        own: &[OwnPattern],
        overlaps: &[Vec<u32>],
        across: &[&str],
        classes: &mut Vec<HostClass>,
    ) {
        // Names of entries are classes of their own, and may be all that there is.
        let Some(host) = &cell.host else { return };
        let own_at = |number: &u32| own.get(to_usize(*number));
        let ranked = cell.patterns.iter().filter_map(|number| Some((*number, own_at(number)?)));
        let rank = |(_, own): &(u32, &OwnPattern)| (own.inside.literals(), own.inside.clone());
        let Some((number, narrowest)) = ranked.max_by_key(rank) else { return };
        let (mut matching, mut without) = (Vec::new(), Vec::new());
        for number in overlaps.get(to_usize(number)).into_iter().flatten() {
            let Some(other) = own_at(number) else { continue };
            let text = other.pattern.as_str();
            if cell.patterns.binary_search(number).is_err() {
                without.push(text.into());
            } else if !other.inside.matches(narrowest.inside.as_str()) {
                matching.push(text.to_owned());
            }
        }
        if let Some(base) = base.filter(|base| !is_below(narrowest.pattern.as_str(), base)) {
            matching.push(wildcard_key(base).into());
        }
        for domain in across.iter().filter(|domain| narrowest.inside.below(domain).is_some()) {
            without.push(wildcard_key(domain));
        }
        if let Some(key) = self.cell_key(host) {
            self.cell_of.get_or_insert(&key, to_u32(classes.len()));
        }
        let set = HostSet::Cell { pattern: narrowest.pattern.as_str().into(), matching };
        classes.push(HostClass { parent: None, host: Some(name_registry(host.clone())), set, without });
    }

    /// Returns the key of the cell that a name is in; `None` if no pattern matches it.
    fn cell_key(&self, name: &str) -> Option<String> {
        let mut key = String::new();
        let _ = self.patterns.covering(name, &mut |_, pattern, _| {
            key.push_str(pattern.as_str());
            key.push(' ');
            ControlFlow::Continue(())
        });
        let base = self.domain_over(name).unwrap_or_default();
        (!key.is_empty()).then(|| key + base)
    }
}

/// The domains of wildcards by their last two labels, of those with three or more: the others are across no pattern.
struct DomainsBySuffix<'d> {
    groups: Vec<Vec<&'d str>>,
    by_suffix: StringMap,
}

impl<'d> DomainsBySuffix<'d> {
    fn new(domains: &'d [Box<str>]) -> Self {
        let mut sorted = DomainsBySuffix { groups: Vec::new(), by_suffix: StringMap::default() };
        for domain in domains {
            let Some(suffix) = domain_of(domain) else { continue };
            let position = to_usize(sorted.by_suffix.get_or_insert(suffix, to_u32(sorted.groups.len())));
            if position == sorted.groups.len() {
                sorted.groups.push(Vec::new());
            }
            sorted.groups.get_mut(position).into_iter().for_each(|group| group.push(domain));
        }
        sorted
    }

    /// Returns the domains with the last two labels of a pattern.
    fn beside(&self, pattern: &NamePattern) -> &[&'d str] {
        let position = self.by_suffix.get(pattern.domain());
        position.and_then(|position| self.groups.get(to_usize(position))).map_or(&[], Vec::as_slice)
    }
}

fn label_count(pattern: &NamePattern) -> usize {
    pattern.as_str().split('.').count()
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
}

/// Visits the patterns with names below a domain, each with these names: a pattern, or one name. Without a domain, all
/// patterns with all of their names.
fn for_each_below(patterns: &PatternIndex, domain: &str, found: &mut dyn FnMut(&NamePattern, String)) {
    patterns.beside(domain, usize::MAX, &mut |pattern, _| {
        let inside = if domain.is_empty() { Some(pattern.to_string()) } else { pattern.below(domain) };
        if let Some(inside) = inside {
            found(pattern, inside);
        }
    });
}

fn name_registry(name: String) -> Registry<'static> {
    Registry::Name(Cow::Owned(name))
}

/// Returns candidate labels without end, the readable ones first.
fn candidate_labels(first: &'static [&'static str], before: &'static str) -> impl Iterator<Item = String> {
    let letters = (0_u32..).map(|number| {
        let mut label = String::new();
        let mut rest = number;
        loop {
            label.push(char::from(b'a'.saturating_add(u8::try_from(rest % 26).unwrap_or_default())));
            rest /= 26;
            if rest == 0 {
                return label;
            }
            rest = rest.saturating_sub(1);
        }
    });
    first.iter().map(|text| (*text).to_owned()).chain(letters).map(move |text| format!("{before}{text}"))
}

#[cfg(test)]
mod tests {
    use crate::compare::{Comparison, compare};

    fn added(list: &str, entries: &mut dyn Iterator<Item = String>, rest: &str) -> Comparison {
        let entries = entries.map(|text| format!(r#""{text}""#)).collect::<Vec<_>>().join(",");
        compare(&format!("{{{rest}}}"), &format!(r#"{{"{list}":[{entries}],{rest}}}"#), 0).unwrap()
    }

    #[test]
    fn a3_no_class_is_lost_where_patterns_have_every_character() {
        // Of the names of `a*.x.corp.test` the shortest is an entry.
        let mut patterns =
            "abcdefghijklmnopqrstuvwxyz0123456789".chars().map(|letter| format!("{letter}*.x.corp.test"));
        let comparison = added("insecure", &mut patterns, r#""whitelist":["a.x.corp.test"]"#);
        let has = |host: &str| comparison.regions.iter().any(|region| region.hosts == [host]);
        assert!(has("a.x.corp.test") && has("a*.x.corp.test") || !comparison.exhaustive);
    }

    /// Guards against comparing every pattern with every other, which takes quadratic time.
    #[test]
    fn a3_many_patterns() {
        let rest = r#""whitelist":["*.test"]"#;
        let mut disjoint = (0..3_000).map(|number| format!("n{number}x*.y.corp.test"));
        let comparison = added("blocked", &mut disjoint, rest);
        assert_eq!((comparison.exhaustive, comparison.regions.len()), (true, 1_000));
        for pattern in ["*N*.y.corp.test", "*qN.*.rN*.corp.test"] {
            let mut overlapping = (0..3_000).map(|number| pattern.replace('N', &number.to_string()));
            assert!(!added("blocked", &mut overlapping, rest).exhaustive, "{pattern}");
        }
        let mut wildcards = (0..20_000).map(|number| match number % 2 {
            0 => format!("*.n{number}.corp.test"),
            _ => format!("n{number}*.*.corp.test"),
        });
        assert!(!added("blocked", &mut wildcards, rest).exhaustive);
    }
}
