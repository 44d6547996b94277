//! Hangul syllables, which are composed of their letters (jamo) by rule: the Unicode Standard, section 3.12.

const SYLLABLE_BASE: u32 = 0xac00;
const LEAD_BASE: u32 = 0x1100;
const VOWEL_BASE: u32 = 0x1161;
/// One before the first trailing letter: index 0 stands for none.
const TRAIL_BASE: u32 = 0x11a7;
const LEAD_COUNT: u32 = 19;
const VOWEL_COUNT: u32 = 21;
const TRAIL_COUNT: u32 = 28;
const SYLLABLE_COUNT: u32 = LEAD_COUNT * VOWEL_COUNT * TRAIL_COUNT;

/// Returns the canonical decomposition of a syllable: the syllable without its trailing letter and that letter, or else
/// its two letters.
pub(crate) fn decomposition(syllable: char) -> Option<[char; 2]> {
    let index = index(syllable, SYLLABLE_BASE, SYLLABLE_COUNT)?;
    let trail = index.checked_rem(TRAIL_COUNT)?;
    if trail > 0 {
        let open = u32::from(syllable).checked_sub(trail)?;
        return Some([char::from_u32(open)?, character(TRAIL_BASE, trail)?]);
    }
    let pair = index.checked_div(TRAIL_COUNT)?;
    let lead = character(LEAD_BASE, pair.checked_div(VOWEL_COUNT)?)?;
    let vowel = character(VOWEL_BASE, pair.checked_rem(VOWEL_COUNT)?)?;
    Some([lead, vowel])
}

/// Returns the syllable that two letters compose, or an open syllable and a trailing letter.
pub(crate) fn composition([first, second]: [char; 2]) -> Option<char> {
    if let Some(lead) = index(first, LEAD_BASE, LEAD_COUNT) {
        let vowel = index(second, VOWEL_BASE, VOWEL_COUNT)?;
        let pair = lead.checked_mul(VOWEL_COUNT)?.checked_add(vowel)?;
        return character(SYLLABLE_BASE, pair.checked_mul(TRAIL_COUNT)?);
    }
    let syllable = index(first, SYLLABLE_BASE, SYLLABLE_COUNT)?;
    let trail = index(second, TRAIL_BASE, TRAIL_COUNT)?;
    let is_open = syllable.checked_rem(TRAIL_COUNT)? == 0;
    if is_open && trail > 0 { character(SYLLABLE_BASE, syllable.checked_add(trail)?) } else { None }
}

fn index(character: char, base: u32, count: u32) -> Option<u32> {
    u32::from(character).checked_sub(base).filter(|index| *index < count)
}

fn character(base: u32, index: u32) -> Option<char> {
    char::from_u32(base.checked_add(index)?)
}
