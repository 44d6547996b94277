//! Equivalence classes of names: the tree of names and wildcards, and the cells of patterns beside it.
//!
//! A pattern lies across the tree, so that the names of each cell are a class without a parent, and the classes of the
//! tree leave them out.

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::entry::name_pattern::NamePattern;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::pattern_index::PatternIndex;
use crate::reference::Registry;
use crate::util::sort;
use crate::util::string_map::StringMap;

use super::affected_hosts::wildcard_key;
use super::host_classes::{HostClass, HostSet};
use super::pattern_cells::{MAX_CELLS, PatternCell, pattern_cells};

/// The names, wildcards and patterns of which classes are made.
pub(super) struct NameClasses {
    /// Names, and domains of wildcards, the shorter ones first.
    names: Vec<Box<str>>,
    domains: Vec<Box<str>>,
    patterns: PatternIndex,
    /// The classes of names, and of wildcards as `*.domain`.
    class_of: StringMap,
    /// The classes of cells, by base domain and patterns.
    cell_of: StringMap,
    /// The number of comparisons of patterns with domains so far.
    comparisons: usize,
}

/// The maximum number of comparisons of patterns with domains. They are quadratic.
const MAX_COMPARISONS: usize = 20_000_000;

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
        // A pattern can have one name below a domain.
        for domain in &domains {
            for (_, name) in below(&patterns, domain).filter(|(_, name)| !name.contains('*')) {
                names.get_or_insert(&name, 0);
            }
        }
        let by_length = |a: &Box<str>, b: &Box<str>| (a.len(), a).cmp(&(b.len(), b));
        NameClasses {
            names: sort::sorted(names.keys().map(Box::from).collect(), by_length),
            domains: sort::sorted(domains, by_length),
            patterns,
            class_of: StringMap::default(),
            cell_of: StringMap::default(),
            comparisons: 0,
        }
    }

    /// Adds the classes, those of all other names included with `all`. Returns whether these are all.
    pub fn add(mut self, all: bool, classes: &mut Vec<HostClass>) -> bool {
        let root = u32::try_from(classes.len()).ok().filter(|_| all);
        let first = u32::try_from(classes.len()).unwrap_or(u32::MAX).saturating_add(u32::from(all));
        for (domain, class) in self.domains.iter().zip(first..) {
            self.class_of.get_or_insert(&wildcard_key(domain), class);
        }
        // Names count as taken before their classes are there.
        for name in &self.names {
            self.class_of.get_or_insert(name, u32::MAX);
        }
        if all {
            let mut examples =
                candidate_labels(&["example.com", "example.net", "example.org", "test", "invalid"], "registry.");
            let host = examples.find(|name| self.is_free(name, None));
            let without = self.patterns.iter().map(|pattern| pattern.as_str().into()).collect();
            classes.push(HostClass { parent: None, host: host.map(name_registry), set: HostSet::EveryName, without });
        }
        let domains = std::mem::take(&mut self.domains);
        for domain in &domains {
            let without: Vec<Box<str>> =
                below(&self.patterns, domain).map(|(pattern, _)| pattern.as_str().into()).collect();
            let set = HostSet::Names(wildcard_key(domain));
            let host = self.name_below(domain, &without).map(name_registry);
            classes.push(HostClass { parent: self.over(domain).or(root), host, set, without });
        }
        let mut is_complete = self.add_cells(None, &domains, classes);
        for domain in &domains {
            is_complete &= self.add_cells(Some(domain), &domains, classes);
        }
        for name in std::mem::take(&mut self.names) {
            let parent = match self.cell_key(&name) {
                Some(key) => self.cell_of.get(&key),
                None => self.over(&name).or(root),
            };
            let host = Some(name_registry(name.clone().into_string()));
            classes.push(HostClass::new(parent, host, HostSet::Names(name)));
        }
        is_complete
    }

    /// Returns the class of the nearest wildcard over a name or a domain.
    fn over(&self, name: &str) -> Option<u32> {
        self.class_of.get(&wildcard_key(self.domain_over(name)?))
    }

    fn domain_over<'n>(&self, name: &'n str) -> Option<&'n str> {
        dns_name::parent_domains(name).find(|domain| self.class_of.get(&wildcard_key(domain)).is_some())
    }

    /// Returns whether a name stands for the names below a domain, or for all names, that no pattern matches.
    fn is_free(&self, name: &str, domain: Option<&str>) -> bool {
        self.is_own(name, domain) && !self.patterns.matches(name)
    }

    /// Returns whether a name is below a domain, and neither in a narrower class of the tree nor Docker Hub.
    fn is_own(&self, name: &str, domain: Option<&str>) -> bool {
        name.len() <= dns_name::MAX_NAME_BYTES
            && self.class_of.get(name).is_none()
            && !docker_hub::is_docker_hub(name, None)
            && self.domain_over(name) == domain
    }

    fn tries(&self) -> usize {
        self.class_of.len().saturating_add(self.patterns.len()).saturating_add(40)
    }

    /// Returns a name below a domain that is in no narrower class. With more labels than any pattern, none matches.
    fn name_below(&self, domain: &str, without: &[Box<str>]) -> Option<String> {
        let labels = without.iter().map(|text| text.split('.').count()).max().unwrap_or_default();
        let deepest = labels.saturating_sub(domain.split('.').count()).saturating_add(1);
        (1..=deepest).find_map(|depth| {
            let candidates = candidate_labels(&["registry", "harbor"], "").take(self.tries());
            let mut names = candidates.map(|label| format!("{}{domain}", format!("{label}.").repeat(depth)));
            names.find(|name| self.is_free(name, Some(domain)))
        })
    }

    /// Adds the cells of the patterns below a domain, or of those that are below none.
    fn add_cells(&mut self, base: Option<&str>, domains: &[Box<str>], classes: &mut Vec<HostClass>) -> bool {
        // The names of each pattern below the base, as a pattern, with the pattern itself.
        let own: Vec<OwnPattern> = match base {
            Some(domain) => {
                let inside = below(&self.patterns, domain).filter(|(_, text)| text.contains('*'));
                inside.map(|(pattern, text)| (NamePattern::from_canonical(text), pattern.clone())).collect()
            }
            None => self.patterns.iter().map(|pattern| (pattern.clone(), pattern.clone())).collect(),
        };
        let own = own.into_iter().filter(|(inside, _)| self.domain_over(inside.as_str()) == base).collect();
        let mut own = sort::sorted(own, |(a, _), (b, _)| (label_count(a), a).cmp(&(label_count(b), b)));
        own.dedup_by(|(a, _), (b, _)| a == b);
        for own in own.chunk_by(|(a, _), (b, _)| label_count(a) == label_count(b)) {
            let patterns: Vec<NamePattern> = own.iter().map(|(inside, _)| inside.clone()).collect();
            let depth = base.map_or(0, |base| base.split('.').count());
            let labels = own.first().map_or(0, |(inside, _)| label_count(inside));
            // A domain across these patterns is below the base and above a name of theirs.
            let domains = if labels > depth.saturating_add(1) { domains } else { &[] };
            self.comparisons = self.comparisons.saturating_add(domains.len().saturating_mul(own.len()));
            if self.comparisons > MAX_COMPARISONS {
                return false;
            }
            let is_across = |domain: &&str| {
                let is_below =
                    base.is_none_or(|base| domain.strip_suffix(base).is_some_and(|front| front.ends_with('.')));
                is_below && patterns.iter().any(|pattern| pattern.below(domain).is_some())
            };
            let across: Vec<&str> = domains.iter().map(|domain| &**domain).filter(is_across).collect();
            let cells = pattern_cells(&patterns, &across, self.tries(), &|name| self.is_own(name, base));
            let Some(cells) = cells.filter(|cells| classes.len().saturating_add(cells.len()) <= self.most_classes())
            else {
                return false;
            };
            for cell in cells {
                self.add_cell(&cell, base, own, &across, classes);
            }
        }
        true
    }

    /// Returns the number of classes from which cells are too many.
    fn most_classes(&self) -> usize {
        MAX_CELLS.saturating_add(self.class_of.len())
    }

    fn add_cell(
        &mut self,
        cell: &PatternCell,
        base: Option<&str>,
        own: &[OwnPattern],
        across: &[&str],
        classes: &mut Vec<HostClass>,
    ) {
        let is_in = |number: &u32| cell.patterns.binary_search(number).is_ok();
        let numbered = || (0_u32..).zip(own);
        let inside = || numbered().filter(|(number, _)| is_in(number)).map(|(_, own)| own);
        let Some((narrowest, pattern)) = inside().max_by_key(|(inside, _)| (inside.literals(), inside)) else { return };
        let matching = inside().filter(|(other, _)| !other.matches(narrowest.as_str()));
        let is_below = |domain: &&str| !pattern.as_str().ends_with(&format!(".{domain}"));
        let base = base.filter(is_below).map(|domain| String::from(wildcard_key(domain)));
        let matching = matching.map(|(_, pattern)| pattern.to_string()).chain(base);
        let outside = numbered().filter(|(number, (other, _))| !is_in(number) && other.overlaps(narrowest));
        let outside = outside.map(|(_, (_, pattern))| pattern.as_str().into());
        let across =
            across.iter().filter(|domain| narrowest.below(domain).is_some()).map(|domain| wildcard_key(domain));
        let class = HostClass {
            parent: None,
            host: cell.host.clone().map(name_registry),
            set: HostSet::Cell { pattern: pattern.as_str().into(), matching: matching.collect() },
            without: outside.chain(across).collect(),
        };
        if let Some(key) = cell.host.as_deref().and_then(|host| self.cell_key(host)) {
            self.cell_of.get_or_insert(&key, u32::try_from(classes.len()).unwrap_or(u32::MAX));
        }
        classes.push(class);
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

/// The names of a pattern that are below a domain, as a pattern, and the pattern itself. The former may look like a
/// wildcard: `*.b.example.com` for the names of `*.b*.example.com`.
type OwnPattern = (NamePattern, NamePattern);

fn label_count(pattern: &NamePattern) -> usize {
    pattern.as_str().split('.').count()
}

/// Returns the patterns with names below a domain, and these names: a pattern, or one name.
fn below<'i>(patterns: &'i PatternIndex, domain: &'i str) -> impl Iterator<Item = (&'i NamePattern, String)> + 'i {
    let (few, all) = match domain.contains('.') {
        true => (patterns.of_domain(domain, usize::MAX), None),
        false => (None, Some(patterns.iter())),
    };
    let few = few.into_iter().flatten().map(|(pattern, ..)| pattern);
    few.chain(all.into_iter().flatten()).filter_map(move |pattern| Some((pattern, pattern.below(domain)?)))
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
