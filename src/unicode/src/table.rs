//! What is known of each code point, and how it is written down.
//!
//! The build script reads a table with this code too, from numbers that it knows, and writes each of them down with the
//! contexts that it was asked in. So the order and the contexts are said once.

use crate::recent::{Recent, difference};

/// Where a table is read from.
pub(crate) trait Numbers {
    /// The next number. Those that were read in these contexts before tell which ones are likely.
    fn number(&mut self, contexts: [u32; 2]) -> u32;
}

/// What code points may have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) status: Status,
    /// Canonical_Combining_Class, of valid ones.
    pub(crate) combining: u8,
    /// Bidi_Class, by ICU's number.
    pub(crate) bidi: u8,
    /// Joining_Type, by ICU's number.
    pub(crate) joining: u8,
    /// Whether General_Category is one of the marks.
    pub(crate) mark: bool,
}

/// What becomes of a code point in UTS #46.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    Disallowed,
    Valid,
    /// Valid, and composed of two others. Hangul syllables are not among these.
    Composed,
    Mapped,
    Ignored,
}

impl Status {
    /// By their numbers in the table.
    pub(crate) const ALL: [Self; 5] = [Self::Disallowed, Self::Valid, Self::Composed, Self::Mapped, Self::Ignored];
}

/// What a number in the table is. It is part of the contexts that the number is read in.
#[derive(Clone, Copy)]
enum Field {
    Classes,
    OfClass,
    Run,
    Length,
    How,
    Area,
    Target,
    Page,
    InPage,
    Second,
    First,
}

impl Field {
    fn with(self, one: u32, other: u32) -> u32 {
        let field = match self {
            Self::Classes => 0,
            Self::OfClass => 1,
            Self::Run => 2,
            Self::Length => 3,
            Self::How => 4,
            Self::Area => 5,
            Self::Target => 6,
            Self::Page => 7,
            Self::InPage => 8,
            Self::Second => 9,
            Self::First => 10,
        };
        one.wrapping_mul(0x0101_0101).wrapping_add(other.wrapping_mul(0x9e37_79b1)).wrapping_add(field)
    }
}

/// A mapping is to the code point that is as far away as with the mapping before.
pub(crate) const SAME_SHIFT: u32 = 0;
/// A mapping is to the same text as the mapping before.
pub(crate) const SAME_TEXT: u32 = 1;
/// A mapping is to one character. From here on it is one more for each character.
pub(crate) const ONE: u32 = 2;

#[derive(Default)]
pub(crate) struct Table {
    classes: Vec<Class>,
    /// Where a class begins, as `first code point << 8 | class`, sorted.
    runs: Vec<u32>,
    /// Mapped code points, each with the end of its text in `text`, sorted. It begins where the one before ends.
    mapped: Vec<(u32, usize)>,
    text: Vec<char>,
    /// Composed characters, each with what it is composed of, sorted.
    composed: Vec<(char, [char; 2])>,
    /// The same, sorted by what they are composed of.
    compositions: Vec<([char; 2], char)>,
}

impl Table {
    pub(crate) fn read(numbers: &mut impl Numbers) -> Self {
        let mut table = Self::default();
        for _ in 0..numbers.number([Field::Classes.with(0, 0); 2]) {
            table.classes.push(read_class(numbers));
        }
        let mut recent = Recent::default();
        let mut start: u32 = 0;
        let (mut before, mut earlier) = (0, 0);
        while start <= u32::from(char::MAX) {
            let class = numbers.number([Field::Run.with(before, 0), Field::Run.with(before, 1 | earlier << 1)]);
            let length = numbers.number([Field::Length.with(class, 0), Field::Length.with(class, 1 | before << 1)]);
            let end = start.saturating_add(length).saturating_add(1);
            table.runs.push(start << 8 | class);
            match table.of(class).status {
                Status::Mapped => (start..end).for_each(|point| table.read_mapping(point, &mut recent, numbers)),
                Status::Composed => (start..end).for_each(|point| table.read_parts(point, &mut recent, numbers)),
                _ => {}
            }
            start = end;
            (before, earlier) = (class, before);
        }
        table
    }

    fn read_mapping(&mut self, point: u32, recent: &mut Recent, numbers: &mut impl Numbers) {
        let around = 4 | point >> 4 & !7;
        let how = numbers.number([Field::How.with(recent.how, recent.gap(point)), Field::How.with(recent.how, around)]);
        let text = match how {
            SAME_SHIFT => vec![point.wrapping_add(recent.shift)],
            SAME_TEXT => recent.text.clone(),
            ONE => {
                let contexts = [Field::Area.with(recent.area, 0), Field::Area.with(recent.area, 1 | point >> 7 << 1)];
                recent.area = numbers.number(contexts);
                let contexts =
                    [Field::Target.with(recent.area, 0), Field::Target.with(recent.area, 1 | point >> 9 << 1)];
                vec![recent.last().wrapping_add(difference(numbers.number(contexts)))]
            }
            _ => (ONE..=how).map(|at| read_character(at, how, recent, numbers)).collect(),
        };
        self.text.extend(text.iter().filter_map(|point| char::from_u32(*point)));
        self.mapped.push((point, self.text.len()));
        recent.note(point, how, text);
    }

    fn read_parts(&mut self, point: u32, recent: &mut Recent, numbers: &mut impl Numbers) {
        let [first, second] = recent.parts;
        let step = difference(numbers.number([Field::Second.with(0, 0), Field::Second.with(second, 1)]));
        let second = second.wrapping_add(step);
        let same = u32::from(step == 0);
        let step = difference(numbers.number([Field::First.with(same, 0), Field::First.with(second, 1)]));
        let first = first.wrapping_add(step);
        recent.parts = [first, second];
        if let (Some(composed), Some(first), Some(second)) =
            (char::from_u32(point), char::from_u32(first), char::from_u32(second))
        {
            let parts = [first, second];
            self.composed.push((composed, parts));
            let at = self.compositions.partition_point(|(known, _)| *known < parts);
            self.compositions.insert(at, (parts, composed));
        }
    }

    fn of(&self, class: u32) -> Class {
        usize::try_from(class).ok().and_then(|class| self.classes.get(class)).copied().unwrap_or_default()
    }

    pub(crate) fn class(&self, character: char) -> Class {
        let point = u32::from(character);
        let after = self.runs.partition_point(|run| run >> 8 <= point);
        let run = after.checked_sub(1).and_then(|at| self.runs.get(at)).copied().unwrap_or_default();
        self.of(run & 0xff)
    }

    /// What a mapped character is mapped to.
    pub(crate) fn mapping(&self, character: char) -> &[char] {
        let after = self.mapped.partition_point(|(point, _)| *point <= u32::from(character));
        let end = |after: usize| after.checked_sub(1).and_then(|at| self.mapped.get(at)).map_or(0, |(_, end)| *end);
        self.text.get(end(after.saturating_sub(1))..end(after)).unwrap_or_default()
    }

    /// What a composed character is composed of.
    pub(crate) fn parts(&self, character: char) -> Option<[char; 2]> {
        let at = self.composed.binary_search_by_key(&character, |(composed, _)| *composed).ok()?;
        self.composed.get(at).map(|(_, parts)| *parts)
    }

    /// What two characters compose.
    pub(crate) fn composition(&self, parts: [char; 2]) -> Option<char> {
        let at = self.compositions.binary_search_by_key(&parts, |(parts, _)| *parts).ok()?;
        self.compositions.get(at).map(|(_, composed)| *composed)
    }
}

fn read_class(numbers: &mut impl Numbers) -> Class {
    let mut field = |at| u8::try_from(numbers.number([Field::OfClass.with(at, 0); 2])).unwrap_or_default();
    Class {
        status: Status::ALL.get(usize::from(field(0))).copied().unwrap_or_default(),
        combining: field(1),
        bidi: field(2),
        joining: field(3),
        mark: field(4) == 1,
    }
}

/// A character of a text of several.
fn read_character(at: u32, how: u32, recent: &mut Recent, numbers: &mut impl Numbers) -> u32 {
    let before = recent.character >> 7;
    let page = numbers.number([Field::Page.with(before, 0), Field::Page.with(before, at << 6 | how)]);
    // Texts in a row are often alike, character for character.
    let counterpart = recent.counterpart(at);
    let low = numbers.number([Field::InPage.with(page, 0), Field::InPage.with(page, counterpart << 5 | at)]);
    recent.character = page << 7 | low;
    recent.character
}
