//! Display safety of untrusted text: the unsafe characters, and the three ways to write them.

use std::borrow::Cow;

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

/// Escapes the unsafe characters of a text, such as `\u{1b}`.
pub fn escape_for_terminal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe_for_display(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Returns the text on one line: line ends and tabs become spaces, other unsafe characters are escaped.
pub fn single_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe_for_display) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(escape_for_terminal(&text.replace(['\n', '\r', '\t'], " ")))
}

/// Returns the text on one line of at most `max_chars` characters. A longer text ends with `...`.
pub fn sanitize_line(text: &str, max_chars: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max_chars));
    let mut room = max_chars;
    for character in text.chars() {
        let mut buffer = [0; 4];
        let shown = single_line(character.encode_utf8(&mut buffer));
        match room.checked_sub(shown.chars().count()) {
            Some(rest) => room = rest,
            None => {
                append_ellipsis(&mut line, max_chars);
                return line;
            }
        }
        line.push_str(&shown);
    }
    line
}

/// Appends an ellipsis within the length limit.
fn append_ellipsis(line: &mut String, max_chars: usize) {
    const ELLIPSIS: &str = "...";
    if let Some((end, _)) = line.char_indices().nth(max_chars.saturating_sub(ELLIPSIS.len())) {
        line.truncate(end);
    }
    line.push_str(ELLIPSIS);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\n\u{1b}[31m\u{7f}\u{9b}\u{202e}\u{feff}ü";

    #[test]
    fn unsafe_characters_are_escaped() {
        assert_eq!(escape_for_terminal(TEXT), "a\\u{a}\\u{1b}[31m\\u{7f}\\u{9b}\\u{202e}\\u{feff}ü");
        assert_eq!(single_line(TEXT), "a \\u{1b}[31m\\u{7f}\\u{9b}\\u{202e}\\u{feff}ü");
        assert_eq!(single_line("plain ü"), "plain ü");
    }

    #[test]
    fn sanitized_line_has_at_most_the_given_length() {
        assert_eq!(sanitize_line("a\nb\r\tc", 9), "a b  c");
        assert_eq!(sanitize_line("a\u{1b}[2Jb\u{202e}", 99), "a\\u{1b}[2Jb\\u{202e}");
        for most in 3..40 {
            for text in ["ä".repeat(100), "\u{1b}".repeat(100), "abc".to_owned()] {
                assert!(sanitize_line(&text, most).chars().count() <= most, "{most}: {}", sanitize_line(&text, most));
            }
        }
        assert_eq!(sanitize_line("abcdef", 6), "abcdef");
        assert_eq!(sanitize_line("abcdefg", 6), "abc...");
        assert_eq!(sanitize_line("ab\u{1b}", 7), "ab...");
    }

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
