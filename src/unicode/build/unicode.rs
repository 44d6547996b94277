//! What ICU4X says, as the numbers of the table.

use std::collections::VecDeque;
use std::iter::once;

use icu_normalizer::properties::{
    CanonicalCombiningClassMapBorrowed, CanonicalCompositionBorrowed, CanonicalDecompositionBorrowed, Decomposed,
};
use icu_normalizer::uts46::Uts46MapperBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{BidiClass, GeneralCategory, GeneralCategoryGroup, JoiningType};

use crate::recent::Recent;
use crate::table::{Class, ONE, SAME_SHIFT, SAME_TEXT, Status};

/// Hangul syllables are composed by rule.
const HANGUL: std::ops::RangeInclusive<char> = '\u{ac00}'..='\u{d7a3}';

/// All numbers, in the order that they are asked for.
pub fn numbers() -> VecDeque<u32> {
    let mut classes: Vec<Class> = Vec::new();
    let mut runs: Vec<(usize, u32, u32)> = Vec::new();
    for character in '\0'..=char::MAX {
        let class = class(character);
        let id = classes.iter().position(|known| *known == class).unwrap_or_else(|| {
            classes.push(class);
            classes.len() - 1
        });
        match runs.last_mut() {
            Some((last, _, end)) if *last == id => *end = u32::from(character) + 1,
            Some(&mut (.., end)) => runs.push((id, end, u32::from(character) + 1)),
            None => runs.push((id, 0, 1)),
        }
    }
    let mut numbers = VecDeque::from([classes.len() as u32]);
    for class in &classes {
        let status = Status::ALL.iter().position(|status| *status == class.status).expect("all are there");
        numbers.extend([
            status as u32,
            class.combining.into(),
            class.bidi.into(),
            class.joining.into(),
            class.mark.into(),
        ]);
    }
    let mut recent = Recent::default();
    for (id, start, end) in runs {
        numbers.extend([id as u32, end - start - 1]);
        // A run may go over the surrogates, but not one of these.
        for character in (start..end).filter_map(char::from_u32) {
            match classes[id].status {
                Status::Mapped => mapping(character, &mut recent, &mut numbers),
                Status::Composed => parts_of(character, &mut recent, &mut numbers),
                _ => break,
            }
        }
    }
    numbers
}

#[expect(deprecated, reason = "the numbers are ICU's, and those stay as they are")]
fn class(character: char) -> Class {
    let text = mapped(character);
    let status = match text[..] {
        [] => Status::Ignored,
        [char::REPLACEMENT_CHARACTER] => Status::Disallowed,
        [same] if same == character && parts(character).is_some() => Status::Composed,
        [same] if same == character => Status::Valid,
        _ => Status::Mapped,
    };
    let combining = match status {
        Status::Valid => CanonicalCombiningClassMapBorrowed::new().get_u8(character),
        _ => 0,
    };
    Class {
        status,
        combining,
        bidi: CodePointMapData::<BidiClass>::new().get(character).to_icu4c_value(),
        joining: CodePointMapData::<JoiningType>::new().get(character).to_icu4c_value(),
        mark: GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(character)),
    }
}

fn mapped(character: char) -> Vec<char> {
    Uts46MapperBorrowed::new().map_normalize(once(character)).collect()
}

/// What a character is composed of, if two characters compose it.
fn parts(character: char) -> Option<[char; 2]> {
    let Decomposed::Expansion(first, second) = CanonicalDecompositionBorrowed::new().decompose(character) else {
        return None;
    };
    let composes = CanonicalCompositionBorrowed::new().compose(first, second) == Some(character);
    (composes && !HANGUL.contains(&character)).then_some([first, second])
}

fn mapping(character: char, recent: &mut Recent, numbers: &mut VecDeque<u32>) {
    let point = u32::from(character);
    let text: Vec<u32> = mapped(character).into_iter().map(u32::from).collect();
    let how = if text == [point.wrapping_add(recent.shift)] {
        SAME_SHIFT
    } else if text == recent.text {
        SAME_TEXT
    } else {
        ONE + text.len() as u32 - 1
    };
    numbers.push_back(how);
    match how {
        SAME_SHIFT | SAME_TEXT => {}
        ONE => {
            recent.area = Recent::area(text[0]);
            numbers.extend([recent.area, number(text[0].wrapping_sub(recent.last()))]);
        }
        _ => numbers.extend(text.iter().flat_map(|point| [point >> 7, point & 0x7f])),
    }
    recent.note(point, how, text);
}

fn parts_of(character: char, recent: &mut Recent, numbers: &mut VecDeque<u32>) {
    let before = recent.parts;
    recent.parts = parts(character).expect("this one is composed").map(u32::from);
    let [first, second] = [0, 1].map(|at| number(recent.parts[at].wrapping_sub(before[at])));
    numbers.extend([second, first]);
}

/// The number of a difference: even ones are not negative.
fn number(difference: u32) -> u32 {
    if difference >> 31 == 0 { difference << 1 } else { !difference << 1 | 1 }
}
