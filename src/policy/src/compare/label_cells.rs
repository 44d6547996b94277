//! Classes of labels that the same globs match, each with labels that are in it.
//!
//! The globs run side by side as one deterministic automaton. Characters that stand in no glob are alike, so that one
//! stands for all of them.

use crate::entry::name_pattern::glob_matches;
use crate::policy::entry_group::{to_u32, to_usize};
use crate::util::string_map::StringMap;

/// The classes of labels of a set of globs.
#[derive(Default)]
pub(super) struct LabelCells {
    pub cells: Vec<LabelCell>,
    /// Positions in `cells` by the globs that match.
    by_globs: StringMap,
    /// The globs without a star.
    literals: StringMap,
    /// The characters that stand in no glob with a star.
    other: Vec<u8>,
}

/// A class of labels that the same globs match.
pub(super) struct LabelCell {
    /// The globs that match, as indices, sorted.
    pub globs: Vec<u32>,
    /// Labels of the class without characters that stand in no glob.
    fixed: Vec<String>,
    /// A label, and the index of a character that stands in no glob: any number of such characters may follow it.
    pumped: Option<(String, usize)>,
}

/// Characters of labels; a hyphen stands at no end.
const CHARACTERS: &[u8] = b"rxyzabcdefghijklmnopqstuvw0123456789-";

/// The beginning of A-labels (RFC 5890).
const A_LABEL_PREFIX: &str = "xn--";

/// The maximum size of a label (RFC 1035, section 2.3.4).
const MAX_EXAMPLE_BYTES: usize = 63;

/// A state of the automaton, with a word that leads to it.
#[derive(Clone)]
struct State {
    /// The globs with a star that can still match, as indices among these, each with the position in it.
    positions: Vec<(u32, u32)>,
    word: String,
    /// The index of the first character that stands in no glob.
    other: Option<usize>,
}

impl LabelCells {
    /// Returns the classes; `None` if there are more than `most` globs or states, or if it takes more than `left` steps.
    pub fn new(globs: &[&str], most: usize, left: &mut usize) -> Option<Self> {
        let mut cells = LabelCells::default();
        if globs.len() > most {
            return None;
        }
        let stars: Vec<(u32, &str)> =
            (0..).zip(globs).filter(|(_, glob)| glob.contains('*')).map(|(number, glob)| (number, *glob)).collect();
        for (number, glob) in (0..).zip(globs).filter(|(_, glob)| !glob.contains('*')) {
            take_steps(left, stars.len())?;
            let matching = stars.iter().filter(|(_, other)| glob_matches(other, glob)).map(|(number, _)| *number);
            let mut matching: Vec<u32> = matching.collect();
            matching.insert(matching.partition_point(|other| *other < number), number);
            cells.add(matching, glob, None);
            cells.literals.get_or_insert(glob, number);
        }
        let mut alphabet: Vec<u8> = Vec::new();
        for character in CHARACTERS {
            if stars.iter().any(|(_, glob)| glob.as_bytes().contains(character)) {
                alphabet.push(*character);
            } else if *character != b'-' {
                cells.other.push(*character);
            }
        }
        alphabet.extend(cells.other.first());
        let start = (0..).zip(&stars).map(|(index, (_, glob))| (index, skip_star(glob.as_bytes(), 0))).collect();
        let mut open = vec![State { positions: start, word: String::new(), other: None }];
        let mut seen = StringMap::default();
        let mut next: usize = 0;
        while let Some(state) = open.get(next).cloned() {
            next = next.saturating_add(1);
            let word = state.word.as_str();
            let star = |index: u32| stars.get(to_usize(index));
            if !word.is_empty() && !word.ends_with('-') {
                let mut matching: Vec<u32> = Vec::new();
                for (index, position) in &state.positions {
                    matching.extend(star(*index).filter(|(_, glob)| to_usize(*position) == glob.len()).map(|of| of.0));
                }
                cells.add(matching, word, state.other);
            }
            for character in &alphabet {
                if word.len() >= MAX_EXAMPLE_BYTES || word.is_empty() && *character == b'-' {
                    continue;
                }
                let mut word = state.word.clone();
                word.push(char::from(*character));
                // An A-label is part of no class, since not every one decodes.
                if word == A_LABEL_PREFIX {
                    continue;
                }
                take_steps(left, state.positions.len().saturating_add(1))?;
                let is_other = cells.other.first() == Some(character);
                let other = state.other.or(is_other.then_some(state.word.len()));
                let mut positions: Vec<(u32, u32)> = Vec::with_capacity(state.positions.len());
                for (index, position) in &state.positions {
                    let next = star(*index).and_then(|(_, glob)| advance(glob.as_bytes(), *position, *character));
                    positions.extend(next.map(|next| (*index, next)));
                }
                let beginning = if A_LABEL_PREFIX.starts_with(&word) { to_u32(word.len()) } else { 0 };
                let marks = [u32::from(*character == b'-'), u32::from(other.is_some()), beginning];
                let numbers: Vec<u32> = marks
                    .into_iter()
                    .chain(positions.iter().flat_map(|(index, position)| [*index, *position]))
                    .collect();
                let number = to_u32(open.len());
                if seen.get_or_insert(&set_key(numbers.iter()), number) == number {
                    open.push(State { positions, word, other });
                }
            }
            if open.len() > most {
                return None;
            }
        }
        Some(cells)
    }

    /// Returns whether there is a character that stands in no glob, so that a class without end has examples without end.
    pub fn has_spare_character(&self) -> bool {
        !self.other.is_empty()
    }

    /// Returns an example of a class by number; there may be fewer.
    pub fn example(&self, cell: &LabelCell, number: usize) -> Option<String> {
        let example = match &cell.pumped {
            Some((word, position)) => self.pumped_example(word, *position, number)?,
            None => cell.fixed.get(number)?.clone(),
        };
        // The automaton knows globs with a star only.
        let is_own = |literal: u32| cell.globs.binary_search(&literal).is_ok();
        self.literals.get(&example).is_none_or(is_own).then_some(example)
    }

    fn pumped_example(&self, word: &str, position: usize, number: usize) -> Option<String> {
        let (front, back) = word.split_at_checked(position.saturating_add(1))?;
        let mut example = front.to_owned();
        let mut rest = number;
        while let Some(digit) = rest.checked_sub(1) {
            let count = self.other.len().max(1);
            example.push(char::from(*self.other.get(digit.checked_rem(count)?)?));
            rest = digit.checked_div(count)?;
        }
        example.push_str(back);
        Some(example).filter(|label| label.len() <= MAX_EXAMPLE_BYTES)
    }

    /// Adds an example to the class of the labels that these globs match.
    fn add(&mut self, globs: Vec<u32>, word: &str, other: Option<usize>) {
        let number = to_u32(self.cells.len());
        let position = to_usize(self.by_globs.get_or_insert(&set_key(globs.iter()), number));
        if position == self.cells.len() {
            self.cells.push(LabelCell { globs, fixed: Vec::new(), pumped: None });
        }
        let Some(cell) = self.cells.get_mut(position) else { return };
        match other {
            Some(_) if cell.pumped.is_some() => {}
            Some(position) => cell.pumped = Some((word.to_owned(), position)),
            None => cell.fixed.push(word.to_owned()),
        }
    }
}

/// Returns a set of numbers as the key of a map.
pub(super) fn set_key<'n>(numbers: impl Iterator<Item = &'n u32>) -> String {
    // Beyond the surrogates there are more characters than a policy has entries.
    const FIRST_CHARACTER: u32 = 0x1_0000;
    let mut key = String::new();
    for number in numbers {
        key.push(char::from_u32(number.saturating_add(FIRST_CHARACTER)).unwrap_or_default());
    }
    key
}

/// Returns the position after a star at this one.
fn skip_star(glob: &[u8], position: usize) -> u32 {
    to_u32(position.saturating_add(usize::from(glob.get(position) == Some(&b'*'))))
}

/// Returns the position in a glob after one more character, if it can still match. One position is enough: the last star that was passed
/// absorbs whatever an earlier one could. After it, the position is the longest beginning of the next literal text that
/// the label ends in (Knuth, Morris and Pratt).
fn advance(glob: &[u8], position: u32, character: u8) -> Option<u32> {
    let position = to_usize(position);
    let passed = glob.get(..position)?;
    if glob.get(position) == Some(&character) {
        return Some(skip_star(glob, position.saturating_add(1)));
    }
    let star = passed.iter().rposition(|byte| *byte == b'*')?;
    let start = star.saturating_add(1);
    let literal = glob.get(start..).unwrap_or_default();
    let mut read = passed.get(start..).unwrap_or_default().to_vec();
    read.push(character);
    let mut length = read.len().saturating_sub(1);
    while !literal.get(..length).is_some_and(|beginning| read.ends_with(beginning)) {
        length = length.saturating_sub(1);
    }
    Some(to_u32(start.saturating_add(length)))
}

/// Counts steps; `None` if too few are left.
pub(super) fn take_steps(left: &mut usize, count: usize) -> Option<()> {
    *left = left.checked_sub(count)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a3_every_class_has_examples_and_every_label_a_class() {
        let globs = ["*", "a*", "*b", "a*b*", "ab", "eu-*", "*-docker", "a*a", "*aab*ab"];
        let cells = LabelCells::new(&globs, 10_000, &mut 1_000_000).unwrap();
        let matching = |label: &str| -> Vec<u32> {
            (0..).zip(globs).filter(|(_, glob)| glob_matches(glob, label)).map(|(number, _)| number).collect()
        };
        for cell in &cells.cells {
            // A label that is a glob itself is in a class of its own.
            let Some(example) = cells.example(cell, 0) else {
                assert_eq!(cell.fixed, ["ab"]);
                continue;
            };
            assert_eq!(matching(&example), cell.globs, "{example}");
        }
        for label in [
            "ab",
            "a",
            "aab",
            "abb",
            "b",
            "z",
            "eu-b",
            "eu-x",
            "a-docker",
            "ab-docker",
            "aba",
            "aa",
            "eu-docker",
            "aabab",
            "aaabab",
            "baabab",
            "aabxab",
        ] {
            assert!(cells.cells.iter().any(|cell| cell.globs == matching(label)), "{label}");
        }
        let all = cells.cells.iter().find(|cell| cell.globs == [0]).unwrap();
        let examples: Vec<String> = (0..100).map(|number| cells.example(all, number).unwrap()).collect();
        assert!(examples.iter().all(|label| matching(label) == [0]), "{examples:?}");
        assert!(LabelCells::new(&globs, 3, &mut 1_000_000).is_none());
        assert!(LabelCells::new(&globs, 10_000, &mut 1_000).is_none());
    }

    #[test]
    fn a3_a_labels_hide_no_class() {
        // `xn--a` is no label, and `xn-n--a` is one of the same class.
        let cells = LabelCells::new(&["xn-*", "*n--a"], 10_000, &mut 1_000_000).unwrap();
        assert!(cells.cells.iter().any(|cell| cell.globs == [0, 1]));
        assert!(cells.cells.iter().all(|cell| !cells.example(cell, 0).unwrap().starts_with("xn--")));
    }

    #[test]
    fn a3_automaton_matches_what_the_globs_match() {
        let mut words = vec![String::new()];
        for length in 0..7 {
            let longer: Vec<String> = words.iter().filter(|word| word.len() == length).cloned().collect();
            words.extend(longer.iter().flat_map(|word| ["a", "b", "z"].map(|letter| format!("{word}{letter}"))));
        }
        for glob in ["*", "a*", "*a", "a*a", "*b*", "*aab*ab", "*ab*", "b*a*b", "aa*aa", "*abab"] {
            for word in &words {
                let start = skip_star(glob.as_bytes(), 0);
                let end = word.bytes().try_fold(start, |position, byte| advance(glob.as_bytes(), position, byte));
                assert_eq!(
                    end.is_some_and(|end| to_usize(end) == glob.len()),
                    glob_matches(glob, word),
                    "{glob} {word}"
                );
            }
        }
    }
}
