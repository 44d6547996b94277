//! Texts of somebody else's, before people see them.

/// The controls of the Unicode bidirectional algorithm, and line and paragraph separators: what stands behind them may be
/// shown elsewhere than it stands.
pub fn reorders(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether it may do something to a terminal or to how the text around it is shown, or shows nothing itself: in a line for
/// people it is to be written out.
pub fn is_control(character: char) -> bool {
    character.is_control() || !character.is_ascii() && (reorders(character) || shows_nothing(character))
}

fn shows_nothing(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_stays() {
        for character in
            ['\n', '\u{1b}', '\u{85}', '\u{200b}', '\u{202e}', '\u{2028}', '\u{2069}', '\u{feff}', '\u{e0041}']
        {
            assert!(is_control(character), "{character:?}");
        }
        assert!(!"aü 密\u{a0}\u{1f600}-_.*".contains(is_control));
    }
}
