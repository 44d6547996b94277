//! The index of patterns (rule M7). A pattern is found by its *shape*: for each of its labels, the number of characters
//! before the first star and after the last one. A name cut down to a shape is the text of the pattern itself, so that
//! one lookup for each shape finds the candidates.
//!
//! Shapes are kept by the last two labels, which have no star: a name of another domain costs one lookup, and the time
//! depends on the number of shapes under the domain, not on the number of entries.

use std::ops::ControlFlow;

use crate::entry::name_pattern::{NamePattern, domain_of};
use crate::policy::entry_group::{to_u32, to_usize};
use crate::policy::index::Specificity;
use crate::util::string_map::StringMap;

/// The specificity of a pattern without literal characters, above that of every wildcard (rule T4).
const MIN_SPECIFICITY: Specificity = 0x100;

/// The patterns of a scope, each with the group of its entries.
#[derive(Debug, Default)]
pub(crate) struct PatternIndex {
    patterns: Vec<IndexedPattern>,
    /// Positions in `patterns` by text.
    by_text: StringMap,
    /// Positions in `domains` by the last two labels.
    by_domain: StringMap,
    domains: Vec<DomainPatterns>,
}

#[derive(Debug)]
struct IndexedPattern {
    pattern: NamePattern,
    group: u32,
    /// The next pattern with the same text when it is cut down to its shape: both have several stars in a label.
    next: Option<usize>,
}

/// The patterns with the same last two labels.
#[derive(Debug, Default)]
struct DomainPatterns {
    shapes: Vec<PatternShape>,
    /// Positions in `shapes`.
    by_shape: StringMap,
    /// The number of patterns with the same text as another one when they are cut down to their shape.
    alike: usize,
    /// All of them, as positions in `PatternIndex::patterns`.
    patterns: Vec<usize>,
}

/// The patterns of one shape.
#[derive(Debug, Default)]
struct PatternShape {
    /// For each label, the characters before the first star and after the last one; `None` for a label without a star.
    labels: Vec<Option<(usize, usize)>>,
    /// Positions in `PatternIndex::patterns` by text cut down to the shape.
    by_text: StringMap,
}

impl PatternIndex {
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Returns the group of a pattern; a new one becomes `next`.
    pub fn group_for(&mut self, pattern: &NamePattern, next: u32) -> u32 {
        if let Some(group) = self.get(pattern) {
            return group;
        }
        let number = self.patterns.len();
        let position = self.by_domain.get_or_insert(pattern.domain(), to_u32(self.domains.len()));
        if to_usize(position) == self.domains.len() {
            self.domains.push(DomainPatterns::default());
        }
        let mut same_text = None;
        if let Some(domain) = self.domains.get_mut(to_usize(position)) {
            domain.patterns.push(number);
            let known = to_usize(domain.by_shape.get_or_insert(&shape_key(pattern), to_u32(domain.shapes.len())));
            if known == domain.shapes.len() {
                let labels = pattern.as_str().split('.').map(label_shape).collect();
                domain.shapes.push(PatternShape { labels, by_text: StringMap::default() });
            }
            let mut text = String::new();
            if let Some(shape) = domain.shapes.get_mut(known)
                && shape.cut(pattern.as_str(), &mut text)
            {
                let first = to_usize(shape.by_text.get_or_insert(&text, to_u32(number)));
                same_text = Some(first).filter(|first| *first != number);
                domain.alike = domain.alike.saturating_add(usize::from(same_text.is_some()));
            }
        }
        let mut after = None;
        if let Some(first) = same_text.and_then(|first| self.patterns.get_mut(first)) {
            after = first.next.replace(number);
        }
        self.by_text.get_or_insert(pattern.as_str(), to_u32(number));
        self.patterns.push(IndexedPattern { pattern: pattern.clone(), group: next, next: after });
        next
    }

    /// Returns the group of exactly this pattern.
    pub fn get(&self, pattern: &NamePattern) -> Option<u32> {
        let position = to_usize(self.by_text.get(pattern.as_str())?);
        self.patterns.get(position).map(|found| found.group)
    }

    /// Visits the patterns that match a name, or all names of a pattern, those with more literal characters first, until
    /// the visitor breaks.
    pub fn covering(
        &self,
        name: &str,
        found: &mut dyn FnMut(Specificity, &NamePattern, u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for IndexedPattern { pattern, group, .. } in self.matching(name) {
            found(specificity(pattern), pattern, *group)?;
        }
        ControlFlow::Continue(())
    }

    /// Returns whether a pattern matches a name.
    pub fn matches(&self, name: &str) -> bool {
        !self.matching(name).is_empty()
    }

    /// Visits the patterns whose last two labels are those of a name; of a name with one label, all patterns. Returns
    /// false, and visits none, if there are more than `most`.
    pub fn beside<'i>(&'i self, name: &str, most: usize, found: &mut dyn FnMut(&'i NamePattern, u32)) -> bool {
        if self.count_beside(name) > most {
            return false;
        }
        if !name.contains('.') {
            self.patterns.iter().for_each(|indexed| found(&indexed.pattern, indexed.group));
            return true;
        }
        let Some(domain) = self.domain(name) else { return true };
        for indexed in domain.patterns.iter().filter_map(|number| self.patterns.get(*number)) {
            found(&indexed.pattern, indexed.group);
        }
        true
    }

    /// Returns the number of patterns whose last two labels are those of a name; of a name with one label, of all.
    pub fn count_beside(&self, name: &str) -> usize {
        match name.contains('.') {
            true => self.domain(name).map_or(0, |domain| domain.patterns.len()),
            false => self.patterns.len(),
        }
    }

    /// Returns the maximum number of steps that finding the patterns of a name takes: one for each shape, and for each
    /// pattern that shares its text with another one.
    pub fn search_steps(&self, name: &str) -> usize {
        self.domain(name).map_or(0, |domain| domain.shapes.len().saturating_add(domain.alike))
    }

    fn domain(&self, name: &str) -> Option<&DomainPatterns> {
        self.domains.get(to_usize(self.by_domain.get(domain_of(name).unwrap_or(name))?))
    }

    /// Returns the matching patterns, those with more literal characters first.
    fn matching(&self, name: &str) -> Vec<&IndexedPattern> {
        let mut found: Vec<&IndexedPattern> = Vec::new();
        let Some(domain) = self.domain(name) else { return found };
        let mut text = String::with_capacity(name.len());
        for shape in &domain.shapes {
            let first = if shape.cut(name, &mut text) { shape.by_text.get(&text) } else { None };
            let mut next = first.map(to_usize);
            while let Some(indexed) = next.and_then(|next| self.patterns.get(next)) {
                next = indexed.next;
                if indexed.pattern.matches(name) {
                    let rank = |indexed: &IndexedPattern| specificity(&indexed.pattern);
                    let position = found.partition_point(|other| {
                        let (own, other_rank) = (rank(indexed), rank(other));
                        other_rank > own || other_rank == own && other.pattern < indexed.pattern
                    });
                    found.insert(position, indexed);
                }
            }
        }
        found
    }
}

impl PatternShape {
    /// Writes a name with everything between the literal ends of each label with a star replaced by one star. Returns
    /// whether it fits.
    fn cut(&self, name: &str, text: &mut String) -> bool {
        text.clear();
        let mut labels = name.split('.');
        for shape in &self.labels {
            let Some(label) = labels.next() else { return false };
            if !text.is_empty() {
                text.push('.');
            }
            let Some((before, after)) = shape else {
                text.push_str(label);
                continue;
            };
            let end = label.len().checked_sub(*after).filter(|end| end >= before);
            let Some((front, back)) = end.and_then(|end| Some((label.get(..*before)?, label.get(end..)?))) else {
                return false;
            };
            text.push_str(front);
            text.push('*');
            text.push_str(back);
        }
        labels.next().is_none()
    }
}

/// Returns the specificity of a pattern: more literal characters before fewer (rule T4).
pub(crate) fn specificity(pattern: &NamePattern) -> Specificity {
    let literals = Specificity::try_from(pattern.literals()).unwrap_or(MIN_SPECIFICITY);
    MIN_SPECIFICITY.saturating_add(literals)
}

/// Returns the shape of a pattern as the key of a map: two characters for a label with a star, one for another.
fn shape_key(pattern: &NamePattern) -> String {
    let mut key = String::new();
    for label in pattern.as_str().split('.') {
        match label_shape(label) {
            None => key.push('.'),
            // A label has at most 63 literal characters.
            Some((before, after)) => {
                let counts = [before, after].map(|count| u8::try_from(count).unwrap_or(u8::MAX));
                key.extend(counts.map(|count| char::from(count.saturating_add(b'0'))));
            }
        }
    }
    key
}

fn label_shape(label: &str) -> Option<(usize, usize)> {
    let (before, rest) = label.split_once('*')?;
    Some((before.len(), rest.rsplit('*').next().unwrap_or(rest).len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m7_search_steps_count_shapes_and_texts_that_are_alike() {
        let mut index = PatternIndex::default();
        let texts = ["a*.x.corp.test", "b*.x.corp.test", "a*b*.x.corp.test", "*c.x.corp.test", "a*b*c*.x.corp.test"];
        for (text, group) in texts.into_iter().zip(0..) {
            index.group_for(&NamePattern::from_canonical(text.to_owned()), group);
        }
        assert_eq!((index.search_steps("y.corp.test"), index.search_steps("y.corp.net")), (4, 0));
        assert_eq!(
            (index.count_beside("y.corp.test"), index.count_beside("net"), index.count_beside("y.net")),
            (5, 5, 0)
        );
    }

    #[test]
    fn m7_index_finds_what_the_patterns_match() {
        let texts = [
            "a*.x.corp.test",
            "*b.x.corp.test",
            "a*b.x.corp.test",
            "a*c*b.x.corp.test",
            "*.a.*.corp.test",
            "x.*.corp.test",
            "*b.x.corp.net",
        ];
        let patterns = texts.map(|text| NamePattern::from_canonical(text.to_owned()));
        let mut index = PatternIndex::default();
        for (pattern, group) in patterns.iter().zip(0..) {
            assert_eq!((index.group_for(pattern, group), index.group_for(pattern, 99)), (group, group));
        }
        for name in [
            "ab.x.corp.test",
            "acb.x.corp.test",
            "a.x.corp.test",
            "x.x.corp.test",
            "z.a.x.corp.test",
            "b.x.corp.net",
            "corp.test",
            "test",
            "x.corp.test",
            "a*b.x.corp.test",
        ] {
            let mut found = Vec::new();
            let mut last = Specificity::MAX;
            let _ = index.covering(name, &mut |specificity, pattern, group| {
                assert!(specificity <= last && specificity >= MIN_SPECIFICITY, "{name}");
                assert_eq!(patterns[group as usize], *pattern);
                last = specificity;
                found.push(group);
                ControlFlow::Continue(())
            });
            let mut wanted: Vec<u32> =
                patterns.iter().zip(0..).filter(|(pattern, _)| pattern.matches(name)).map(|(_, group)| group).collect();
            found.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{name}");
        }
        let beside = |name: &str, most| {
            let mut count = 0;
            index.beside(name, most, &mut |_, _| count += 1).then_some(count)
        };
        assert_eq!([beside("y.corp.test", 6), beside("corp.test", 6), beside("test", 7)], [Some(6), Some(6), Some(7)]);
        assert_eq!([beside("y.corp.test", 5), beside("test", 6)], [None, None]);
    }
}
