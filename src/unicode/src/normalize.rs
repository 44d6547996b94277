//! Mapping by UTS #46, and Normalization Form C of UAX #15 after it.

use crate::hangul;
use crate::unicode_data::{MappingStatus, UnicodeData};

/// A character and its Canonical_Combining_Class.
type CharacterAndClass = (char, u8);

/// Maps and normalizes. Disallowed characters become U+FFFD, and ignored ones become `ignored`.
pub(crate) fn normalize(text: &[char], ignored: Option<char>) -> Vec<char> {
    let data = UnicodeData::get();
    let mut decomposed = Vec::with_capacity(text.len());
    for &character in text {
        match data.properties(character).status {
            MappingStatus::Disallowed => decomposed.push((char::REPLACEMENT_CHARACTER, 0)),
            MappingStatus::Ignored => decomposed.extend(ignored.map(|ignored| (ignored, 0))),
            MappingStatus::Mapped => {
                data.text(character).iter().for_each(|mapped| decompose(data, *mapped, &mut decomposed))
            }
            MappingStatus::Valid | MappingStatus::Composite => decompose(data, character, &mut decomposed),
        }
    }
    reorder(&mut decomposed);
    compose(data, &decomposed)
}

/// Decomposes a valid character. Only the first of two parts may be a composite in turn.
fn decompose(data: &UnicodeData, character: char, decomposed: &mut Vec<CharacterAndClass>) {
    match hangul::decomposition(character).or_else(|| data.text(character).try_into().ok()) {
        Some([first, second]) => {
            decompose(data, first, decomposed);
            decomposed.push((second, data.properties(second).combining));
        }
        None => decomposed.push((character, data.properties(character).combining)),
    }
}

/// Applies the Canonical Ordering Algorithm: a stable sort by class of the marks between two starters.
fn reorder(text: &mut [CharacterAndClass]) {
    for marks in text.chunk_by_mut(|(_, before), (_, after)| *before > 0 && *after > 0) {
        marks.sort_by_key(|(_, class)| *class);
    }
}

/// Applies the Canonical Composition Algorithm.
fn compose(data: &UnicodeData, text: &[CharacterAndClass]) -> Vec<char> {
    let mut composed: Vec<char> = Vec::with_capacity(text.len());
    // The index of the last starter, and the class of the last character after it that was not composed.
    let mut starter = None;
    let mut between = None;
    for &(character, class) in text {
        // A character between two blocks their composition, unless its class is lower.
        if between.is_none_or(|between| between < class)
            && let Some(first) = starter.and_then(|index| composed.get_mut(index))
            && let Some(composite) = composition(data, [*first, character])
        {
            *first = composite;
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

fn composition(data: &UnicodeData, pair: [char; 2]) -> Option<char> {
    hangul::composition(pair).or_else(|| data.composition(pair))
}
