//! Redaction of secrets in source excerpts before they are printed.

use std::ops::Range;

use pullgate::{Code, Finding};

use crate::member_values::{is_policy_member, member_value};

/// The codes of findings that mark a secret, which is never printed.
const SECRET_CODES: &[Code] = &[Code::UserInformation, Code::PrivateKey, Code::Pkcs12, Code::Query, Code::Fragment];

/// Returns the secret that a finding marks (`place`, in `text`), if any.
pub fn secret_range(finding: &Finding, text: &str, place: &Range<usize>) -> Option<Range<usize>> {
    match finding.code {
        Code::MemberUnknown => return member_value(text, place.end),
        Code::MemberDuplicate if !is_policy_member(text.get(place.clone())?) => return member_value(text, place.end),
        // What is no list or string can have members that no policy has.
        Code::TypeWrong if text.get(place.clone())?.starts_with(['{', '[']) => return Some(place.clone()),
        _ => {}
    }
    if !SECRET_CODES.contains(&finding.code) {
        return None;
    }
    // The `@` after the user information is kept, and the `?` or `#` in front of the rest of a URL: they show what the
    // stars are.
    let marked = text.get(place.clone()).unwrap_or_default();
    let (is_query, is_user) = (marked.starts_with(['?', '#']), marked.ends_with('@'));
    Some(place.start + usize::from(is_query)..place.end - usize::from(is_user && !is_query))
}

/// Returns the ranges of a document that look like user information (`user:password@`), the query or fragment of a URL,
/// or a base64 key.
///
/// Findings mark both in entries and certificates. A document that is not even JSON or TOML has no such findings and
/// may have a password on the printed line, and a damaged key may not be recognized as one.
pub fn suspected_secrets(document: &str) -> Vec<Range<usize>> {
    let pieces = quoted_pieces(document);
    let passwords = pieces.iter().filter(|piece| document[(*piece).clone()].contains(':'));
    let passwords = passwords.filter_map(|piece| find_userinfo(&document[piece.clone()], piece.start));
    let queries = pieces.iter().filter_map(|piece| find_query(&document[piece.clone()], piece.start));
    passwords.chain(queries).chain(base64_ranges(document)).collect()
}

/// Returns ranges of base64, including line ends, also escaped ones: those too long for a name, and all of them behind
/// a BEGIN line, since a damaged key can contain anything.
fn base64_ranges(document: &str) -> Vec<Range<usize>> {
    const LONG: usize = 60;
    let bytes = document.as_bytes();
    let mut stretches = Vec::new();
    let (mut start, mut length, mut at, mut in_block) = (0, 0, 0, false);
    while at <= bytes.len() {
        let width = match &bytes[at..] {
            [byte, ..] if byte.is_ascii_alphanumeric() || b"+/=".contains(byte) => {
                length += 1;
                1
            }
            [b'\r' | b'\n', ..] if length > 0 => 1,
            [b'\\', b'r' | b'n', ..] if length > 0 => 2,
            rest => {
                if length >= LONG || in_block && length > 0 {
                    stretches.push(start..at);
                }
                let width = match rest {
                    // The label is not secret.
                    [b'-', b'B', b'E', b'G', b'I', b'N', b' ', label @ ..] => {
                        in_block = true;
                        7 + label.iter().position(|byte| b"-\n\\".contains(byte)).unwrap_or(label.len())
                    }
                    [b'\\', b'r' | b'n', ..] => 2,
                    _ => {
                        in_block &= !rest.starts_with(b"-END ") && !rest.starts_with(b"\"");
                        1
                    }
                };
                (length, start) = (0, at + width);
                width
            }
        };
        at += width;
    }
    stretches
}

/// Returns the suspected secrets of a text that is one entry.
pub fn suspected_secrets_in_entry(entry: &str) -> Vec<Range<usize>> {
    find_userinfo(entry, 0).into_iter().chain(find_query(entry, 0)).collect()
}

/// Returns a range of a text with every byte of the secrets replaced by `*`, so that offsets are kept.
pub fn redact(text: &str, stretch: Range<usize>, secrets: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(stretch.len());
    for (at, character) in text[stretch.clone()].char_indices() {
        if secrets.iter().any(|secret| secret.contains(&(stretch.start + at))) {
            shown.extend(std::iter::repeat_n('*', character.len_utf8()));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Returns the pieces inside and between quotes, line by line, that contain an `@`, a `?` or a `#`.
fn quoted_pieces(document: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut start, mut quote, mut escaped, mut is_suspect) = (0, None, false, false);
    for (at, byte) in document.bytes().chain([b'\n']).enumerate() {
        let ends = match quote {
            Some(quote) => byte == quote && !escaped,
            None => byte == b'"' || byte == b'\'',
        };
        is_suspect |= b"@?#".contains(&byte);
        escaped = quote == Some(b'"') && byte == b'\\' && !escaped;
        if ends || byte == b'\n' {
            if is_suspect {
                pieces.push(start..at);
            }
            quote = if byte == b'\n' || quote.is_some() { None } else { Some(byte) };
            (start, is_suspect) = (at + 1, false);
        }
    }
    pieces
}

/// Returns the range of the user information, without its `@`.
fn find_userinfo(piece: &str, offset: usize) -> Option<Range<usize>> {
    let found = pullgate::find_userinfo(piece)?;
    Some(offset + found.start..offset + found.end - 1)
}

/// Returns the range behind the first `?` or `#` of a text that may be a URL: it has no blanks.
fn find_query(piece: &str, offset: usize) -> Option<Range<usize>> {
    let behind_user = pullgate::find_userinfo(piece).map_or(0, |found| found.end);
    let start = behind_user + piece[behind_user..].find(['?', '#'])? + 1;
    let is_url = start > 1 && start < piece.len() && !piece.contains(char::is_whitespace);
    is_url.then_some(offset + start..offset + piece.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        redact(text, 0..text.len(), &suspected_secrets(text))
    }

    #[test]
    fn marked_ranges_keep_their_width() {
        let text = "a pässword b";
        assert_eq!(redact(text, 0..text.len(), &[0..1, 2..11]), "* ********* b");
        assert_eq!(redact(text, 9..text.len(), &[0..1, 2..11]), "** b");
    }

    #[test]
    fn long_base64_is_taken_for_a_key() {
        let key = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7VJTUt9Us8cKj";
        for (opening, line_end) in [("pem = '''", "\n"), ("{\"pem\": \"", "\\n")] {
            let shown = shown(&format!("{opening}{key}{line_end}ab12+/==\" x"));
            assert!(shown.starts_with(opening) && shown.ends_with("\" x"), "{shown}");
            assert!(!shown.contains("ab12") && !shown.contains("MIIE"), "{shown}");
        }
        let name = "a-registry.with-a-long-name.example.com/and/a/long/path/as/well/as/this/one";
        assert_eq!(shown(name), name);
    }

    #[test]
    fn c3_nothing_of_a_damaged_key_is_shown() {
        for (document, kept) in [
            (
                "a = \"\"\"\n-----BEGIN CERTIFICATE-----\nMIIEvg!IBADANB\nAABB\n-----END CERTIFICATE-----\n\"\"\"\nb = 'name'",
                ["BEGIN CERTIFICATE", "!", "b = 'name'"],
            ),
            (
                r#"{"pem": "-----BEGIN CERTIFICATE-----\nMIIEvg!IBADANB\nAABB\n-----END CERTIFICATE-----\n", "b": "name"}"#,
                ["BEGIN CERTIFICATE", "!", r#", "b": "name"}"#],
            ),
            (r#"{"pem": "-----BEGIN CERTIFICATE-----\nMIIEvg!IBADANB\nAABB", "b": "name"}"#, ["!", "name", "pem"]),
        ] {
            let shown = shown(document);
            assert!(!["MII", "BAD", "AABB"].iter().any(|part| shown.contains(part)), "{shown}");
            assert!(kept.iter().all(|part| shown.contains(part)), "{shown}");
        }
    }

    #[test]
    fn user_information_is_found_where_nothing_parses() {
        for (text, expected) in [
            (r#"["https://user:secret@host" oops"#, r#"["https://***********@host" oops"#),
            (r#"["https://user:it's \" a@host"]"#, r#"["https://**************@host"]"#),
            ("user:se@cret@host", "************@host"),
            ("# don't\na = 'user:secret@host'", "# don't\na = '***********@host'"),
            ("comment = \"mail bob@example.com\"", "comment = \"mail bob@example.com\""),
            ("h:5000/x@sha256:00", "h:5000/x@sha256:00"),
            ("user:secret@h:5000/x@sha256:00", "********************@sha256:00"),
            ("user:secret@sha256:00", "***********@sha256:00"),
            (r#"["h.corp/x?token=secret", "h.corp#secret" oops"#, r#"["h.corp/x?************", "h.corp#******" oops"#),
            ("a = 'https://u:p?q@h/x?y#z' # why?", "a = 'https://*****@h/x?***' # why?"),
            ("comment = \"is it? yes #1\"", "comment = \"is it? yes #1\""),
        ] {
            assert_eq!(shown(text), expected);
        }
    }
}
