//! Sanitizing of untrusted text.

use std::borrow::Cow;
use std::fmt::Write;

use pullgate::display::is_unsafe_for_display;
pub use pullgate_source::io_error_reason;

/// Returns equivalent JSON with control characters escaped as `\u001b`; JSON itself allows most of them unescaped.
pub fn escape_controls(json: &str) -> Cow<'_, str> {
    if !json.contains(is_unsafe_for_display) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unsafe_for_display(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\n\u{1b}[31m\u{7f}\u{9b}\u{202e}\u{feff}ü";

    #[test]
    fn json_means_the_same() {
        let json = serde_json::to_string(TEXT).unwrap();
        assert_eq!(escape_controls(&json), r#""a\n\u001b[31m\u007f\u009b\u202e\ufeffü""#);
        assert_eq!(serde_json::from_str::<String>(&escape_controls(&json)).unwrap(), TEXT);
    }
}
