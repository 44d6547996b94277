//! Host names (rules E5 and E6): conversion to lower-case A-labels by UTS #46.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::finding::RawFinding;
use crate::finding::code::Code;
use crate::host::script;
use crate::util::strings::split_once;

/// The maximum size of a label in octets (RFC 1035, section 2.3.4).
pub(crate) const MAX_LABEL_BYTES: usize = 63;
/// The maximum size of a name in octets, without its root dot (RFC 1035, section 2.3.4, less the length octets).
pub(crate) const MAX_NAME_BYTES: usize = 253;

/// Returns the A-label form of a host name, lower case, without a trailing dot. Offsets of findings are into `whole`,
/// of which `text` must be a slice. `None` comes with at least one error.
pub(crate) fn to_ascii_name<'t>(whole: &str, text: &'t str, findings: &mut Vec<RawFinding>) -> Option<Cow<'t, str>> {
    if is_canonical(text) {
        return Some(Cow::Borrowed(text));
    }
    map_to_ascii(whole, text, findings).map(Cow::Owned)
}

/// Returns whether a canonical name is a single label, which image references cannot name without a port (rule E6).
pub(crate) fn is_single_label(name: &str) -> bool {
    !name.contains('.') && name != "localhost"
}

/// Returns the domains above a name, nearest first: `b.c` and `c` for `a.b.c`.
pub(crate) fn parent_domains(name: &str) -> impl Iterator<Item = &str> {
    let parent = |name| split_once(name, b'.').map(|(_, parent)| parent);
    std::iter::successors(parent(name), move |domain| parent(domain))
}

/// Returns whether the last label is all digits or a hexadecimal number, so that some program would parse an address.
pub(crate) fn looks_numeric(text: &str) -> bool {
    let text = match text.as_bytes() {
        [text @ .., b'.'] => text,
        text => text,
    };
    // Fast path: most names end in a letter that no number ends in.
    if !text.last().is_some_and(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X')) {
        return false;
    }
    match text.rsplit(|byte| *byte == b'.').next() {
        Some([b'0', b'x' | b'X', hexadecimal @ ..]) => hexadecimal.iter().all(u8::is_ascii_hexdigit),
        Some(last) => last.iter().all(u8::is_ascii_digit),
        None => false,
    }
}

/// Returns whether a name is canonical as written; a fast path for most names. `false` means that UTS #46 must decide.
pub(crate) fn is_canonical(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX_NAME_BYTES {
        return false;
    }
    let mut length: usize = 0;
    let mut previous = b'.';
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => length = length.saturating_add(1),
            b'-' if previous != b'.' => {
                // A label with `--`, possibly in its third and fourth place, is left to UTS #46.
                if previous == b'-' {
                    return false;
                }
                length = length.saturating_add(1);
            }
            b'.' if previous != b'.' && previous != b'-' && length <= MAX_LABEL_BYTES => length = 0,
            _ => return false,
        }
        previous = byte;
    }
    previous != b'.' && previous != b'-' && length <= MAX_LABEL_BYTES
}

fn map_to_ascii(whole: &str, text: &str, findings: &mut Vec<RawFinding>) -> Option<String> {
    let errors_before = findings.len();
    check_characters(whole, text, findings);
    if findings.len() > errors_before {
        return None;
    }
    let relative = text.strip_suffix(is_dot).unwrap_or(text);
    for label in relative.split(is_dot) {
        if label.is_empty() {
            let message = format_args!("`{text}` has an empty label: two dots in a row, or one at the beginning");
            findings.push(RawFinding::at_slice(Code::NameLabelEmpty, whole, text, message));
            return None;
        }
        if !is_punycode(label) && (label.starts_with('-') || label.ends_with('-')) {
            findings.push(hyphen_finding(whole, label));
        }
    }
    if findings.len() > errors_before {
        return None;
    }
    let Ok(ascii) = to_ascii(relative, Hyphens::CheckFirstLast) else {
        report_rejected_label(whole, relative, findings);
        return None;
    };
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    check_lengths(whole, relative, ascii, findings);
    if findings.len() > errors_before {
        return None;
    }
    if !text.is_ascii() {
        let message = format_args!("`{text}` is `{ascii}` in the DNS");
        findings.push(RawFinding::at_slice(Code::NameConverted, whole, text, message));
    }
    warn_of_mixed_scripts(whole, text, ascii, findings);
    Some(ascii.to_owned())
}

/// Returns whether a character is the full stop, or one of the three that UTS #46 maps to it.
fn is_dot(character: char) -> bool {
    matches!(character, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

fn is_punycode(label: &str) -> bool {
    label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"))
}

fn to_ascii(text: &str, hyphens: Hyphens) -> Result<Cow<'_, str>, idna::Errors> {
    Uts46::new().to_ascii(text.as_bytes(), AsciiDenyList::STD3, hyphens, DnsLength::Ignore)
}

fn check_characters(whole: &str, text: &str, findings: &mut Vec<RawFinding>) {
    for (at, character) in text.char_indices() {
        let end = at.saturating_add(character.len_utf8());
        let written = text.get(at..end).unwrap_or_default();
        if character.is_ascii() {
            if !matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.') {
                let message = format_args!("a host name has no `{character}`: letters, digits, hyphens and dots only");
                findings.push(RawFinding::at_slice(Code::NameInvalid, whole, written, message));
                return;
            }
        } else if is_removed_by_mapping(character) {
            let message =
                format_args!("a character that nobody can see (U+{:04X}) stands here: delete it", u32::from(character));
            findings.push(RawFinding::at_slice(Code::NameInvisible, whole, written, message).with_fix(""));
        }
    }
}

/// Returns whether the mapping of UTS #46 removes the character.
fn is_removed_by_mapping(character: char) -> bool {
    to_ascii(&format!("a{character}a"), Hyphens::Allow).is_ok_and(|mapped| mapped == "aa")
}

fn hyphen_finding(whole: &str, label: &str) -> RawFinding {
    let message = format_args!("the label `{label}` begins or ends with a hyphen");
    let finding = RawFinding::at_slice(Code::NameHyphen, whole, label, message);
    match label.trim_matches('-') {
        "" => finding,
        trimmed => finding.with_fix(trimmed),
    }
}

/// Reports the label for which UTS #46 rejects the name.
fn report_rejected_label(whole: &str, text: &str, findings: &mut Vec<RawFinding>) {
    for label in text.split(is_dot) {
        if to_ascii(label, Hyphens::CheckFirstLast).is_ok() {
            continue;
        }
        let finding = if is_punycode(label) {
            let message = format_args!("`{label}` begins with `xn--` and is not the ASCII form of any name");
            RawFinding::at_slice(Code::NamePunycode, whole, label, message)
        } else if to_ascii(label, Hyphens::Allow).is_ok() {
            hyphen_finding(whole, label)
        } else {
            let message = format_args!("`{label}` has a character that host names cannot have (UTS #46)");
            RawFinding::at_slice(Code::NameInvalid, whole, label, message)
        };
        findings.push(finding);
        return;
    }
    let message = format_args!("`{text}` mixes writing directions in a way that host names cannot (RFC 5893)");
    findings.push(RawFinding::at_slice(Code::NameInvalid, whole, text, message));
}

fn check_lengths(whole: &str, text: &str, ascii: &str, findings: &mut Vec<RawFinding>) {
    let written: Vec<&str> = text.split(is_dot).collect();
    for (position, label) in ascii.split('.').enumerate() {
        let shown = written.get(position).copied().unwrap_or(text);
        if label.is_empty() {
            let message = format_args!("`{shown}` has an empty label");
            findings.push(RawFinding::at_slice(Code::NameLabelEmpty, whole, shown, message));
            return;
        }
        if label.len() > MAX_LABEL_BYTES {
            let message = format_args!("a label has at most {MAX_LABEL_BYTES} octets, this one has {}", label.len());
            findings.push(RawFinding::at_slice(Code::NameTooLong, whole, shown, message));
            return;
        }
    }
    if ascii.len() > MAX_NAME_BYTES {
        let message = format_args!("a host name has at most {MAX_NAME_BYTES} octets, this one has {}", ascii.len());
        findings.push(RawFinding::at_slice(Code::NameTooLong, whole, text, message));
    }
}

fn warn_of_mixed_scripts(whole: &str, text: &str, ascii: &str, findings: &mut Vec<RawFinding>) {
    if !ascii.split('.').any(|label| label.starts_with("xn--")) {
        return;
    }
    let (unicode, _) = Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    for label in unicode.split('.').filter(|label| script::is_mixed_script(label)) {
        let scripts = script::scripts(label).join(", ");
        let message = format_args!(
            "`{label}` mixes scripts ({scripts}), whose letters can look alike: make sure that it is the name you mean"
        );
        findings.push(RawFinding::at_slice(Code::NameMixedScripts, whole, text, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, Vec<Code>), Vec<Code>> {
        let mut findings = Vec::new();
        let name = to_ascii_name(text, text, &mut findings).map(Cow::into_owned);
        let codes = findings.iter().map(|finding| finding.code).collect();
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
    fn parent_domains_come_nearest_first() {
        assert_eq!(parent_domains("a.b.c").collect::<Vec<_>>(), ["b.c", "c"]);
        assert_eq!(parent_domains("c").count(), 0);
    }
}
