//! Generates the Unicode tables: the answers of ICU4X for every code point, as columns of numbers.
//!
//! Numbers of one kind in a row compress well with gzip. `src/unicode_data.rs` says the contents of each column.

use std::fmt::{self, Display, Formatter};
use std::iter::once;
use std::path::PathBuf;
use std::{env, fs, io};

use icu_normalizer::properties::{
    CanonicalCombiningClassMapBorrowed, CanonicalCompositionBorrowed, CanonicalDecompositionBorrowed, Decomposed,
};
use icu_normalizer::uts46::Uts46MapperBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{BidiClass, GeneralCategory, GeneralCategoryGroup, JoiningType};

/// Hangul syllables, which are composed by rule.
const HANGUL_SYLLABLES: std::ops::RangeInclusive<char> = '\u{ac00}'..='\u{d7a3}';

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("tables.rs"), Tables::new().to_string())
}

/// The columns by the names that they get in the generated source.
#[derive(Default)]
struct Tables {
    properties: Vec<CharacterProperties>,
    run_properties: Vec<u8>,
    run_lengths: Vec<u32>,
    text_lengths: Vec<u8>,
    text_shifts: Vec<u32>,
    text_tails: Vec<u32>,
}

impl Tables {
    fn new() -> Self {
        let mut tables = Self::default();
        let (mut end, mut shift) = (0, 0);
        for character in '\0'..=char::MAX {
            let point = u32::from(character);
            let (properties, text) = look_up(character);
            tables.add_to_run(properties, point + 1 - end);
            end = point + 1;
            if let Some((first, tail)) = text.split_first() {
                tables.text_lengths.push(text.len().try_into().expect("no text is longer"));
                tables.text_shifts.push(zigzag(first.wrapping_sub(point).wrapping_sub(shift)));
                tables.text_tails.extend(tail);
                shift = first.wrapping_sub(point);
            }
        }
        tables
    }

    /// Surrogates are no characters: they belong to the run of the character after them.
    fn add_to_run(&mut self, properties: CharacterProperties, length: u32) {
        let known = self.properties.iter().position(|known| *known == properties);
        let id = known.unwrap_or(self.properties.len()).try_into().expect("there are fewer than 256 of them");
        if known.is_none() {
            self.properties.push(properties);
        }
        match self.run_lengths.last_mut() {
            Some(last) if self.run_properties.last() == Some(&id) => *last += length,
            _ => {
                self.run_properties.push(id);
                self.run_lengths.push(length);
            }
        }
    }
}

/// The generated source.
impl Display for Tables {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        writeln!(f, "static PROPERTIES: [CharacterProperties; {}] = [", self.properties.len())?;
        for CharacterProperties { status, combining, bidi, joining, mark } in &self.properties {
            let status = format_args!("MappingStatus::{status}");
            let others = format_args!("combining: {combining}, bidi: {bidi}, joining: {joining}, mark: {mark}");
            writeln!(f, "    CharacterProperties {{ status: {status}, {others} }},")?;
        }
        writeln!(f, "];")?;
        for (name, column) in [
            ("RUN_PROPERTIES", &self.run_properties),
            ("RUN_LENGTHS", &leb128(&self.run_lengths)),
            ("TEXT_LENGTHS", &self.text_lengths),
            ("TEXT_SHIFTS", &leb128(&self.text_shifts)),
            ("TEXT_TAILS", &leb128(&self.text_tails)),
        ] {
            writeln!(f, "static {name}: &[u8] = &{column:?};")?;
        }
        Ok(())
    }
}

/// The fields of the type of this name in `src/unicode_data.rs`, with the status by its name.
#[derive(PartialEq)]
struct CharacterProperties {
    status: &'static str,
    combining: u8,
    bidi: u8,
    joining: u8,
    mark: bool,
}

/// Returns the properties of a character, and the text that it is mapped to or decomposed into.
#[expect(deprecated, reason = "ICU's numbers are stable")]
fn look_up(character: char) -> (CharacterProperties, Vec<u32>) {
    let mapping: Vec<char> = Uts46MapperBorrowed::new().map_normalize(once(character)).collect();
    let (status, text) = match mapping[..] {
        [] => ("Ignored", vec![]),
        [char::REPLACEMENT_CHARACTER] => ("Disallowed", vec![]),
        [same] if same == character => match decomposition(character) {
            Some(parts) => ("Composite", parts.to_vec()),
            None => ("Valid", vec![]),
        },
        _ => ("Mapped", mapping),
    };
    let combining = match status {
        "Valid" => CanonicalCombiningClassMapBorrowed::new().get_u8(character),
        _ => 0,
    };
    let properties = CharacterProperties {
        status,
        combining,
        bidi: CodePointMapData::<BidiClass>::new().get(character).to_icu4c_value(),
        joining: CodePointMapData::<JoiningType>::new().get(character).to_icu4c_value(),
        mark: GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(character)),
    };
    (properties, text.into_iter().map(u32::from).collect())
}

/// Returns the canonical decomposition of a primary composite (UAX #15) that is no Hangul syllable.
fn decomposition(character: char) -> Option<[char; 2]> {
    let Decomposed::Expansion(first, second) = CanonicalDecompositionBorrowed::new().decompose(character) else {
        return None;
    };
    let composes = CanonicalCompositionBorrowed::new().compose(first, second) == Some(character);
    (composes && !HANGUL_SYLLABLES.contains(&character)).then_some([first, second])
}

/// Encodes a difference such that small ones are small numbers, whatever their sign.
fn zigzag(difference: u32) -> u32 {
    if difference >> 31 == 0 { difference << 1 } else { !difference << 1 | 1 }
}

fn leb128(numbers: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for mut number in numbers.iter().copied() {
        while number > 0x7f {
            bytes.push((number & 0x7f | 0x80) as u8);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    bytes
}
