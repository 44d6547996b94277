//! The index of patterns (rule M7). A pattern is found by its *shape*: for each of its labels, the number of characters
//! before the first star and after the last one. A name cut down to a shape is the text of the pattern itself, so that
//! one lookup for each shape finds the candidates.
//!
//! Shapes are kept by the last two labels, which have no star: a name of another domain costs one lookup, and the time
//! depends on the number of shapes under the domain, not on the number of entries.

use std::ops::ControlFlow;

use crate::entry::name_pattern::{NamePattern, domain_of};
use crate::policy::index::Specificity;
use crate::util::string_map::StringMap;

/// The specificity of a pattern without literal characters, above that of every wildcard (rule T4).
const MIN_SPECIFICITY: Specificity = 0x100;

/// The patterns of a scope, each with the group of its entries.
#[derive(Debug, Default)]
pub(crate) struct PatternIndex {
    patterns: Vec<(NamePattern, u32)>,
    /// Shapes by the last two labels.
    by_domain: StringMap,
    domains: Vec<Vec<PatternShape>>,
}

/// The patterns of one shape.
#[derive(Debug, Default)]
struct PatternShape {
    /// For each label, the characters before the first star and after the last one; `None` for a label without a star.
    labels: Vec<Option<(usize, usize)>>,
    /// The position in `candidates` by text cut down to the shape.
    by_text: StringMap,
    /// Positions in `PatternIndex::patterns`. Several patterns have one text if they have more than one star in a label.
    candidates: Vec<Vec<u32>>,
}

impl PatternIndex {
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &NamePattern> {
        self.patterns.iter().map(|(pattern, _)| pattern)
    }

    /// Returns the group of a pattern; a new one becomes `next`.
    pub fn group_for(&mut self, pattern: &NamePattern, next: u32) -> u32 {
        if let Some(group) = self.get(pattern) {
            return group;
        }
        let number = u32::try_from(self.patterns.len()).unwrap_or(u32::MAX);
        self.patterns.push((pattern.clone(), next));
        let position = u32::try_from(self.domains.len()).unwrap_or(u32::MAX);
        let position = self.by_domain.get_or_insert(pattern.domain(), position);
        if usize::try_from(position).is_ok_and(|position| position == self.domains.len()) {
            self.domains.push(Vec::new());
        }
        let Some(shapes) = usize::try_from(position).ok().and_then(|position| self.domains.get_mut(position)) else {
            return next;
        };
        let labels: Vec<Option<(usize, usize)>> = pattern.as_str().split('.').map(label_shape).collect();
        let known = shapes.iter().position(|shape| shape.labels == labels).unwrap_or(shapes.len());
        if known == shapes.len() {
            shapes.push(PatternShape { labels, ..PatternShape::default() });
        }
        if let Some(shape) = shapes.get_mut(known)
            && let Some(text) = shape.cut(pattern.as_str())
        {
            let position = u32::try_from(shape.candidates.len()).unwrap_or(u32::MAX);
            let position = usize::try_from(shape.by_text.get_or_insert(&text, position)).unwrap_or(usize::MAX);
            match shape.candidates.get_mut(position) {
                Some(candidates) => candidates.push(number),
                None => shape.candidates.push(vec![number]),
            }
        }
        next
    }

    /// Returns the group of exactly this pattern.
    pub fn get(&self, pattern: &NamePattern) -> Option<u32> {
        self.matching(pattern.as_str()).into_iter().find(|(_, found, _)| *found == pattern).map(|(.., group)| group)
    }

    /// Visits the patterns that match a name, or all names of a pattern, those with more literal characters first, until
    /// the visitor breaks.
    pub fn covering(
        &self,
        name: &str,
        found: &mut dyn FnMut(Specificity, &NamePattern, u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.matching(name).into_iter().try_for_each(|(specificity, pattern, group)| found(specificity, pattern, group))
    }

    /// Returns whether a pattern matches a name.
    pub fn matches(&self, name: &str) -> bool {
        !self.matching(name).is_empty()
    }

    /// Returns the patterns under the same last two labels, with their specificities and groups; `None` if there are more
    /// than `most`.
    pub fn of_domain(&self, name: &str, most: usize) -> Option<impl Iterator<Item = (&NamePattern, Specificity, u32)>> {
        let domain = domain_of(name).unwrap_or(name);
        let candidates = || self.shapes(domain).iter().flat_map(|shape| shape.candidates.iter().flatten());
        let few = candidates().nth(most).is_none();
        let patterns = candidates().filter_map(|number| self.pattern(*number));
        few.then(|| patterns.map(|(pattern, group)| (pattern, specificity(pattern), *group)))
    }

    fn shapes(&self, domain: &str) -> &[PatternShape] {
        let position = self.by_domain.get(domain).and_then(|position| usize::try_from(position).ok());
        position.and_then(|position| self.domains.get(position)).map_or(&[], Vec::as_slice)
    }

    fn pattern(&self, number: u32) -> Option<&(NamePattern, u32)> {
        self.patterns.get(usize::try_from(number).ok()?)
    }

    /// Returns the matching patterns, with their specificities and groups.
    fn matching(&self, name: &str) -> Vec<(Specificity, &NamePattern, u32)> {
        let mut found: Vec<(Specificity, &NamePattern, u32)> = Vec::new();
        let shapes = domain_of(name).map_or(&[][..], |domain| self.shapes(domain));
        for shape in shapes {
            let position = shape.cut(name).and_then(|text| shape.by_text.get(&text));
            let Some(position) = position.and_then(|position| usize::try_from(position).ok()) else { continue };
            for number in shape.candidates.get(position).into_iter().flatten() {
                if let Some((pattern, group)) = self.pattern(*number)
                    && pattern.matches(name)
                {
                    let own = specificity(pattern);
                    let before =
                        |other: &(Specificity, &NamePattern, u32)| other.0 > own || other.0 == own && other.1 < pattern;
                    found.insert(found.partition_point(before), (own, pattern, *group));
                }
            }
        }
        found
    }
}

impl PatternShape {
    /// Returns a name with everything between the literal ends of each label with a star replaced by one star; `None` if
    /// it does not fit.
    fn cut(&self, name: &str) -> Option<String> {
        let mut text = String::with_capacity(name.len());
        let mut labels = name.split('.');
        for shape in &self.labels {
            let label = labels.next()?;
            if !text.is_empty() {
                text.push('.');
            }
            match shape {
                None => text.push_str(label),
                Some((before, after)) => {
                    let end = label.len().checked_sub(*after).filter(|end| end >= before)?;
                    text.push_str(label.get(..*before)?);
                    text.push('*');
                    text.push_str(label.get(end..)?);
                }
            }
        }
        labels.next().is_none().then_some(text)
    }
}

/// Returns the specificity of a pattern: more literal characters before fewer (rule T4).
pub(crate) fn specificity(pattern: &NamePattern) -> Specificity {
    let literals = Specificity::try_from(pattern.literals()).unwrap_or(MIN_SPECIFICITY);
    MIN_SPECIFICITY.saturating_add(literals)
}

fn label_shape(label: &str) -> Option<(usize, usize)> {
    let (before, rest) = label.split_once('*')?;
    Some((before.len(), rest.rsplit('*').next().unwrap_or(rest).len()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(index.of_domain("y.corp.test", 6).unwrap().count(), 6);
        assert_eq!(index.of_domain("corp.test", 6).unwrap().count(), 6);
        assert!(index.of_domain("y.corp.test", 5).is_none());
    }
}
