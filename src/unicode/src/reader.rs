//! Reads the numbers that the build script wrote.
//!
//! They are arithmetically coded, each bit by its odds. That leaves gzip nothing to do, and is smaller by a third than
//! what gzip makes of plain bytes.

use std::slice::Iter;

use crate::odds::{Odds, SCALE, contexts};
use crate::table::Numbers;

/// No number has more bits.
const LONGEST: u32 = 24;

pub(crate) struct Reader<'a> {
    input: Iter<'a, u8>,
    odds: Odds,
    range: u32,
    /// Where in the range the input is.
    place: u32,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        let mut reader = Self { input: input.iter(), odds: Odds::new(), range: u32::MAX, place: 0 };
        for _ in 0..4 {
            reader.shift();
        }
        reader
    }

    fn bit(&mut self, contexts: [u32; 2]) -> bool {
        let ones = (self.range >> SCALE).saturating_mul(self.odds.one(contexts));
        let bit = self.place < ones;
        if bit {
            self.range = ones;
        } else {
            self.place = self.place.saturating_sub(ones);
            self.range = self.range.saturating_sub(ones);
        }
        while self.range < 1 << 24 {
            self.range <<= 8;
            self.shift();
        }
        self.odds.learn(contexts, bit);
        bit
    }

    /// Zeros follow the end: the last ones are not written.
    fn shift(&mut self) {
        self.place = self.place << 8 | self.input.next().copied().map_or(0, u32::from);
    }
}

impl Numbers for Reader<'_> {
    fn number(&mut self, of: [u32; 2]) -> u32 {
        let mut length: u32 = 0;
        while length < LONGEST && self.bit(contexts(of, length, 0)) {
            length = length.saturating_add(1);
        }
        let mut known: u32 = 1;
        for _ in 0..length {
            known = known << 1 | u32::from(self.bit(contexts(of, length, known)));
        }
        known.saturating_sub(1)
    }
}
