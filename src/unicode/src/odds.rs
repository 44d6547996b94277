//! How likely the next bit is a one: learnt from the bits that came before in the same contexts.

use std::iter::repeat_n;

/// How many odds are kept, as a power of two. Contexts that fall together share theirs: that costs a few bits, and no
/// more, for who writes and who reads share the same. They take 256 KB, for as long as the table is read.
const KEPT: u32 = 17;
/// How many bits a probability has.
pub(crate) const SCALE: u32 = 12;
/// How many bits it is learnt from are counted, at most. They take what 16 bits have beside the probability.
const COUNTED: u16 = 15;

pub(crate) struct Odds {
    /// Each a probability, and below it in 4 bits how many bits it was learnt from.
    odds: Vec<u16>,
}

impl Odds {
    pub(crate) fn new() -> Self {
        let even = 1 << (SCALE - 1);
        Self { odds: repeat_n(even << 4, 1 << KEPT).collect() }
    }

    /// The probability that a bit in these contexts is a one, never none and never all of `1 << SCALE`.
    pub(crate) fn one(&self, contexts: [u32; 2]) -> u32 {
        let mut sum: u32 = 0;
        let mut weights: u32 = 0;
        for context in contexts {
            let probability = u32::from(self.odds.get(place(context)).copied().unwrap_or_default() >> 4);
            // Who is surer weighs more.
            let doubt = probability.min((1_u32 << SCALE).saturating_sub(probability));
            let weight = (1_u32 << 16).checked_div(doubt.saturating_add(64)).unwrap_or_default();
            weights = weights.saturating_add(weight);
            sum = sum.saturating_add(probability.saturating_mul(weight));
        }
        sum.checked_div(weights).unwrap_or_default().clamp(1, (1 << SCALE) - 1)
    }

    /// Takes in what the bit was.
    pub(crate) fn learn(&mut self, contexts: [u32; 2], bit: bool) {
        for context in contexts {
            let Some(odds) = self.odds.get_mut(place(context)) else { continue };
            let (probability, count) = (*odds >> 4, *odds & 0xf);
            // The first bits move it far, later ones less.
            let part = |whole: u16| (whole << 1).checked_div((count << 1).saturating_add(3)).unwrap_or_default();
            let moved = if bit {
                probability.saturating_add(part(((1_u16 << SCALE) - 1).saturating_sub(probability)))
            } else {
                probability.saturating_sub(part(probability))
            };
            *odds = moved << 4 | count.saturating_add(1).min(COUNTED);
        }
    }
}

fn place(context: u32) -> usize {
    let mixed = context.wrapping_mul(0x9e37_79b1);
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca6b);
    usize::try_from(mixed >> (32 - KEPT)).unwrap_or_default()
}

/// The contexts of one bit of a number, from those of the number, how long it is as far as that is known, and the bits of
/// it that are known, after a one. From the seventh bit on they are hardly ever like others.
pub(crate) fn contexts(number: [u32; 2], length: u32, known: u32) -> [u32; 2] {
    number.map(|context| context.wrapping_mul(0x2545_f491).wrapping_add(known.min(64) << 5 | length))
}
