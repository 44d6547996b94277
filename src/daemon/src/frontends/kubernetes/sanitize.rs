//! Sanitized excerpts of untrusted text for one line of a terminal, a header, or a log.

use pullgate::redact_userinfo;

use crate::util::sanitize::single_line;

/// Maximum length of an image name in characters. A valid one has at most 255 in its name, 128 in its tag and 135 in
/// its digest.
const MAX_IMAGE_CHARS: usize = 520;

/// Maximum length of a JSON error in characters.
const MAX_ERROR_CHARS: usize = 200;

/// Sanitizes an image name, with user information redacted.
pub fn sanitize_image(text: &str) -> String {
    sanitize_line(&redact_userinfo(text), MAX_IMAGE_CHARS)
}

/// Describes a JSON error without the strings that it quotes, which may be long, or secrets.
pub fn sanitize_json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let without = text.split_once("string \"").and_then(|(before, rest)| {
        let (_, after) = rest.rsplit_once("\", expected")?;
        Some(format!("{before}a text, expected{after}"))
    });
    sanitize_line(&without.unwrap_or(text), MAX_ERROR_CHARS)
}

/// Returns a text on one line of bounded length, with control and bidirectional characters escaped.
pub fn sanitize_line(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(most));
    let mut room = most;
    for character in text.chars() {
        let mut one = [0; 4];
        let written = single_line(character.encode_utf8(&mut one));
        let length = written.chars().count();
        if length > room {
            append_ellipsis(&mut shown, most);
            return shown;
        }
        room -= length;
        shown.push_str(&written);
    }
    shown
}

/// Appends an ellipsis within the length limit.
fn append_ellipsis(text: &mut String, most: usize) {
    const DOTS: &str = "...";
    let keep = most.saturating_sub(DOTS.len());
    if let Some((end, _)) = text.char_indices().nth(keep) {
        text.truncate(end);
    }
    text.push_str(DOTS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_no_longer_than_it_may_be() {
        assert_eq!(sanitize_line("a\nb\r\tc", 9), "a b  c");
        assert_eq!(sanitize_line("a\u{1b}[2Jb\u{202e}", 99), "a\\u{1b}[2Jb\\u{202e}");
        for most in 3..40 {
            for text in ["ä".repeat(100), "\u{1b}".repeat(100), "abc".to_owned()] {
                assert!(sanitize_line(&text, most).chars().count() <= most, "{most}: {}", sanitize_line(&text, most));
            }
        }
        assert_eq!(sanitize_line("abcdef", 6), "abcdef");
        assert_eq!(sanitize_line("abcdefg", 6), "abc...");
    }

    #[test]
    fn passwords_are_not_shown() {
        let error = serde_json::from_str::<u8>(r#""secret\", expected\"""#).unwrap_err();
        assert_eq!(sanitize_json_error(&error), "invalid type: a text, expected u8 at line 1 column 22");
        assert_eq!(sanitize_image("user:secret@host.example/app"), "***********@host.example/app");
        let digest = format!("host.example/app:1@sha256:{}", "a".repeat(64));
        assert_eq!(sanitize_image(&digest), digest);
    }
}
