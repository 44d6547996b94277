//! Classes of names that the same patterns match (rule A3): the cells into which overlapping patterns divide the names
//! below a domain. Each has a name that is in it.

use crate::entry::name_pattern::NamePattern;
use crate::policy::index::{to_u32, to_usize};
use crate::util::string_map::StringMap;

use super::label_cells::{LabelCells, set_key};

/// The maximum number of cells, and of states of an automaton.
pub(super) const MAX_CELLS: usize = 10_000;

/// The maximum number of combinations of labels that are tried.
const MAX_COMBINATIONS: usize = 100_000;

/// Names that the same patterns match.
pub(super) struct PatternCell {
    /// The patterns, as indices, sorted.
    pub patterns: Vec<u32>,
    /// A name of the cell; absent if all of its names are excluded.
    pub host: Option<String>,
}

/// Returns the cells of patterns with equally many labels, without the names below `domains`. `is_free` says whether a
/// name may stand for its cell. `None` if there are more than [`MAX_CELLS`].
pub(super) fn pattern_cells(
    patterns: &[NamePattern],
    domains: &[&str],
    tries: usize,
    is_free: &dyn Fn(&str) -> bool,
) -> Option<Vec<PatternCell>> {
    let count = patterns.first()?.as_str().split('.').count();
    // Reversed, the labels of a domain are the first ones; in front of them is any label.
    let mut sets: Vec<Vec<&str>> = Vec::new();
    for text in patterns.iter().map(NamePattern::as_str).chain(domains.iter().copied()) {
        let mut labels: Vec<&str> = text.rsplit('.').collect();
        labels.resize(count, "*");
        sets.push(labels);
    }
    let mut finder = CellFinder {
        patterns,
        positions: Vec::new(),
        chosen: Vec::new(),
        tries,
        is_free,
        cells: Vec::new(),
        by_set: StringMap::default(),
        combinations: 0,
    };
    for position in 0..count {
        let mut globs: Vec<&str> = Vec::new();
        let mut numbers = StringMap::default();
        let mut glob_of = Vec::new();
        for glob in sets.iter().filter_map(|labels| labels.get(position)) {
            let number = numbers.get_or_insert(glob, to_u32(globs.len()));
            if to_usize(number) == globs.len() {
                globs.push(glob);
            }
            glob_of.push(number);
        }
        finder.positions.push((LabelCells::new(&globs, MAX_CELLS)?, glob_of));
    }
    let all: Vec<u32> = (0..to_u32(sets.len())).collect();
    finder.descend(&all).then_some(finder.cells)
}

/// A search for the sets of patterns that some name matches, label by label from the right.
struct CellFinder<'a> {
    patterns: &'a [NamePattern],
    /// The classes of labels at each position, and the glob of each set there.
    positions: Vec<(LabelCells, Vec<u32>)>,
    /// The class of labels at each position so far.
    chosen: Vec<usize>,
    tries: usize,
    is_free: &'a dyn Fn(&str) -> bool,
    cells: Vec<PatternCell>,
    by_set: StringMap,
    combinations: usize,
}

impl CellFinder<'_> {
    /// Tries every class of labels at the next position, with the sets that the labels so far are in. Returns false if
    /// there are too many cells.
    fn descend(&mut self, sets: &[u32]) -> bool {
        let first_domain = to_u32(self.patterns.len());
        if sets.first().is_none_or(|first| *first >= first_domain) {
            return true;
        }
        self.combinations = self.combinations.saturating_add(1);
        if self.combinations > MAX_COMBINATIONS || self.cells.len() > MAX_CELLS {
            return false;
        }
        let Some((labels, glob_of)) = self.positions.get(self.chosen.len()) else {
            // Names below the domains are in other classes.
            if sets.last().is_some_and(|last| *last < first_domain) {
                self.add(sets);
            }
            return true;
        };
        let mut following: Vec<Vec<u32>> = Vec::new();
        for cell in &labels.cells {
            let mut inside = Vec::new();
            for set in sets {
                if glob_of.get(to_usize(*set)).is_some_and(|glob| cell.globs.binary_search(glob).is_ok()) {
                    inside.push(*set);
                }
            }
            following.push(inside);
        }
        for (number, inside) in following.iter().enumerate() {
            self.chosen.push(number);
            if !self.descend(inside) {
                return false;
            }
            self.chosen.pop();
        }
        true
    }

    /// Adds a cell, or a name to one that has none.
    fn add(&mut self, patterns: &[u32]) {
        let number = to_u32(self.cells.len());
        let position = to_usize(self.by_set.get_or_insert(&set_key(patterns.iter()), number));
        if self.cells.get(position).is_some_and(|cell| cell.host.is_some()) {
            return;
        }
        let host = self.example(patterns);
        match self.cells.get_mut(position) {
            Some(cell) => cell.host = host,
            None => self.cells.push(PatternCell { patterns: patterns.to_vec(), host }),
        }
    }

    /// Returns a name of the chosen classes of labels that may stand for them.
    fn example(&self, patterns: &[u32]) -> Option<String> {
        (0..self.tries).find_map(|number| {
            let mut name = String::new();
            for ((labels, _), cell) in self.positions.iter().zip(&self.chosen).rev() {
                let cell = labels.cells.get(*cell)?;
                let label = labels.example(cell, number).or_else(|| labels.example(cell, 0))?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&label);
            }
            let is_match = |(number, pattern): (u32, &NamePattern)| {
                pattern.matches(&name) == patterns.binary_search(&number).is_ok()
            };
            let is_in_cell = (0..).zip(self.patterns).all(is_match);
            (is_in_cell && (self.is_free)(&name)).then_some(name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a3_cells_are_the_overlaps() {
        let patterns = ["a*.x.corp.test", "*b.x.corp.test", "c.*.corp.test"]
            .map(|text| NamePattern::from_canonical(text.to_owned()));
        let cells = pattern_cells(&patterns, &["z.corp.test"], 100, &|name| name != "c.x.corp.test").unwrap();
        let mut sets: Vec<&[u32]> = cells.iter().map(|cell| &*cell.patterns).collect();
        sets.sort_unstable();
        assert_eq!(sets, [&[0][..], &[0, 1], &[1], &[2]]);
        for cell in &cells {
            let host = cell.host.as_deref().unwrap();
            for (number, pattern) in (0..).zip(&patterns) {
                assert_eq!(pattern.matches(host), cell.patterns.contains(&number), "{host}");
            }
        }
    }
}
