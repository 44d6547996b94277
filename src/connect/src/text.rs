//! Sanitizing of text from servers.

use pullgate::display::sanitize_line;

/// The maximum length of a sanitized text, in characters.
pub(crate) const MAX_TEXT_CHARS: usize = 200;

/// Returns text from a server on one line of bounded length that is safe for display.
pub(crate) fn sanitize_server_text(text: &str) -> String {
    sanitize_line(text, MAX_TEXT_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_text_has_bounded_length() {
        assert_eq!(sanitize_server_text("a\r\n\u{1b}[2J\u{202e}ü"), "a  \\u{1b}[2J\\u{202e}ü");
        for text in ["x", "\u{202e}"] {
            assert!(sanitize_server_text(&text.repeat(1_000)).chars().count() <= MAX_TEXT_CHARS);
        }
    }
}
