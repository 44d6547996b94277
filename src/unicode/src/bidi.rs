//! Bidi_Class of UAX #9, for the Bidi rule of RFC 5893. The numbers of the classes are ICU's.

const LEFT_TO_RIGHT: u8 = 0;
const RIGHT_TO_LEFT: u8 = 1;
const EUROPEAN_NUMBER: u8 = 2;
const EUROPEAN_SEPARATOR: u8 = 3;
const EUROPEAN_TERMINATOR: u8 = 4;
const ARABIC_NUMBER: u8 = 5;
const COMMON_SEPARATOR: u8 = 6;
const OTHER_NEUTRAL: u8 = 10;
const ARABIC_LETTER: u8 = 13;
const NONSPACING_MARK: u8 = 17;
const BOUNDARY_NEUTRAL: u8 = 18;

/// Classes that make a domain name a Bidi domain name (RFC 5893, section 1.4).
pub const RTL_MASK: BidiClassMask = BidiClassMask(1 << RIGHT_TO_LEFT | 1 << ARABIC_LETTER | 1 << ARABIC_NUMBER);
/// Classes that a label may begin with (RFC 5893, section 2, rule 1).
pub const FIRST_BC_MASK: BidiClassMask = BidiClassMask(1 << LEFT_TO_RIGHT | 1 << RIGHT_TO_LEFT | 1 << ARABIC_LETTER);
/// Classes that a left-to-right label may end with, before nonspacing marks (rule 6).
pub const LAST_LTR_MASK: BidiClassMask = BidiClassMask(1 << LEFT_TO_RIGHT | 1 << EUROPEAN_NUMBER);
/// Classes that a right-to-left label may end with, before nonspacing marks (rule 3).
pub const LAST_RTL_MASK: BidiClassMask =
    BidiClassMask(1 << RIGHT_TO_LEFT | 1 << ARABIC_LETTER | 1 << EUROPEAN_NUMBER | 1 << ARABIC_NUMBER);
/// Classes that a left-to-right label may contain (rule 5).
pub const MIDDLE_LTR_MASK: BidiClassMask = BidiClassMask(1 << LEFT_TO_RIGHT | NEUTRAL_MASK);
/// Classes that a right-to-left label may contain (rule 2).
pub const MIDDLE_RTL_MASK: BidiClassMask =
    BidiClassMask(1 << RIGHT_TO_LEFT | 1 << ARABIC_LETTER | 1 << ARABIC_NUMBER | NEUTRAL_MASK);

/// Classes that labels of both directions may contain.
const NEUTRAL_MASK: u32 = 1 << EUROPEAN_NUMBER
    | 1 << EUROPEAN_SEPARATOR
    | 1 << COMMON_SEPARATOR
    | 1 << EUROPEAN_TERMINATOR
    | 1 << OTHER_NEUTRAL
    | 1 << BOUNDARY_NEUTRAL
    | 1 << NONSPACING_MARK;

/// A Bidi_Class, by ICU's number.
#[derive(Clone, Copy)]
pub struct BidiClass(pub(crate) u8);

impl BidiClass {
    /// Returns the set of this class alone.
    pub fn to_mask(self) -> BidiClassMask {
        BidiClassMask(1_u32.checked_shl(self.0.into()).unwrap_or_default())
    }

    /// Returns whether the class is Left_To_Right.
    pub fn is_ltr(self) -> bool {
        self.0 == LEFT_TO_RIGHT
    }

    /// Returns whether the class is Nonspacing_Mark.
    pub fn is_nonspacing_mark(self) -> bool {
        self.0 == NONSPACING_MARK
    }

    /// Returns whether the class is European_Number.
    pub fn is_european_number(self) -> bool {
        self.0 == EUROPEAN_NUMBER
    }

    /// Returns whether the class is Arabic_Number.
    pub fn is_arabic_number(self) -> bool {
        self.0 == ARABIC_NUMBER
    }
}

/// A set of Bidi_Class values.
#[derive(Clone, Copy)]
pub struct BidiClassMask(pub(crate) u32);

impl BidiClassMask {
    /// Returns whether the two sets have a class in common.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}
