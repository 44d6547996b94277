//! What was read last. Much of the next is like it.

use crate::table::ONE;

#[derive(Default)]
pub(crate) struct Recent {
    /// The last mapped code point, how its text was said, and the text.
    point: u32,
    pub(crate) how: u32,
    pub(crate) text: Vec<u32>,
    /// From the last mapped code point to what it is mapped to.
    pub(crate) shift: u32,
    /// The last that was mapped to, in each area.
    last: [u32; 32],
    pub(crate) area: u32,
    /// The last character of a text of several.
    pub(crate) character: u32,
    /// What the last composed character is composed of.
    pub(crate) parts: [u32; 2],
}

impl Recent {
    /// Areas that mappings go through each at its own pace: the compatibility ideographs are in the order of their
    /// radicals, and so is each block of Han.
    pub(crate) fn area(point: u32) -> u32 {
        match point {
            0x3400..0x4e00 => 1,
            0x4e00..0xa000 => 2,
            0x20000.. => 3,
            _ => (point >> 12).saturating_add(4),
        }
    }

    /// The last that was mapped to in the area.
    pub(crate) fn last(&self) -> u32 {
        usize::try_from(self.area).ok().and_then(|area| self.last.get(area)).copied().unwrap_or_default()
    }

    /// How far back the last mapped code point is, where that is near.
    pub(crate) fn gap(&self, point: u32) -> u32 {
        point.saturating_sub(self.point).min(3)
    }

    /// What the last text has where the next has its character.
    pub(crate) fn counterpart(&self, at: u32) -> u32 {
        let at = usize::try_from(at.saturating_sub(ONE)).ok();
        at.and_then(|at| self.text.get(at)).copied().unwrap_or_default()
    }

    pub(crate) fn note(&mut self, point: u32, how: u32, text: Vec<u32>) {
        let first = text.first().copied().unwrap_or_default();
        let area = usize::try_from(Self::area(first)).unwrap_or_default();
        if let Some(last) = self.last.get_mut(area) {
            *last = first;
        }
        self.point = point;
        self.how = how;
        self.shift = first.wrapping_sub(point);
        self.text = text;
    }
}

/// A difference from its number: even ones are not negative.
pub(crate) fn difference(number: u32) -> u32 {
    if number & 1 == 0 { number >> 1 } else { !(number >> 1) }
}
