//! Hangul syllables: composed of their letters by rule, not by table. The Unicode Standard, section 3.12.

const SYLLABLES: u32 = 0xac00;
const LEADS: u32 = 0x1100;
const VOWELS: u32 = 0x1161;
/// One before the first trailing letter: none is also one.
const TRAILS: u32 = 0x11a7;
const LEAD_COUNT: u32 = 19;
const VOWEL_COUNT: u32 = 21;
const TRAIL_COUNT: u32 = 28;
const SYLLABLE_COUNT: u32 = LEAD_COUNT * VOWEL_COUNT * TRAIL_COUNT;

/// What a syllable is composed of: one without a trailing letter and that letter, or else its two letters.
pub(crate) fn parts(syllable: char) -> Option<[char; 2]> {
    let number = number(syllable, SYLLABLES, SYLLABLE_COUNT)?;
    let trail = number.checked_rem(TRAIL_COUNT)?;
    if trail > 0 {
        let rest = u32::from(syllable).checked_sub(trail)?;
        return Some([char::from_u32(rest)?, character(TRAILS, trail)?]);
    }
    let pair = number.checked_div(TRAIL_COUNT)?;
    Some([character(LEADS, pair.checked_div(VOWEL_COUNT)?)?, character(VOWELS, pair.checked_rem(VOWEL_COUNT)?)?])
}

/// The syllable that two letters make, or a syllable and a letter.
pub(crate) fn composition([first, second]: [char; 2]) -> Option<char> {
    if let Some(lead) = number(first, LEADS, LEAD_COUNT) {
        let vowel = number(second, VOWELS, VOWEL_COUNT)?;
        let pair = lead.checked_mul(VOWEL_COUNT)?.checked_add(vowel)?;
        return character(SYLLABLES, pair.checked_mul(TRAIL_COUNT)?);
    }
    let syllable = number(first, SYLLABLES, SYLLABLE_COUNT)?;
    let trail = number(second, TRAILS, TRAIL_COUNT)?;
    let open = syllable.checked_rem(TRAIL_COUNT)? == 0;
    if open && trail > 0 { character(SYLLABLES, syllable.checked_add(trail)?) } else { None }
}

fn number(character: char, first: u32, count: u32) -> Option<u32> {
    u32::from(character).checked_sub(first).filter(|number| *number < count)
}

fn character(first: u32, number: u32) -> Option<char> {
    char::from_u32(first.checked_add(number)?)
}
