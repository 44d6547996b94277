//! Bidi_Class of UAX #9, for the Bidi rule of RFC 5893.

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

/// Whether a domain name is one of the Bidi rule.
pub const RTL_MASK: BidiClassMask = BidiClassMask(1 << RIGHT_TO_LEFT | 1 << ARABIC_LETTER | 1 << ARABIC_NUMBER);
/// What a label may begin with.
pub const FIRST_BC_MASK: BidiClassMask = BidiClassMask(1 << LEFT_TO_RIGHT | 1 << RIGHT_TO_LEFT | 1 << ARABIC_LETTER);
/// What a left-to-right label may end with, marks aside.
pub const LAST_LTR_MASK: BidiClassMask = BidiClassMask(1 << LEFT_TO_RIGHT | 1 << EUROPEAN_NUMBER);
/// What a right-to-left label may end with, marks aside.
pub const LAST_RTL_MASK: BidiClassMask =
    BidiClassMask(1 << RIGHT_TO_LEFT | 1 << ARABIC_LETTER | 1 << EUROPEAN_NUMBER | 1 << ARABIC_NUMBER);
/// What a left-to-right label may have.
pub const MIDDLE_LTR_MASK: BidiClassMask = BidiClassMask(1 << LEFT_TO_RIGHT | NEUTRAL);
/// What a right-to-left label may have.
pub const MIDDLE_RTL_MASK: BidiClassMask =
    BidiClassMask(1 << RIGHT_TO_LEFT | 1 << ARABIC_LETTER | 1 << ARABIC_NUMBER | NEUTRAL);

/// What labels of both directions may have.
const NEUTRAL: u32 = 1 << EUROPEAN_NUMBER
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
    /// The class as a set of one.
    pub fn to_mask(self) -> BidiClassMask {
        BidiClassMask(1_u32.checked_shl(self.0.into()).unwrap_or_default())
    }

    /// Whether it is Left_To_Right.
    pub fn is_ltr(self) -> bool {
        self.0 == LEFT_TO_RIGHT
    }

    /// Whether it is Nonspacing_Mark.
    pub fn is_nonspacing_mark(self) -> bool {
        self.0 == NONSPACING_MARK
    }

    /// Whether it is European_Number.
    pub fn is_european_number(self) -> bool {
        self.0 == EUROPEAN_NUMBER
    }

    /// Whether it is Arabic_Number.
    pub fn is_arabic_number(self) -> bool {
        self.0 == ARABIC_NUMBER
    }
}

/// A set of Bidi_Class.
#[derive(Clone, Copy)]
pub struct BidiClassMask(pub(crate) u32);

impl BidiClassMask {
    /// Whether both have a class.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}
