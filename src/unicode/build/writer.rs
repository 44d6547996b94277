//! Writes numbers as `src/reader.rs` reads them.

use std::collections::VecDeque;

use crate::odds::{Odds, SCALE, contexts};
use crate::table::Numbers;

/// Plays the reader's part: it knows the numbers, says the next one when asked, and writes it down.
pub struct Writer {
    numbers: VecDeque<u32>,
    odds: Odds,
    range: u32,
    /// Where the range begins, after what is in `output`.
    low: u64,
    output: Vec<u8>,
}

impl Writer {
    pub fn new(numbers: VecDeque<u32>) -> Self {
        Self { numbers, odds: Odds::new(), range: u32::MAX, low: 0, output: Vec::new() }
    }

    pub fn finish(mut self) -> Vec<u8> {
        assert!(self.numbers.is_empty(), "the reader asks for all that is known");
        for _ in 0..4 {
            self.shift();
        }
        while self.output.last() == Some(&0) {
            self.output.pop();
        }
        self.output
    }

    fn bit(&mut self, contexts: [u32; 2], bit: bool) {
        let ones = (self.range >> SCALE) * self.odds.one(contexts);
        if bit {
            self.range = ones;
        } else {
            self.low += u64::from(ones);
            self.range -= ones;
        }
        while self.range < 1 << 24 {
            self.range <<= 8;
            self.shift();
        }
        self.odds.learn(contexts, bit);
    }

    fn shift(&mut self) {
        if self.low >> 32 != 0 {
            // One is carried into what is written already.
            let nines = self.output.iter().rev().take_while(|byte| **byte == 0xff).count();
            let at = self.output.len() - nines - 1;
            self.output[at] += 1;
            self.output[at + 1..].fill(0);
        }
        self.output.push((self.low >> 24 & 0xff) as u8);
        self.low = (self.low & 0xff_ffff) << 8;
    }
}

impl Numbers for Writer {
    fn number(&mut self, of: [u32; 2]) -> u32 {
        let number = self.numbers.pop_front().expect("the reader asks for what is known");
        let length = (number + 1).ilog2();
        assert!(length < 24, "the reader reads {number}");
        for at in 0..length {
            self.bit(contexts(of, at, 0), true);
        }
        self.bit(contexts(of, length, 0), false);
        for at in (0..length).rev() {
            let known = (number + 1) >> (at + 1);
            self.bit(contexts(of, length, known), (number + 1) >> at & 1 == 1);
        }
        number
    }
}
