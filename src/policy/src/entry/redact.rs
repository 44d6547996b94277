//! Redaction of user information, which never leaves the module (rule E11).

use std::borrow::Cow;
use std::ops::Range;

use crate::util::strings::split_once_str;

/// Returns the span of user information: from the start of the authority to the last `@`, included (rule E11). The `@`
/// of a digest, as in an image reference, is not one.
pub fn find_userinfo(text: &str) -> Option<Range<usize>> {
    if !text.as_bytes().contains(&b'@') {
        return None;
    }
    let start = authority_start(text);
    let mut authority = text.get(start..)?;
    loop {
        let (before, after) = authority.rsplit_once('@')?;
        if !separates_digest(before, after) {
            return Some(start..start.saturating_add(before.len()).saturating_add(1));
        }
        authority = before;
    }
}

/// Replaces every character of the user information, percent-encoded too, and of a query or fragment, where tokens
/// stand (rule E11). Offsets stay valid, in UTF-8 and in UTF-16.
pub fn redact_userinfo(text: &str) -> Cow<'_, str> {
    let plain = find_userinfo(text).map(|range| range.start..range.end.saturating_sub(1));
    let encoded = find_encoded_userinfo(text);
    let behind = plain.iter().chain(&encoded).map(|range| range.end).max().unwrap_or_default();
    let query = find_query(text, behind);
    let mut redacted = Cow::Borrowed(text);
    for range in [plain, encoded, query].into_iter().flatten() {
        redacted = Cow::Owned(redact_range(&redacted, range));
    }
    redacted
}

/// Returns the span of percent-encoded user information: from the start of the authority to the last `%40`. No valid
/// entry or reference has a `%`.
fn find_encoded_userinfo(text: &str) -> Option<Range<usize>> {
    let (before, _) = text.rsplit_once("%40")?;
    Some(authority_start(before)..before.len())
}

/// Returns the span behind the first `?` or `#` from a position on. No valid entry or reference has either.
fn find_query(text: &str, from: usize) -> Option<Range<usize>> {
    let start = text.get(from..)?.find(['?', '#'])?.saturating_add(from).saturating_add(1);
    (start < text.len()).then_some(start..text.len())
}

/// Returns the start of the authority: behind a scheme, or behind blanks.
fn authority_start(text: &str) -> usize {
    match split_once_str(text, "://") {
        Some((scheme, _)) if is_scheme(scheme) => scheme.len().saturating_add("://".len()),
        _ => text.len().saturating_sub(text.trim_start().len()),
    }
}

/// Redacts user information, or all of a text that looks like a private key (rule C3).
pub(crate) fn redact_secrets(text: &str) -> Cow<'_, str> {
    if looks_like_private_key(text) { Cow::Owned(redact_range(text, 0..text.len())) } else { redact_userinfo(text) }
}

/// Returns whether a text has the label of a private key, or a run of base64 that is too long for a name.
fn looks_like_private_key(text: &str) -> bool {
    const MIN_KEY_RUN: usize = 40;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    text.contains("PRIVATE KEY")
        || text
            .as_bytes()
            .chunk_by(|a, b| is_base64(*a) == is_base64(*b))
            .any(|run| run.len() >= MIN_KEY_RUN && run.first().is_some_and(|byte| is_base64(*byte)))
}

fn redact_range(text: &str, secret: Range<usize>) -> String {
    let redacted = text.char_indices().map(|(at, character)| {
        if !secret.contains(&at) {
            return character;
        }
        // Replacements have the same width in both encodings.
        match character.len_utf8() {
            1 => '*',
            2 => '\u{b7}',
            3 => '\u{2022}',
            _ => '\u{1f784}',
        }
    });
    redacted.collect()
}

/// Returns whether the text is a scheme (RFC 3986, section 3.1).
pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Returns whether an `@` separates a name from its digest, even a mistyped one, and not user information from a host.
/// Ambiguous text has no digest: better to redact a name than to show a password.
fn separates_digest(before: &str, after: &str) -> bool {
    let (in_front, name) = before.rsplit_once('@').map_or((None, before), |(front, name)| (Some(front), name));
    let (algorithm, hexadecimal) = after.split_once(':').unwrap_or((after, ""));
    let is_known = matches!(algorithm, "sha256" | "sha384" | "sha512");
    let is_whole = hexadecimal.len() >= 32 && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Without a `/` the tag of a name cannot be told from a password.
    let Some((registry, path)) = name.split_once('/') else { return is_known && is_whole && !name.contains(':') };
    let is_registry = match registry.rsplit_once(':') {
        Some((host, port)) => {
            host.starts_with('[') || !host.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => true,
    };
    if !is_registry {
        return false;
    }
    if is_known && is_whole {
        return true;
    }
    // No host contains `+`. Without any `:` there is no password, and no user name has both `.` and `/`.
    let is_no_host = is_known || algorithm.contains('+') && !path.contains(':');
    let is_empty = after.is_empty() && registry.contains('.') && !name.contains(':');
    in_front.is_none() && (is_no_host || is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e11_a_mistyped_digest_does_not_mask_the_name() {
        let digest = "0123456789abcdef".repeat(4);
        for text in [
            "h.corp/app:1@sha256:abc",
            "h.corp:5000/app@sha256:abc",
            "[2001:db8::1]:5000/app@sha256:abc",
            "https://h.corp/app@sha256:abc",
            "team/app:1@sha512:",
            "h.corp/x@foo+bar:0",
            "h.corp/x@",
            &format!("alpine@sha256:{digest}"),
            &format!("h.corp/app:1@sha256:{digest}"),
        ] {
            assert_eq!(redact_userinfo(text), text);
        }
        for text in [
            &format!("bob:s3cret@sha256:{digest}"),
            &format!("bob:s3cret/x@sha256:{digest}"),
            &format!("bob:s3cret@h.corp/x@sha256:{digest}"),
            "bob:s3cret@h.corp/x@sha256:abc",
            "bob:s3cret@sha256:abc",
            "bob:s3cret/x@sha256:abc",
            "corp/bob:s3cret@harbor",
            "corp/bob:s3cret@harbor:5000",
            "corp/bob:s3cret@harbor+1:5000",
            "s3cret/x@harbor:5000",
            "s3cret/x@",
            "bob:1/s3cret@",
            "bob.x:1/s3cret@",
            "bob:p@s3.cret/x@",
        ] {
            let redacted = redact_userinfo(text);
            assert!(!redacted.contains("cret"), "{redacted}");
        }
    }

    #[test]
    fn e11_passwords_are_masked_wherever_they_stand() {
        let digest = format!("h/x@sha256:{}", "a".repeat(64));
        for (text, redacted) in [
            ("user:secret@host", "***********@host"),
            ("https://user:secret@host/x", "https://***********@host/x"),
            ("user:se/cret@host", "************@host"),
            ("a@b@host", "***@host"),
            ("usér:密@host", "**\u{b7}*\u{2022}"),
            ("host/x", "host/x"),
            ("bob%3Asecret%40host/x", "************%40host/x"),
            ("https://bob:secret%40host/x", "https://**********%40host/x"),
            ("https://host/x?token=secret", "https://host/x?************"),
            ("https://host/x#secret?", "https://host/x#*******"),
            ("user:se?cret@host/x?a=secret", "************@host/x?********"),
            ("host/x?", "host/x?"),
            (&digest, &digest),
        ] {
            let got = redact_userinfo(text);
            assert!(got.starts_with(redacted.trim_end_matches("*\u{2022}")) || got == redacted, "{text}: {got}");
            assert_eq!(got.len(), text.len());
            assert_eq!(got.encode_utf16().count(), text.encode_utf16().count());
            assert!(!got.contains("secret") && !got.contains('密'), "{got}");
        }
        assert_eq!(redact_userinfo("user:secret@host"), "***********@host");
    }

    /// The JavaScript of the npm package redacts by itself if the module trapped, and has to hide as much.
    #[test]
    fn e11_shared_cases_are_redacted() {
        let cases = include_str!("../../../../tests/redaction.json");
        let cases: Vec<[String; 2]> = serde_json::from_str(cases).unwrap();
        for [text, redacted] in cases {
            assert_eq!(redact_userinfo(&text), redacted);
        }
    }
}
