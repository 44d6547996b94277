//! The Unicode tables, decoded once from the columns that the build script generates.
//!
//! A column holds numbers of one kind, each in a byte or in LEB128. A *run* is a range of code points with the same
//! properties.

use std::iter::once;
use std::sync::OnceLock;

// `PROPERTIES`: all combinations of properties that there are.
// `RUN_PROPERTIES`: for each run, by code point, the index of its properties.
// `RUN_LENGTHS`: for each run, the number of its code points, in LEB128.
// `TEXT_LENGTHS`: for each mapped code point and each composite, the number of characters that it becomes.
// `TEXT_SHIFTS`: for each of them, the distance to the first of these characters, as the difference to the distance
// before, zigzag-encoded, in LEB128: neighbours are often mapped to neighbours.
// `TEXT_TAILS`: for each of them, its other characters, in LEB128.
include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// The properties of a character.
#[derive(Clone, Copy, Default)]
pub(crate) struct CharacterProperties {
    pub(crate) status: MappingStatus,
    /// Canonical_Combining_Class of valid characters, else 0.
    pub(crate) combining: u8,
    /// Bidi_Class, by ICU's number.
    pub(crate) bidi: u8,
    /// Joining_Type, by ICU's number.
    pub(crate) joining: u8,
    /// True if General_Category is one of the marks.
    pub(crate) mark: bool,
}

/// The status of a character in UTS #46 (non-transitional, without STD3 rules).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum MappingStatus {
    #[default]
    Disallowed,
    Valid,
    /// Valid, and a primary composite of UAX #15. Hangul syllables are not among these.
    Composite,
    Mapped,
    Ignored,
}

/// The decoded tables.
pub(crate) struct UnicodeData {
    /// The first code point of each run, with the index of its properties, sorted.
    runs: Vec<(u32, u8)>,
    /// Mapped characters and composites, each with the end of its text in `text`, sorted. The text begins where the one
    /// before it ends.
    text_ends: Vec<(u32, usize)>,
    text: Vec<char>,
    /// Pairs of characters, each with its composite, sorted.
    compositions: Vec<([char; 2], char)>,
}

impl UnicodeData {
    /// Returns the tables, which the first call decodes.
    pub(crate) fn get() -> &'static Self {
        static DATA: OnceLock<UnicodeData> = OnceLock::new();
        DATA.get_or_init(Self::decode)
    }

    fn decode() -> Self {
        let runs = decode_runs();
        let (mut text_ends, mut text, mut compositions) = (Vec::new(), Vec::new(), Vec::new());
        let mut shift: u32 = 0;
        let mut tails = leb128(TEXT_TAILS);
        for (((point, status), length), change) in with_text(&runs).zip(TEXT_LENGTHS).zip(leb128(TEXT_SHIFTS)) {
            shift = shift.wrapping_add(from_zigzag(change));
            let first = point.wrapping_add(shift);
            let tail = tails.by_ref().take(usize::from(*length).saturating_sub(1));
            let begin = text.len();
            text.extend(once(first).chain(tail).filter_map(char::from_u32));
            text_ends.push((point, text.len()));
            if let (MappingStatus::Composite, Some(composite)) = (status, char::from_u32(point))
                && let Some(&[first, second]) = text.get(begin..)
            {
                insert(&mut compositions, [first, second], composite);
            }
        }
        Self { runs, text_ends, text, compositions }
    }

    /// Returns the properties of a character.
    pub(crate) fn properties(&self, character: char) -> CharacterProperties {
        let next = self.runs.partition_point(|(start, _)| *start <= u32::from(character));
        let run = next.checked_sub(1).and_then(|index| self.runs.get(index));
        run.map(|(_, index)| properties_at(*index)).unwrap_or_default()
    }

    /// Returns the text that a mapped character is mapped to, or that a composite is composed of.
    pub(crate) fn text(&self, character: char) -> &[char] {
        let Ok(index) = self.text_ends.binary_search_by_key(&u32::from(character), |(point, _)| *point) else {
            return &[];
        };
        let end = |index: usize| self.text_ends.get(index).map_or(0, |(_, end)| *end);
        let begin = index.checked_sub(1).map_or(0, end);
        self.text.get(begin..end(index)).unwrap_or_default()
    }

    /// Returns the primary composite of two characters.
    pub(crate) fn composition(&self, pair: [char; 2]) -> Option<char> {
        let index = self.compositions.binary_search_by_key(&pair, |(pair, _)| *pair).ok()?;
        self.compositions.get(index).map(|(_, composite)| *composite)
    }
}

/// Inserts in order: code to sort a vector would be larger, and there are some 500 compositions.
fn insert(compositions: &mut Vec<([char; 2], char)>, pair: [char; 2], composite: char) {
    let index = compositions.partition_point(|(known, _)| *known < pair);
    compositions.insert(index, (pair, composite));
}

fn properties_at(index: u8) -> CharacterProperties {
    PROPERTIES.get(usize::from(index)).copied().unwrap_or_default()
}

fn decode_runs() -> Vec<(u32, u8)> {
    let mut start: u32 = 0;
    let mut runs = Vec::with_capacity(RUN_PROPERTIES.len());
    for (properties, length) in RUN_PROPERTIES.iter().zip(leb128(RUN_LENGTHS)) {
        runs.push((start, *properties));
        start = start.saturating_add(length);
    }
    runs
}

/// Returns the code points that are mapped or composites. Those of the last run are not: it is disallowed.
fn with_text(runs: &[(u32, u8)]) -> impl Iterator<Item = (u32, MappingStatus)> {
    let ends = runs.iter().skip(1).map(|(start, _)| *start);
    runs.iter().zip(ends).flat_map(|(&(start, properties), end)| {
        let status = properties_at(properties).status;
        let has_text = matches!(status, MappingStatus::Mapped | MappingStatus::Composite);
        (start..end).take_while(move |_| has_text).map(move |point| (point, status))
    })
}

/// Decodes a column in LEB128.
fn leb128(column: &[u8]) -> impl Iterator<Item = u32> {
    let numbers = column.split_inclusive(|byte| *byte < 0x80);
    numbers.map(|bytes| bytes.iter().rev().fold(0, |number, byte| number << 7 | u32::from(byte & 0x7f)))
}

/// Decodes a difference: even numbers are not negative.
fn from_zigzag(number: u32) -> u32 {
    if number & 1 == 0 { number >> 1 } else { !(number >> 1) }
}
