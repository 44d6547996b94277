//! Distinguished names as text (RFC 4514), with the short names of OpenSSL for what RFC 4514 has none for.

use std::fmt::Write;

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::{Encode, Tag, Tagged};
use x509_cert::name::Name;

use base16ct::lower::encode_string;

/// The whole name, the most specific part first: `CN=Corp CA,O=Corp,C=DE`. Empty for an empty name.
pub(crate) fn text(name: &Name) -> String {
    let mut text = String::new();
    let parts: Vec<_> = name.iter_rdn().collect();
    for (index, part) in parts.into_iter().rev().enumerate() {
        if index > 0 {
            text.push(',');
        }
        for (index, attribute) in part.iter().enumerate() {
            if index > 0 {
                text.push('+');
            }
            write_attribute(attribute, &mut text);
        }
    }
    text
}

/// The common name, or what comes nearest to one; none for an empty name.
pub(crate) fn short(name: &Name) -> Option<String> {
    let named = |id: &str| name.iter().find(|attribute| attribute.oid.to_string() == id);
    // commonName, organizationalUnitName, organizationName
    let nearest = ["2.5.4.3", "2.5.4.11", "2.5.4.10"].into_iter().find_map(named);
    match nearest.and_then(string) {
        Some(value) => Some(escaped(&value)),
        None if name.is_empty() => None,
        None => Some(text(name)),
    }
}

/// The whole name for comparing: capitals, blanks and kinds of strings make no difference (RFC 5280, section 7.1).
pub(crate) fn folded(name: &Name) -> String {
    text(name).to_ascii_lowercase().split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn write_attribute(attribute: &AttributeTypeAndValue, text: &mut String) {
    let id = attribute.oid.to_string();
    match (type_name(&id), string(attribute)) {
        (Some(name), Some(value)) => {
            let _ = write!(text, "{name}={}", escaped(&value));
        }
        // RFC 4514, section 2.4.
        (name, _) => {
            let der = attribute.value.to_der().unwrap_or_default();
            let _ = write!(text, "{}=#{}", name.unwrap_or(&id), encode_string(&der));
        }
    }
}

fn type_name(id: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 24] = [
        ("2.5.4.3", "CN"),
        ("2.5.4.4", "SN"),
        ("2.5.4.5", "serialNumber"),
        ("2.5.4.6", "C"),
        ("2.5.4.7", "L"),
        ("2.5.4.8", "ST"),
        ("2.5.4.9", "street"),
        ("2.5.4.10", "O"),
        ("2.5.4.11", "OU"),
        ("2.5.4.12", "title"),
        ("2.5.4.13", "description"),
        ("2.5.4.15", "businessCategory"),
        ("2.5.4.17", "postalCode"),
        ("2.5.4.41", "name"),
        ("2.5.4.42", "GN"),
        ("2.5.4.43", "initials"),
        ("2.5.4.44", "generationQualifier"),
        ("2.5.4.46", "dnQualifier"),
        ("2.5.4.65", "pseudonym"),
        ("2.5.4.97", "organizationIdentifier"),
        ("0.9.2342.19200300.100.1.1", "UID"),
        ("0.9.2342.19200300.100.1.25", "DC"),
        ("1.2.840.113549.1.9.1", "emailAddress"),
        ("1.2.840.113549.1.9.2", "unstructuredName"),
    ];
    NAMES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}

/// The value of an attribute that is a string of some kind.
fn string(attribute: &AttributeTypeAndValue) -> Option<String> {
    let bytes = attribute.value.value();
    match attribute.value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::NumericString => {
            String::from_utf8(bytes.to_vec()).ok()
        }
        // In name T.61, in practice Latin-1.
        Tag::TeletexString => Some(bytes.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let units = bytes
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |unit: u16, byte| unit.wrapping_shl(8) | u16::from(*byte)));
            (bytes.len() & 1 == 0).then(|| char::decode_utf16(units).collect::<Result<_, _>>().ok())?
        }
        _ => None,
    }
}

/// A value with its specials escaped (RFC 4514, section 2.4), and whatever could not be seen.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                text.push('\\');
                text.push(character);
            }
            ' ' if index == 0 || index == last => text.push_str("\\ "),
            '#' if index == 0 => text.push_str("\\#"),
            _ => push_visible(character, &mut text),
        }
    }
    text
}

/// A text with whatever could not be seen escaped.
pub(crate) fn visible(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    value.chars().for_each(|character| push_visible(character, &mut text));
    text
}

fn push_visible(character: char, text: &mut String) {
    if !character.is_control() && !is_invisible(character) {
        text.push(character);
        return;
    }
    let mut buffer = [0; 4];
    for byte in character.encode_utf8(&mut buffer).bytes() {
        let _ = write!(text, "\\{byte:02X}");
    }
}

/// Characters that show nothing, or that turn the direction of what is around them.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}
