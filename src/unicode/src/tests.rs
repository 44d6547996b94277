//! Comparison with ICU4X, exhaustive but for random text.

#![allow(clippy::expect_used)]

use std::collections::BTreeSet;
use std::iter::once;

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_normalizer::properties::{CanonicalCombiningClassMapBorrowed, CanonicalDecompositionBorrowed, Decomposed};
use icu_normalizer::uts46::Uts46MapperBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{BidiClass as Bidi, GeneralCategory, GeneralCategoryGroup, JoiningType as Joining};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Select, select};

use super::*;

const ADAPTER: Adapter = Adapter::new();
const ICU: Uts46MapperBorrowed = Uts46MapperBorrowed::new();

/// Asserts that both map and validate a text alike.
fn assert_same(text: &str) {
    let ours: String = ADAPTER.map_normalize(text.chars()).collect();
    let theirs: String = ICU.map_normalize(text.chars()).collect();
    assert_eq!(escaped(&ours), escaped(&theirs), "{}", escaped(text));
    let ours: String = ADAPTER.normalize_validate(text.chars()).collect();
    let theirs: String = ICU.normalize_validate(text.chars()).collect();
    assert_eq!(escaped(&ours), escaped(&theirs), "{}", escaped(text));
}

fn escaped(text: &str) -> String {
    text.escape_unicode().to_string()
}

#[test]
fn every_code_point_is_mapped_alike() {
    for character in '\0'..=char::MAX {
        assert!(ADAPTER.map_normalize(once(character)).eq(ICU.map_normalize(once(character))), "{character:?}");
        assert!(
            ADAPTER.normalize_validate(once(character)).eq(ICU.normalize_validate(once(character))),
            "{character:?}"
        );
    }
}

#[test]
#[expect(deprecated, reason = "ICU's numbers are stable")]
fn every_code_point_has_the_same_properties() {
    let bidi = CodePointMapData::<Bidi>::new();
    let joining = CodePointMapData::<Joining>::new();
    let category = CodePointMapData::<GeneralCategory>::new();
    for character in '\0'..=char::MAX {
        assert_eq!(ADAPTER.bidi_class(character).0, bidi.get(character).to_icu4c_value(), "{character:?}");
        assert_eq!(ADAPTER.joining_type(character).0, joining.get(character).to_icu4c_value(), "{character:?}");
        let mark = GeneralCategoryGroup::Mark.contains(category.get(character));
        assert_eq!(ADAPTER.is_mark(character), mark, "{character:?}");
        assert_eq!(ADAPTER.is_virama(character), ICU.is_virama(character), "{character:?}");
    }
}

#[test]
#[expect(deprecated, reason = "ICU's numbers are stable")]
fn masks_have_the_classes_that_rfc_5893_names() {
    use Bidi as B;
    let neutral = [
        B::EuropeanNumber,
        B::EuropeanSeparator,
        B::CommonSeparator,
        B::EuropeanTerminator,
        B::OtherNeutral,
        B::BoundaryNeutral,
        B::NonspacingMark,
    ];
    let middle_rtl = [&[B::RightToLeft, B::ArabicLetter, B::ArabicNumber][..], &neutral].concat();
    for (mask, classes) in [
        (RTL_MASK, &[B::RightToLeft, B::ArabicLetter, B::ArabicNumber][..]),
        (FIRST_BC_MASK, &[B::LeftToRight, B::RightToLeft, B::ArabicLetter]),
        (LAST_LTR_MASK, &[B::LeftToRight, B::EuropeanNumber]),
        (LAST_RTL_MASK, &[B::RightToLeft, B::ArabicLetter, B::EuropeanNumber, B::ArabicNumber]),
        (MIDDLE_LTR_MASK, &[&[B::LeftToRight][..], &neutral].concat()),
        (MIDDLE_RTL_MASK, &middle_rtl),
    ] {
        for class in Bidi::ALL_VALUES {
            let ours = BidiClass(class.to_icu4c_value());
            assert_eq!(ours.to_mask().intersects(mask), classes.contains(class), "{class:?}");
            assert_eq!(ours.is_ltr(), *class == B::LeftToRight);
            assert_eq!(ours.is_nonspacing_mark(), *class == B::NonspacingMark);
            assert_eq!(ours.is_european_number(), *class == B::EuropeanNumber);
            assert_eq!(ours.is_arabic_number(), *class == B::ArabicNumber);
        }
    }
    for kind in Joining::ALL_VALUES {
        let ours = JoiningType(kind.to_icu4c_value());
        let dual = *kind == Joining::DualJoining;
        assert_eq!(ours.to_mask().intersects(LEFT_OR_DUAL_JOINING_MASK), dual || *kind == Joining::LeftJoining);
        assert_eq!(ours.to_mask().intersects(RIGHT_OR_DUAL_JOINING_MASK), dual || *kind == Joining::RightJoining);
        assert_eq!(ours.is_transparent(), *kind == Joining::Transparent);
    }
}

#[test]
fn decomposed_and_reordered_text_is_composed_alike() {
    let decomposing = DecomposingNormalizerBorrowed::new_nfd();
    for character in '\0'..=char::MAX {
        let decomposed: Vec<char> = decomposing.normalize_iter(once(character)).collect();
        if decomposed == [character] {
            continue;
        }
        let forward: String = decomposed.iter().collect();
        assert_same(&forward);
        // Marks of several classes, before and after the decomposition: some block a composition, others do not.
        for mark in ['\u{334}', '\u{93c}', '\u{94d}', '\u{5b0}', '\u{327}', '\u{316}', '\u{301}', '\u{345}', '\u{200d}']
        {
            assert_same(&format!("{forward}{mark}"));
            assert_same(&format!("{mark}{character}{mark}"));
            let (first, rest) = decomposed.split_first().expect("a decomposition is not empty");
            let rest: String = rest.iter().collect();
            let reversed: String = rest.chars().rev().collect();
            assert_same(&format!("{first}{mark}{rest}"));
            assert_same(&format!("{first}{reversed}{mark}{rest}"));
        }
    }
}

#[test]
fn all_pairs_are_composed_alike() {
    let (firsts, seconds) = composing();
    let classes = CanonicalCombiningClassMapBorrowed::new();
    for first in &firsts {
        for second in &seconds {
            assert_same(&format!("{first}{second}"));
            if classes.get_u8(*second) > 0 {
                assert_same(&format!("{first}\u{334}\u{316}{second}\u{301}\u{345}{second}"));
            }
        }
    }
    for lead in '\u{10ff}'..='\u{1114}' {
        for vowel in '\u{1160}'..='\u{1177}' {
            for trail in '\u{11a6}'..='\u{11c4}' {
                assert_same(&format!("{lead}{vowel}{trail}"));
            }
        }
    }
    for syllable in '\u{abff}'..='\u{d7a5}' {
        assert_same(&format!(
            "{syllable}\u{11a7}{syllable}\u{11a8}{syllable}\u{11c2}{syllable}\u{11c3}{syllable}\u{1161}"
        ));
    }
}

/// Detects quadratic time: with it this test would take hours.
#[test]
fn long_text_takes_linear_time() {
    let marks = "\u{345}\u{301}\u{327}\u{334}\u{f73}\u{1d165}".repeat(100_000);
    for text in [
        format!("a{marks}"),
        marks,
        "\u{301}".repeat(500_000),
        "\u{fdfa}".repeat(100_000),
        "\u{1100}\u{1161}\u{11a8}".repeat(200_000),
    ] {
        assert!(ADAPTER.map_normalize(text.chars()).count() > 100_000);
        assert!(ADAPTER.normalize_validate(text.chars()).count() > 100_000);
    }
}

/// Returns the characters that compose with one after them, and those that compose with one before them.
fn composing() -> (BTreeSet<char>, BTreeSet<char>) {
    let decompositions = CanonicalDecompositionBorrowed::new();
    ('\0'..=char::MAX)
        .filter_map(|character| match decompositions.decompose(character) {
            Decomposed::Expansion(..) if ('\u{ac00}'..='\u{d7a3}').contains(&character) => None,
            Decomposed::Expansion(first, second) => Some((first, second)),
            _ => None,
        })
        .unzip()
}

/// Returns a strategy for the characters that a predicate chooses.
fn characters(chosen: impl Fn(char) -> bool) -> Select<char> {
    select(('\0'..=char::MAX).filter(|character| chosen(*character)).collect::<Vec<_>>())
}

/// Returns a strategy for text of which much is mapped, reordered, composed or blocked.
fn text() -> impl Strategy<Value = String> {
    let classes = CanonicalCombiningClassMapBorrowed::new();
    let (firsts, seconds) = composing();
    let mapping = |character| ICU.map_normalize(once(character)).collect::<Vec<_>>();
    let character = prop_oneof![
        4 => characters(|character| classes.get_u8(character) > 0),
        2 => characters(|character| firsts.contains(&character)),
        4 => characters(|character| seconds.contains(&character)),
        1 => characters(|character| mapping(character).is_empty()),
        1 => characters(|character| mapping(character).len() == 1 && mapping(character) != [character] && mapping(character) != ['\u{fffd}']),
        2 => characters(|character| mapping(character).len() > 1),
        2 => characters(|character| ('\u{1100}'..='\u{11ff}').contains(&character)),
        1 => characters(|character| ('\u{ac00}'..='\u{d7a3}').contains(&character)),
        1 => characters(|character| ('\u{590}'..='\u{6ff}').contains(&character)),
        1 => characters(|character| ('\0'..='\u{7f}').contains(&character)),
        1 => any::<char>(),
    ];
    vec(character, 0..16).prop_map(String::from_iter)
}

#[test]
fn random_text_is_mapped_alike() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 200_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&text(), |text| {
        assert_same(&text);
        Ok(())
    });
    outcome.expect("both give the same text");
}
