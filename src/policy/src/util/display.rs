//! Display safety of untrusted text.

/// Returns whether a character is a control of the Unicode bidirectional algorithm (UAX #9), or a line or paragraph
/// separator: each can move the text after it.
pub fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether a character can control a terminal, reorder the text around it, or is invisible. Human-readable
/// output must escape it.
pub fn is_unsafe_for_display(character: char) -> bool {
    character.is_control() || !character.is_ascii() && (is_bidi_control(character) || is_invisible(character))
}

fn is_invisible(character: char) -> bool {
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
    fn visible_characters_are_safe() {
        for character in
            ['\n', '\u{1b}', '\u{85}', '\u{200b}', '\u{202e}', '\u{2028}', '\u{2069}', '\u{feff}', '\u{e0041}']
        {
            assert!(is_unsafe_for_display(character), "{character:?}");
        }
        assert!(!"aü 密\u{a0}\u{1f600}-_.*".contains(is_unsafe_for_display));
    }
}
