//! Mapping of UTS #46, and Normalization Form C of UAX #15 after it.

use crate::hangul;
use crate::table::{Status, Table};

/// A character and its Canonical_Combining_Class.
type Marked = (char, u8);

/// Maps and normalizes. What is disallowed becomes U+FFFD, and what is to be ignored becomes `ignored`.
pub(crate) fn normal(table: &Table, text: &[char], ignored: Option<char>) -> Vec<char> {
    let mut decomposed = Vec::with_capacity(text.len());
    for character in text {
        let class = table.class(*character);
        match class.status {
            Status::Disallowed => decomposed.push((char::REPLACEMENT_CHARACTER, 0)),
            Status::Ignored => decomposed.extend(ignored.map(|ignored| (ignored, 0))),
            Status::Mapped => {
                table.mapping(*character).iter().for_each(|part| decompose(table, *part, &mut decomposed))
            }
            Status::Valid | Status::Composed => decompose(table, *character, &mut decomposed),
        }
    }
    order(&mut decomposed);
    compose(table, &decomposed)
}

/// Only the first of two parts may be composed in turn.
fn decompose(table: &Table, character: char, decomposed: &mut Vec<Marked>) {
    match hangul::parts(character).or_else(|| table.parts(character)) {
        Some([first, second]) => {
            decompose(table, first, decomposed);
            decomposed.push((second, table.class(second).combining));
        }
        None => decomposed.push((character, table.class(character).combining)),
    }
}

/// Puts marks between other characters in the order of their classes, those of a class as they stand.
fn order(text: &mut [Marked]) {
    for marks in text.chunk_by_mut(|(_, before), (_, after)| *before > 0 && *after > 0) {
        marks.sort_by_key(|(_, class)| *class);
    }
}

fn compose(table: &Table, text: &[Marked]) -> Vec<char> {
    let mut composed: Vec<char> = Vec::with_capacity(text.len());
    // Where the last character is that is no mark, and the class of what last stayed after it.
    let mut starter = None;
    let mut between = None;
    for &(character, class) in text {
        // What stands between blocks, unless its class is lower.
        if between.is_none_or(|between| between < class)
            && let Some(first) = starter.and_then(|at| composed.get_mut(at))
            && let Some(both) = composition(table, [*first, character])
        {
            *first = both;
            continue;
        }
        if class == 0 {
            starter = Some(composed.len());
            between = None;
        } else {
            between = Some(class);
        }
        composed.push(character);
    }
    composed
}

fn composition(table: &Table, parts: [char; 2]) -> Option<char> {
    hangul::composition(parts).or_else(|| table.composition(parts))
}
