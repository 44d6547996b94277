//! Sanitized excerpts of untrusted text for one line of a terminal, a header, or a log.

pub use pullgate::display::sanitize_line;
use pullgate::redact_userinfo;

use crate::util::strict_json::describe_json_error;

/// Maximum length of an image name in characters. A valid one has at most 255 in its name, 128 in its tag and 135 in
/// its digest.
const MAX_IMAGE_CHARS: usize = 520;

/// Maximum length of a JSON error in characters.
const MAX_ERROR_CHARS: usize = 200;

/// Sanitizes an image name, with user information redacted.
pub fn sanitize_image(text: &str) -> String {
    sanitize_line(&redact_userinfo(text), MAX_IMAGE_CHARS)
}

/// Describes a JSON error without the string that it quotes.
pub fn sanitize_json_error(error: &serde_json::Error) -> String {
    sanitize_line(&describe_json_error(error), MAX_ERROR_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let error = serde_json::from_str::<u8>(r#""secret\", expected\"""#).unwrap_err();
        assert_eq!(sanitize_json_error(&error), "invalid type: a text, expected u8 at line 1 column 22");
        assert_eq!(sanitize_image("user:secret@host.example/app"), "***********@host.example/app");
        let digest = format!("host.example/app:1@sha256:{}", "a".repeat(64));
        assert_eq!(sanitize_image(&digest), digest);
    }
}
