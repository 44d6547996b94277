//! Texts of somebody else's.

use pullgate::display::is_unsafe_for_display;

/// How long one may get in a report, in characters.
const MAX_LINE_CHARS: usize = 200;

/// A text from a server, fit for a line of a report: no control characters, and not long.
pub(super) fn sanitize_line(text: &str) -> String {
    let mut line = String::new();
    for (count, character) in text.chars().enumerate() {
        if count >= MAX_LINE_CHARS {
            line.push('…');
            break;
        }
        if is_unsafe_for_display(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_escaped() {
        assert_eq!(sanitize_line("a\r\n\u{1b}[2J\u{202e}ü"), "a\\r\\n\\u{1b}[2J\\u{202e}ü");
        assert_eq!(sanitize_line(&"x".repeat(1_000)).chars().count(), MAX_LINE_CHARS + 1);
    }
}
