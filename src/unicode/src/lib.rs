//! The Unicode data that crate `idna` needs, in small tables.
//!
//! That is the mapping of UTS #46 with Normalization Form C (UAX #15), Bidi_Class (UAX #9), Joining_Type, and which
//! characters are marks or viramas. `idna` takes it from a crate of this name, so that it can be replaced. The one on
//! crates.io builds on ICU4X, whose tables are made for speed: with their code they took 42 KB of the module with gzip.
//! Here the tables take 12.
//!
//! The build script generates them from ICU4X with Unicode 17.0: runs of code points that have all properties in common,
//! the text of mapped characters, and the parts of composed ones. They are decoded at the first use, in a fraction of a
//! millisecond; names in ASCII need them only if they are Punycode.
//!
//! The tests compare this with ICU4X for every code point, alone and decomposed, for every composition, and for random
//! text of characters that are mapped, ordered, composed or blocked. The results are equal, also for input that `idna`
//! never passes.

#![forbid(unsafe_code)]
// No input may panic.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::unreachable,
    clippy::todo,
    clippy::unimplemented,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    missing_docs
)]
#![cfg_attr(test, allow(clippy::expect_used))]

mod bidi;
mod hangul;
mod joining;
mod normalize;
#[cfg(test)]
mod tests;
mod unicode_data;

pub use crate::bidi::{
    BidiClass, BidiClassMask, FIRST_BC_MASK, LAST_LTR_MASK, LAST_RTL_MASK, MIDDLE_LTR_MASK, MIDDLE_RTL_MASK, RTL_MASK,
};
pub use crate::joining::{JoiningType, JoiningTypeMask, LEFT_OR_DUAL_JOINING_MASK, RIGHT_OR_DUAL_JOINING_MASK};
use crate::normalize::normalize;
use crate::unicode_data::{CharacterProperties, UnicodeData};

/// Canonical_Combining_Class of viramas.
const VIRAMA_CLASS: u8 = 9;

/// The Unicode data, by the interface that `idna` requires. All adapters share one copy of it.
#[derive(Default)]
pub struct Adapter(());

impl Adapter {
    /// Makes an adapter.
    pub const fn new() -> Self {
        Self(())
    }

    /// Returns whether Canonical_Combining_Class is Virama.
    pub fn is_virama(&self, c: char) -> bool {
        properties(c).combining == VIRAMA_CLASS
    }

    /// Returns whether General_Category is one of the marks.
    pub fn is_mark(&self, c: char) -> bool {
        properties(c).mark
    }

    /// Returns the Bidi_Class of a character.
    pub fn bidi_class(&self, c: char) -> BidiClass {
        BidiClass(properties(c).bidi)
    }

    /// Returns the Joining_Type of a character.
    pub fn joining_type(&self, c: char) -> JoiningType {
        JoiningType(properties(c).joining)
    }

    /// Maps by UTS #46 and normalizes. Ignored characters are left out, and disallowed ones become U+FFFD.
    pub fn map_normalize<'delegate, I: Iterator<Item = char> + 'delegate>(
        &'delegate self,
        iter: I,
    ) -> impl Iterator<Item = char> + 'delegate {
        normalize(&iter.collect::<Vec<_>>(), None).into_iter()
    }

    /// Maps and normalizes like [`Self::map_normalize`], but ignored characters become U+FFFD too, so that text which is
    /// valid, and no other, stays the same.
    pub fn normalize_validate<'delegate, I: Iterator<Item = char> + 'delegate>(
        &'delegate self,
        iter: I,
    ) -> impl Iterator<Item = char> + 'delegate {
        normalize(&iter.collect::<Vec<_>>(), Some(char::REPLACEMENT_CHARACTER)).into_iter()
    }
}

fn properties(character: char) -> CharacterProperties {
    UnicodeData::get().properties(character)
}
