//! What crate `idna` asks of Unicode, made small.
//!
//! That is the mapping of UTS #46 with Normalization Form C (UAX #15), Bidi_Class (UAX #9), Joining_Type, and which
//! characters are marks or viramas. `idna` leaves it to a crate of this name, so that it can be replaced. The one on
//! crates.io asks ICU4X, whose tables are made for speed: they and their code were 42 KB of the module, with gzip. Here
//! it is 14, of which 10 are the table.
//!
//! The build script asks ICU4X, with Unicode 17.0, about every code point, and writes down the answers: runs of code
//! points that have all in common, what the mapped ones are mapped to, and what is composed of what. The table is read
//! when it is first needed, which takes a few milliseconds. Names in ASCII never need it, unless they are Punycode.
//!
//! The tests ask ICU4X and this about every code point, alone and decomposed, about every composition, and about random
//! text of what is mapped, ordered, composed or blocked. The answers are the same, also for what `idna` never asks.

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
mod normal;
mod odds;
mod reader;
mod recent;
mod table;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub use crate::bidi::{
    BidiClass, BidiClassMask, FIRST_BC_MASK, LAST_LTR_MASK, LAST_RTL_MASK, MIDDLE_LTR_MASK, MIDDLE_RTL_MASK, RTL_MASK,
};
pub use crate::joining::{JoiningType, JoiningTypeMask, LEFT_OR_DUAL_JOINING_MASK, RIGHT_OR_DUAL_JOINING_MASK};
use crate::normal::normal;
use crate::reader::Reader;
use crate::table::{Class, Table};

/// Canonical_Combining_Class of viramas.
const VIRAMA: u8 = 9;

/// What `idna` asks.
#[derive(Default)]
pub struct Adapter(());

impl Adapter {
    /// All adapters share one table.
    pub const fn new() -> Self {
        Self(())
    }

    /// Whether Canonical_Combining_Class is Virama.
    pub fn is_virama(&self, c: char) -> bool {
        class(c).combining == VIRAMA
    }

    /// Whether General_Category is one of the marks.
    pub fn is_mark(&self, c: char) -> bool {
        class(c).mark
    }

    /// Bidi_Class of a character.
    pub fn bidi_class(&self, c: char) -> BidiClass {
        BidiClass(class(c).bidi)
    }

    /// Joining_Type of a character.
    pub fn joining_type(&self, c: char) -> JoiningType {
        JoiningType(class(c).joining)
    }

    /// Maps and normalizes. What is ignored is left out, and what is disallowed becomes U+FFFD.
    pub fn map_normalize<'delegate, I: Iterator<Item = char> + 'delegate>(
        &'delegate self,
        iter: I,
    ) -> impl Iterator<Item = char> + 'delegate {
        normal(table(), &iter.collect::<Vec<_>>(), None).into_iter()
    }

    /// Does the same, but what is ignored becomes U+FFFD too. What comes out as it was is valid.
    pub fn normalize_validate<'delegate, I: Iterator<Item = char> + 'delegate>(
        &'delegate self,
        iter: I,
    ) -> impl Iterator<Item = char> + 'delegate {
        normal(table(), &iter.collect::<Vec<_>>(), Some(char::REPLACEMENT_CHARACTER)).into_iter()
    }
}

fn class(character: char) -> Class {
    table().class(character)
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::read(&mut Reader::new(include_bytes!(concat!(env!("OUT_DIR"), "/table.bin")))))
}
