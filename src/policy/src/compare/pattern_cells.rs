//! Classes of names that the same patterns match (rule A3): the cells into which overlapping patterns divide the names
//! below a domain. Each has a name that is in it.

use crate::entry::name_pattern::NamePattern;

use super::label_cells::LabelCells;

/// The maximum number of cells, and of states on the way to them.
pub(super) const MAX_CELLS: usize = 10_000;

/// The maximum number of ways to a cell that are tried for an example.
const MAX_WAYS: usize = 4;

/// Names that the same patterns match.
pub(super) struct PatternCell {
    /// The patterns, as indices, sorted.
    pub patterns: Vec<u32>,
    /// A name of the cell; absent if all of its names are excluded.
    pub host: Option<String>,
}

/// A set of patterns and the classes of labels at each position that lead to it.
type Way = (Vec<u32>, Vec<usize>);

/// Returns the cells of patterns with equally many labels, without the names below `domains`. `is_free` says whether a
/// name may stand for its cell. `None` if there are more than [`MAX_CELLS`].
pub(super) fn pattern_cells(
    patterns: &[NamePattern],
    domains: &[&str],
    tries: usize,
    is_free: &dyn Fn(&str) -> bool,
) -> Option<Vec<PatternCell>> {
    let Some(count) = patterns.first().map(|pattern| pattern.as_str().split('.').count()) else {
        return Some(Vec::new());
    };
    // The names below a domain, as a pattern with as many labels.
    let below = |domain: &&str| {
        let stars = count.saturating_sub(domain.split('.').count());
        format!("{}{domain}", "*.".repeat(stars))
    };
    let below: Vec<String> = domains.iter().map(below).collect();
    let sets: Vec<Vec<&str>> = patterns
        .iter()
        .map(NamePattern::as_str)
        .chain(below.iter().map(String::as_str))
        .map(|text| text.split('.').collect())
        .collect();
    let first_domain = u32::try_from(patterns.len()).unwrap_or(u32::MAX);
    let mut ways: Vec<Way> = vec![((0..).zip(&sets).map(|(number, _)| number).collect(), Vec::new())];
    let mut positions: Vec<LabelCells> = Vec::new();
    for position in 0..count {
        let glob = |set: &Vec<&'_ str>| -> String { set.get(position).copied().unwrap_or_default().to_owned() };
        let all: Vec<String> = sets.iter().map(glob).collect();
        let mut globs: Vec<&str> = all.iter().map(String::as_str).collect();
        globs = crate::util::sort::sorted(globs, |a, b| a.cmp(b));
        globs.dedup();
        let cells = LabelCells::new(&globs, MAX_CELLS)?;
        let glob_of: Vec<u32> = all
            .iter()
            .map(|glob| {
                globs.binary_search(&glob.as_str()).ok().and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
            })
            .collect();
        let mut next: Vec<Way> = Vec::new();
        for (set, labels) in &ways {
            for (number, cell) in cells.cells.iter().enumerate() {
                let is_in = |set: &&u32| {
                    let glob = usize::try_from(**set).ok().and_then(|set| glob_of.get(set));
                    glob.is_some_and(|glob| cell.globs.binary_search(glob).is_ok())
                };
                let set: Vec<u32> = set.iter().filter(is_in).copied().collect();
                if set.first().is_some_and(|first| *first < first_domain) {
                    next.push((set, labels.iter().copied().chain([number]).collect()));
                }
            }
            if next.len() > MAX_CELLS.saturating_mul(MAX_WAYS) {
                next = distinct(next);
            }
            if next.len() > MAX_CELLS.saturating_mul(MAX_WAYS) {
                return None;
            }
        }
        ways = distinct(next);
        positions.push(cells);
    }
    let mut found: Vec<PatternCell> = Vec::new();
    for (set, labels) in ways.iter().filter(|(set, _)| set.last().is_some_and(|last| *last < first_domain)) {
        let example = || {
            example(&positions, labels, tries, &|name| {
                let is_match = |(number, pattern): (u32, &NamePattern)| {
                    pattern.matches(name) == set.binary_search(&number).is_ok()
                };
                (0..).zip(patterns).all(is_match) && is_free(name)
            })
        };
        match found.last_mut().filter(|last| last.patterns == *set) {
            Some(last) if last.host.is_none() => last.host = example(),
            Some(_) => {}
            None => found.push(PatternCell { patterns: set.clone(), host: example() }),
        }
    }
    (found.len() <= MAX_CELLS).then_some(found)
}

/// Returns the ways sorted, a few of each set.
fn distinct(ways: Vec<Way>) -> Vec<Way> {
    let mut kept: Vec<Way> = Vec::new();
    let mut alike: usize = 0;
    for way in crate::util::sort::sorted(ways, Ord::cmp) {
        alike = if kept.last().is_some_and(|last| last.0 == way.0) { alike.saturating_add(1) } else { 0 };
        if alike < MAX_WAYS {
            kept.push(way);
        }
    }
    kept
}

/// Returns a name from classes of labels that fits.
fn example(positions: &[LabelCells], labels: &[usize], tries: usize, fits: &dyn Fn(&str) -> bool) -> Option<String> {
    (0..tries).find_map(|number| {
        let mut name = String::new();
        for (cells, cell) in positions.iter().zip(labels) {
            let cell = cells.cells.get(*cell)?;
            let label = cells.example(cell, number).or_else(|| cells.example(cell, 0))?;
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&label);
        }
        Some(name).filter(|name| fits(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a3_cells_are_the_overlaps() {
        let patterns = ["a*.x.corp.test", "*b.x.corp.test", "c.*.corp.test"]
            .map(|text| NamePattern::from_canonical(text.to_owned()));
        let cells = pattern_cells(&patterns, &["z.corp.test"], 100, &|name| name != "c.x.corp.test").unwrap();
        let sets: Vec<&[u32]> = cells.iter().map(|cell| &*cell.patterns).collect();
        assert_eq!(sets, [&[0][..], &[0, 1], &[1], &[2]]);
        for cell in &cells {
            let host = cell.host.as_deref().unwrap();
            for (number, pattern) in (0..).zip(&patterns) {
                assert_eq!(pattern.matches(host), cell.patterns.contains(&number), "{host}");
            }
        }
    }
}
