//! Classes of names that the same patterns match (rule A3): the cells into which overlapping patterns divide the names
//! below a domain. Each has a name that is in it.

use crate::entry::name_pattern::NamePattern;
use crate::policy::entry_group::{to_u32, to_usize};
use crate::util::string_map::StringMap;

use super::label_cells::{LabelCells, set_key, take_steps};

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
/// name may stand for its cell. `None` if there are more than [`MAX_CELLS`], or if it takes more than `left` steps.
pub(super) fn pattern_cells(
    patterns: &[NamePattern],
    domains: &[&str],
    tries: usize,
    is_free: &dyn Fn(&str) -> bool,
    left: &mut usize,
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
        pattern_count: patterns.len(),
        positions: Vec::new(),
        chosen: Vec::new(),
        tries,
        is_free,
        cells: Vec::new(),
        by_set: StringMap::default(),
        combinations: 0,
        left,
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
        let labels = LabelCells::new(&globs, MAX_CELLS, finder.left)?;
        let mut cells_of = vec![Vec::new(); globs.len()];
        for (number, cell) in (0..).zip(&labels.cells) {
            for glob in &cell.globs {
                cells_of.get_mut(to_usize(*glob)).into_iter().for_each(|cells: &mut Vec<u32>| cells.push(number));
            }
        }
        finder.positions.push(LabelPosition { labels, glob_of, cells_of });
    }
    let all: Vec<u32> = (0..to_u32(sets.len())).collect();
    finder.descend(&all).then_some(finder.cells)
}

/// A search for the sets of patterns that some name matches, label by label from the right.
struct CellFinder<'a> {
    /// The number of patterns; the sets after them are domains.
    pattern_count: usize,
    positions: Vec<LabelPosition>,
    /// The class of labels at each position so far.
    chosen: Vec<usize>,
    tries: usize,
    is_free: &'a dyn Fn(&str) -> bool,
    cells: Vec<PatternCell>,
    by_set: StringMap,
    combinations: usize,
    /// The number of steps that are left.
    left: &'a mut usize,
}

/// The classes of labels at one position.
struct LabelPosition {
    labels: LabelCells,
    /// The glob of each set.
    glob_of: Vec<u32>,
    /// The classes of labels that each glob matches.
    cells_of: Vec<Vec<u32>>,
}

impl CellFinder<'_> {
    /// Tries every class of labels at the next position, with the sets that the labels so far are in. Returns false if
    /// there are too many cells.
    fn descend(&mut self, sets: &[u32]) -> bool {
        let first_domain = to_u32(self.pattern_count);
        if sets.first().is_none_or(|first| *first >= first_domain) {
            return true;
        }
        self.combinations = self.combinations.saturating_add(1);
        if self.combinations > MAX_COMBINATIONS || self.cells.len() > MAX_CELLS {
            return false;
        }
        let Some(LabelPosition { labels, glob_of, cells_of }) = self.positions.get(self.chosen.len()) else {
            // Names below the domains are in other classes.
            return sets.last().is_none_or(|last| *last >= first_domain) || self.add(sets);
        };
        let mut following: Vec<Vec<u32>> = vec![Vec::new(); labels.cells.len()];
        let mut count = labels.cells.len();
        for set in sets {
            let cells = glob_of.get(to_usize(*set)).and_then(|glob| cells_of.get(to_usize(*glob)));
            for cell in cells.into_iter().flatten() {
                following.get_mut(to_usize(*cell)).into_iter().for_each(|inside| inside.push(*set));
                count = count.saturating_add(1);
            }
        }
        if take_steps(self.left, count).is_none() {
            return false;
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

    /// Adds a cell, or a name to one that has none. Returns false if there may be a name that is not known.
    fn add(&mut self, patterns: &[u32]) -> bool {
        let number = to_u32(self.cells.len());
        let position = to_usize(self.by_set.get_or_insert(&set_key(patterns.iter()), number));
        if self.cells.get(position).is_some_and(|cell| cell.host.is_some()) {
            return true;
        }
        let host = self.example();
        if host.is_none() && !self.positions.iter().all(|position| position.labels.has_spare_character()) {
            return false;
        }
        match self.cells.get_mut(position) {
            Some(cell) => cell.host = host,
            None => self.cells.push(PatternCell { patterns: patterns.to_vec(), host }),
        }
        true
    }

    /// Returns a name of the chosen classes of labels that may stand for them.
    fn example(&self) -> Option<String> {
        (0..self.tries).find_map(|number| {
            let mut name = String::new();
            for (LabelPosition { labels, .. }, cell) in self.positions.iter().zip(&self.chosen).rev() {
                let cell = labels.cells.get(*cell)?;
                let label = labels.example(cell, number).or_else(|| labels.example(cell, 0))?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&label);
            }
            (self.is_free)(&name).then_some(name)
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
        let cells =
            pattern_cells(&patterns, &["z.corp.test"], 100, &|name| name != "c.x.corp.test", &mut 1_000_000).unwrap();
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
