//! Host names (rules E5 and E6): UTS #46 to A-labels, in lower case.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::finding::Note;
use crate::finding::code::Code;
use crate::host::script;
use crate::util::strings::split_once;

/// The most octets that a label may have (RFC 1035, section 2.3.4).
pub(crate) const MAX_LABEL: usize = 63;
/// The most octets that a name may have without its root dot (RFC 1035, section 2.3.4, less the length octets).
pub(crate) const MAX_NAME: usize = 253;

/// The A-label form of a host name, lower case, without a trailing dot. Notes say what is wrong or worth knowing, with
/// offsets into `whole`, of which `text` must be a part. `None` goes with at least one error.
pub(crate) fn normalise<'t>(whole: &str, text: &'t str, notes: &mut Vec<Note>) -> Option<Cow<'t, str>> {
    if is_canonical(text) {
        return Some(Cow::Borrowed(text));
    }
    convert(whole, text, notes).map(Cow::Owned)
}

/// Whether a canonical name has one label only, which image references cannot name without a port (rule E6).
pub(crate) fn is_single_label(name: &str) -> bool {
    !name.contains('.') && name != "localhost"
}

/// The domains above a name, nearest first: `b.c` and `c` for `a.b.c`.
pub(crate) fn parents(name: &str) -> impl Iterator<Item = &str> {
    let parent = |name| split_once(name, b'.').map(|(_, parent)| parent);
    std::iter::successors(parent(name), move |domain| parent(domain))
}

/// Whether the last label is all digits or a hexadecimal number, so that some program would read an address.
pub(crate) fn looks_numeric(text: &str) -> bool {
    let text = match text.as_bytes() {
        [text @ .., b'.'] => text,
        text => text,
    };
    // Most names end in a letter that no number ends in.
    if !text.last().is_some_and(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X')) {
        return false;
    }
    match text.rsplit(|byte| *byte == b'.').next() {
        Some([b'0', b'x' | b'X', hexadecimal @ ..]) => hexadecimal.iter().all(u8::is_ascii_hexdigit),
        Some(last) => last.iter().all(u8::is_ascii_digit),
        None => false,
    }
}

/// Whether a name is in canonical form as it is written, as most are. `false` where UTS #46 has to have a look.
pub(crate) fn is_canonical(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX_NAME {
        return false;
    }
    let mut length: usize = 0;
    let mut previous = b'.';
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => length = length.saturating_add(1),
            b'-' if previous != b'.' => {
                // Some label has `--`, perhaps in its third and fourth place: let UTS #46 have a look.
                if previous == b'-' {
                    return false;
                }
                length = length.saturating_add(1);
            }
            b'.' if previous != b'.' && previous != b'-' && length <= MAX_LABEL => length = 0,
            _ => return false,
        }
        previous = byte;
    }
    previous != b'.' && previous != b'-' && length <= MAX_LABEL
}

fn convert(whole: &str, text: &str, notes: &mut Vec<Note>) -> Option<String> {
    let errors_before = notes.len();
    check_characters(whole, text, notes);
    if notes.len() > errors_before {
        return None;
    }
    let relative = text.strip_suffix(is_dot).unwrap_or(text);
    for label in relative.split(is_dot) {
        if label.is_empty() {
            let message = format_args!("`{text}` has an empty label: two dots in a row, or one at the beginning");
            notes.push(Note::about(Code::NameLabelEmpty, whole, text, message));
            return None;
        }
        if !is_punycode(label) && (label.starts_with('-') || label.ends_with('-')) {
            notes.push(hyphen(whole, label));
        }
    }
    if notes.len() > errors_before {
        return None;
    }
    let Ok(ascii) = to_ascii(relative, Hyphens::CheckFirstLast) else {
        diagnose(whole, relative, notes);
        return None;
    };
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    check_lengths(whole, relative, ascii, notes);
    if notes.len() > errors_before {
        return None;
    }
    if !text.is_ascii() {
        let message = format_args!("`{text}` is `{ascii}` in the DNS");
        notes.push(Note::about(Code::NameConverted, whole, text, message));
    }
    warn_of_mixed_scripts(whole, text, ascii, notes);
    Some(ascii.to_owned())
}

/// The full stop and the three characters that UTS #46 maps to it.
fn is_dot(character: char) -> bool {
    matches!(character, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

fn is_punycode(label: &str) -> bool {
    label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"))
}

fn to_ascii(text: &str, hyphens: Hyphens) -> Result<Cow<'_, str>, idna::Errors> {
    Uts46::new().to_ascii(text.as_bytes(), AsciiDenyList::STD3, hyphens, DnsLength::Ignore)
}

fn check_characters(whole: &str, text: &str, notes: &mut Vec<Note>) {
    for (at, character) in text.char_indices() {
        let end = at.saturating_add(character.len_utf8());
        let written = text.get(at..end).unwrap_or_default();
        if character.is_ascii() {
            if !matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.') {
                let message = format_args!("a host name has no `{character}`: letters, digits, hyphens and dots only");
                notes.push(Note::about(Code::NameInvalid, whole, written, message));
                return;
            }
        } else if vanishes(character) {
            let message =
                format_args!("a character that nobody can see (U+{:04X}) stands here: delete it", u32::from(character));
            notes.push(Note::about(Code::NameInvisible, whole, written, message).fix(""));
        }
    }
}

/// Whether the mapping of UTS #46 deletes the character without a trace.
fn vanishes(character: char) -> bool {
    to_ascii(&format!("a{character}a"), Hyphens::Allow).is_ok_and(|mapped| mapped == "aa")
}

fn hyphen(whole: &str, label: &str) -> Note {
    let message = format_args!("the label `{label}` begins or ends with a hyphen");
    let note = Note::about(Code::NameHyphen, whole, label, message);
    match label.trim_matches('-') {
        "" => note,
        trimmed => note.fix(trimmed),
    }
}

/// Finds the label for which UTS #46 refuses the name.
fn diagnose(whole: &str, text: &str, notes: &mut Vec<Note>) {
    for label in text.split(is_dot) {
        if to_ascii(label, Hyphens::CheckFirstLast).is_ok() {
            continue;
        }
        let note = if is_punycode(label) {
            let message = format_args!("`{label}` begins with `xn--` and is not the ASCII form of any name");
            Note::about(Code::NamePunycode, whole, label, message)
        } else if to_ascii(label, Hyphens::Allow).is_ok() {
            hyphen(whole, label)
        } else {
            let message = format_args!("`{label}` has a character that host names cannot have (UTS #46)");
            Note::about(Code::NameInvalid, whole, label, message)
        };
        notes.push(note);
        return;
    }
    let message = format_args!("`{text}` mixes writing directions in a way that host names cannot (RFC 5893)");
    notes.push(Note::about(Code::NameInvalid, whole, text, message));
}

fn check_lengths(whole: &str, text: &str, ascii: &str, notes: &mut Vec<Note>) {
    let written: Vec<&str> = text.split(is_dot).collect();
    for (position, label) in ascii.split('.').enumerate() {
        let shown = written.get(position).copied().unwrap_or(text);
        if label.is_empty() {
            let message = format_args!("`{shown}` has an empty label");
            notes.push(Note::about(Code::NameLabelEmpty, whole, shown, message));
            return;
        }
        if label.len() > MAX_LABEL {
            let message = format_args!("a label has at most {MAX_LABEL} octets, this one has {}", label.len());
            notes.push(Note::about(Code::NameTooLong, whole, shown, message));
            return;
        }
    }
    if ascii.len() > MAX_NAME {
        let message = format_args!("a host name has at most {MAX_NAME} octets, this one has {}", ascii.len());
        notes.push(Note::about(Code::NameTooLong, whole, text, message));
    }
}

fn warn_of_mixed_scripts(whole: &str, text: &str, ascii: &str, notes: &mut Vec<Note>) {
    if !ascii.split('.').any(|label| label.starts_with("xn--")) {
        return;
    }
    let (unicode, _) = Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    for label in unicode.split('.').filter(|label| script::mixed(label)) {
        let scripts = script::names(label).join(", ");
        let message = format_args!(
            "`{label}` mixes scripts ({scripts}), whose letters can look alike: make sure that it is the name you mean"
        );
        notes.push(Note::about(Code::NameMixedScripts, whole, text, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, Vec<Code>), Vec<Code>> {
        let mut notes = Vec::new();
        let name = normalise(text, text, &mut notes).map(Cow::into_owned);
        let codes = notes.iter().map(|note| note.code).collect();
        match name {
            Some(name) => Ok((name, codes)),
            None => Err(codes),
        }
    }

    fn name(text: &str) -> String {
        read(text).unwrap().0
    }

    #[test]
    fn e5_names_are_mapped_to_lower_case_a_labels() {
        assert_eq!(name("Harbor.Corp.Local."), "harbor.corp.local");
        assert_eq!(name("bücher.example"), "xn--bcher-kva.example");
        assert_eq!(name("faß.example"), "xn--fa-hia.example");
        assert_eq!(name("XN--BCHER-KVA.example"), "xn--bcher-kva.example");
        assert_eq!(name("ab--cd.example"), "ab--cd.example");
        assert_eq!(name("harbor。corp。"), "harbor.corp");
        assert_eq!(read("bücher.example").unwrap().1, [Code::NameConverted]);
        assert_eq!(read("Harbor.Corp.Local.").unwrap().1, []);
    }

    #[test]
    fn e5_refusals_have_their_own_codes() {
        for (text, code) in [
            ("ex_ample.com", Code::NameInvalid),
            ("a..b", Code::NameLabelEmpty),
            (".a", Code::NameLabelEmpty),
            (".", Code::NameLabelEmpty),
            ("-a.b", Code::NameHyphen),
            ("a-.b", Code::NameHyphen),
            ("bücher-.b", Code::NameHyphen),
            ("xn--zzzzzzzz99999.com", Code::NamePunycode),
            ("xn--.com", Code::NamePunycode),
            ("har\u{200b}bor.com", Code::NameInvisible),
            ("har\u{ad}bor.com", Code::NameInvisible),
            ("a\u{202e}b.com", Code::NameInvalid),
            ("a\u{2100}b.com", Code::NameInvalid),
        ] {
            assert_eq!(read(text), Err(vec![code]), "{text:?}");
        }
    }

    #[test]
    fn e5_lengths_are_counted_in_octets_of_the_a_labels() {
        let label = "a".repeat(63);
        assert_eq!(name(&format!("{label}.b")), format!("{label}.b"));
        assert_eq!(read(&format!("{label}a.b")), Err(vec![Code::NameTooLong]));
        let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
        assert_eq!(longest.len(), 253);
        assert_eq!(name(&longest), longest);
        assert_eq!(name(&format!("{longest}.")), longest);
        assert_eq!(read(&format!("{longest}b")), Err(vec![Code::NameTooLong]));
        assert_eq!(read(&format!("{}.b", "ü".repeat(60))), Err(vec![Code::NameTooLong]));
    }

    #[test]
    fn e5_mixed_scripts_are_warned_of_where_a_person_cannot_see_them() {
        assert_eq!(read("p\u{430}ypal.com").unwrap().1, [Code::NameConverted, Code::NameMixedScripts]);
        assert_eq!(read("日本ひらがなカタカナabc.jp").unwrap().1, [Code::NameConverted]);
        assert_eq!(read("почта.рф").unwrap().1, [Code::NameConverted]);
        assert_eq!(read("xn--pypal-4ve.com").unwrap().1, [Code::NameMixedScripts]);
    }

    #[test]
    fn numeric_looks() {
        for text in
            ["1.2.3.4", "256.1.1.1", "192.168.0", "010.0.0.1", "0x7f.1", "2130706433", "a.0x10", "a.0X", "1.2.3.4."]
        {
            assert!(looks_numeric(text), "{text}");
        }
        for text in ["a.b", "1.2.3.4a", "0xg", "3com", "", "."] {
            assert!(!looks_numeric(text), "{text}");
        }
    }

    #[test]
    fn parents_come_nearest_first() {
        assert_eq!(parents("a.b.c").collect::<Vec<_>>(), ["b.c", "c"]);
        assert_eq!(parents("c").count(), 0);
    }
}
