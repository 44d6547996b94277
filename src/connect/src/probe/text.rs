//! Texts of somebody else's.

use pullgate::display::is_control;

/// How long one may get in a report, in characters.
const LONGEST: usize = 200;

/// A text from a server, fit for a line of a report: no control characters, and not long.
pub(super) fn shown(text: &str) -> String {
    let mut line = String::new();
    for (count, character) in text.chars().enumerate() {
        if count >= LONGEST {
            line.push('…');
            break;
        }
        if is_control(character) {
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
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(shown("a\r\n\u{1b}[2J\u{202e}ü"), "a\\r\\n\\u{1b}[2J\\u{202e}ü");
        assert_eq!(shown(&"x".repeat(1_000)).chars().count(), LONGEST + 1);
    }
}
