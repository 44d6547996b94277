//! Classes of labels that the same globs match, each with labels that are in it.
//!
//! The globs run side by side as one automaton. A state is the set of positions that each glob may be at; characters
//! that stand in no glob are alike, so that one stands for all of them.

/// A class of labels that the same globs match.
pub(super) struct LabelCell {
    /// The globs that match, as indices, sorted.
    pub globs: Vec<u32>,
    /// Labels of the class without characters that stand in no glob.
    fixed: Vec<String>,
    /// A label, and the index of a character that stands in no glob: any number of such characters may follow it.
    pumped: Option<(String, usize)>,
}

/// The classes of labels of a set of globs.
pub(super) struct LabelCells {
    pub cells: Vec<LabelCell>,
    /// The characters that stand in no glob.
    other: Vec<u8>,
}

/// Characters of labels; a hyphen stands at no end.
const CHARACTERS: &[u8] = b"rxyzabcdefghijklmnopqstuvw0123456789-";

/// The maximum size of an example. It leaves room for every glob that a label can have.
const MAX_EXAMPLE_BYTES: usize = 63;

/// A word on the way through the automaton.
#[derive(Clone)]
struct Step {
    /// For each glob with a star, the set of positions that it may be at.
    positions: Vec<u128>,
    word: String,
    /// The index of the first character that stands in no glob.
    other: Option<usize>,
}

impl LabelCells {
    /// Returns the classes; `None` if there are more than `most` states.
    pub fn new(globs: &[&str], most: usize) -> Option<Self> {
        let with_star: Vec<(u32, &str)> =
            (0..).zip(globs.iter().copied()).filter(|(_, glob)| glob.contains('*')).collect();
        let used = |character: &&u8| with_star.iter().any(|(_, glob)| glob.as_bytes().contains(character));
        let mut alphabet: Vec<u8> = CHARACTERS.iter().filter(used).copied().collect();
        let is_other = |character: &&u8| **character != b'-' && !used(character);
        let other: Vec<u8> = CHARACTERS.iter().filter(is_other).copied().collect();
        alphabet.extend(other.first());
        let mut cells = LabelCells { cells: Vec::new(), other };
        for literal in globs.iter().filter(|glob| !glob.contains('*')) {
            let matching = (0..).zip(globs).filter(|(_, glob)| crate::entry::name_pattern::glob_matches(glob, literal));
            let step = Step { positions: Vec::new(), word: (*literal).to_owned(), other: None };
            cells.add(matching.map(|(number, _)| number).collect(), &step);
        }
        let start = with_star.iter().map(|(_, glob)| closure(glob, 1)).collect();
        let mut open = vec![Step { positions: start, word: String::new(), other: None }];
        let mut seen: Vec<(Vec<u128>, bool, bool)> = Vec::new();
        let mut next: usize = 0;
        while let Some(step) = open.get(next).cloned() {
            next = next.saturating_add(1);
            let is_label = !step.word.is_empty() && !step.word.ends_with('-') && !step.word.starts_with("xn--");
            if is_label {
                let accepts = with_star
                    .iter()
                    .zip(&step.positions)
                    .filter(|((_, glob), set)| u32::try_from(glob.len()).is_ok_and(|end| has(**set, end)));
                cells.add(accepts.map(|((number, _), _)| *number).collect(), &step);
            }
            for character in &alphabet {
                if step.word.len() >= MAX_EXAMPLE_BYTES || step.word.is_empty() && *character == b'-' {
                    continue;
                }
                let is_other = cells.other.first() == Some(character);
                let positions: Vec<u128> = with_star
                    .iter()
                    .zip(&step.positions)
                    .map(|((_, glob), set)| advance(glob, *set, *character))
                    .collect();
                let other = step.other.or(is_other.then_some(step.word.len()));
                let key = (positions.clone(), *character == b'-', other.is_some());
                if let Err(position) = seen.binary_search(&key) {
                    seen.insert(position, key);
                    let word = format!("{}{}", step.word, char::from(*character));
                    open.push(Step { positions, word, other });
                }
            }
            if open.len() > most {
                return None;
            }
        }
        Some(cells)
    }

    /// Returns an example of a class by number; there may be fewer.
    pub fn example(&self, cell: &LabelCell, number: usize) -> Option<String> {
        let Some((word, position)) = &cell.pumped else { return cell.fixed.get(number).cloned() };
        let (mut front, back) = (word.get(..=*position)?.to_owned(), word.get(position.saturating_add(1)..)?);
        let mut rest = number;
        while let Some(digit) = rest.checked_sub(1) {
            let count = self.other.len().max(1);
            front.push(char::from(*self.other.get(digit.checked_rem(count)?)?));
            rest = digit.checked_div(count)?;
        }
        front.push_str(back);
        Some(front).filter(|label| label.len() <= MAX_EXAMPLE_BYTES)
    }

    /// Adds an example to the class of the labels that these globs match.
    fn add(&mut self, globs: Vec<u32>, example: &Step) {
        let position = self.cells.partition_point(|cell| cell.globs < globs);
        if self.cells.get(position).is_none_or(|cell| cell.globs != globs) {
            self.cells.insert(position, LabelCell { globs, fixed: Vec::new(), pumped: None });
        }
        let Some(cell) = self.cells.get_mut(position) else { return };
        match example.other {
            Some(position) => {
                cell.pumped.get_or_insert_with(|| (example.word.clone(), position));
            }
            None => cell.fixed.push(example.word.clone()),
        }
    }
}

/// Returns whether a set has a position. A glob has fewer than 128: at most 63 characters and a star between any two.
fn has(set: u128, position: u32) -> bool {
    set.wrapping_shr(position) & 1 == 1
}

/// Adds the positions that a glob reaches without a character.
fn closure(glob: &str, mut set: u128) -> u128 {
    for (byte, position) in glob.bytes().zip(0_u32..) {
        if byte == b'*' && has(set, position) {
            set |= 2_u128.wrapping_shl(position);
        }
    }
    set
}

fn advance(glob: &str, set: u128, character: u8) -> u128 {
    let mut next = 0;
    for (byte, position) in glob.bytes().zip(0_u32..).filter(|(_, position)| has(set, *position)) {
        if byte == b'*' {
            next |= 1_u128.wrapping_shl(position);
        } else if byte == character {
            next |= 2_u128.wrapping_shl(position);
        }
    }
    closure(glob, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::name_pattern::glob_matches;

    #[test]
    fn a3_every_class_has_examples_and_every_label_a_class() {
        let globs = ["*", "a*", "*b", "a*b*", "ab", "eu-*", "*-docker", "a*a"];
        let cells = LabelCells::new(&globs, 10_000).unwrap();
        let matching = |label: &str| -> Vec<u32> {
            (0..).zip(globs).filter(|(_, glob)| glob_matches(glob, label)).map(|(number, _)| number).collect()
        };
        for cell in &cells.cells {
            let example = cells.example(cell, 0).unwrap();
            // A label that is a glob itself is in a class of its own.
            assert!(
                matching(&example) == cell.globs || globs.contains(&example.as_str()),
                "{example} {:?}",
                cell.globs
            );
        }
        for label in
            ["ab", "a", "aab", "abb", "b", "z", "eu-b", "eu-x", "a-docker", "ab-docker", "aba", "aa", "eu-docker"]
        {
            assert!(cells.cells.iter().any(|cell| cell.globs == matching(label)), "{label}");
        }
        let all = cells.cells.iter().find(|cell| cell.globs == [0]).unwrap();
        let examples: Vec<String> = (0..100).map(|number| cells.example(all, number).unwrap()).collect();
        assert!(examples.iter().all(|label| matching(label) == [0]), "{examples:?}");
        assert!(LabelCells::new(&globs, 3).is_none());
    }
}
