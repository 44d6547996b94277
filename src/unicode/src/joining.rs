//! Joining_Type, for the rule of RFC 5892, appendix A.1, on zero-width non-joiners. The numbers of the types are ICU's.

const DUAL_JOINING: u8 = 2;
const LEFT_JOINING: u8 = 3;
const RIGHT_JOINING: u8 = 4;
const TRANSPARENT: u8 = 5;

/// Types that join the character after them.
pub const LEFT_OR_DUAL_JOINING_MASK: JoiningTypeMask = JoiningTypeMask(1 << LEFT_JOINING | 1 << DUAL_JOINING);
/// Types that join the character before them.
pub const RIGHT_OR_DUAL_JOINING_MASK: JoiningTypeMask = JoiningTypeMask(1 << RIGHT_JOINING | 1 << DUAL_JOINING);

/// A Joining_Type, by ICU's number.
#[derive(Clone, Copy)]
pub struct JoiningType(pub(crate) u8);

impl JoiningType {
    /// Returns the set of this type alone.
    pub fn to_mask(self) -> JoiningTypeMask {
        JoiningTypeMask(1_u32.checked_shl(self.0.into()).unwrap_or_default())
    }

    /// Returns whether the type is Transparent.
    pub fn is_transparent(self) -> bool {
        self.0 == TRANSPARENT
    }
}

/// A set of Joining_Type values.
#[derive(Clone, Copy)]
pub struct JoiningTypeMask(pub(crate) u32);

impl JoiningTypeMask {
    /// Returns whether the two sets have a type in common.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}
