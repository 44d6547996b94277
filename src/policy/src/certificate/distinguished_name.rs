//! Distinguished names as text (RFC 4514), with OpenSSL's short names for attribute types outside of RFC 4514.

use std::fmt::Write;

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::{Encode, Tag, Tagged};
use x509_cert::name::Name;

use base16ct::lower::encode_string;

use crate::util::display::is_unsafe_for_display;

/// Returns the whole name, the most specific part first: `CN=Corp CA,O=Corp,C=DE`. Empty for an empty name.
pub(crate) fn to_rfc4514(name: &Name) -> String {
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

/// Returns the common name or the closest substitute; `None` for an empty name.
pub(crate) fn common_name(name: &Name) -> Option<String> {
    let named = |id: &str| name.iter().find(|attribute| attribute.oid.to_string() == id);
    // commonName, organizationalUnitName, organizationName
    let nearest = ["2.5.4.3", "2.5.4.11", "2.5.4.10"].into_iter().find_map(named);
    match nearest.and_then(attribute_text) {
        Some(value) => Some(escape_value(&value)),
        None if name.is_empty() => None,
        None => Some(to_rfc4514(name)),
    }
}

/// Returns the name in a form for comparison: letter case, blanks and string types make no difference (RFC 5280,
/// section 7.1).
pub(crate) fn normalized(name: &Name) -> String {
    to_rfc4514(name).to_ascii_lowercase().split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn write_attribute(attribute: &AttributeTypeAndValue, text: &mut String) {
    let id = attribute.oid.to_string();
    match (attribute_type_name(&id), attribute_text(attribute)) {
        (Some(name), Some(value)) => {
            let _ = write!(text, "{name}={}", escape_value(&value));
        }
        // RFC 4514, section 2.4.
        (name, _) => {
            let der = attribute.value.to_der().unwrap_or_default();
            let _ = write!(text, "{}=#{}", name.unwrap_or(&id), encode_string(&der));
        }
    }
}

fn attribute_type_name(id: &str) -> Option<&'static str> {
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

/// Returns the value of an attribute of a string type.
fn attribute_text(attribute: &AttributeTypeAndValue) -> Option<String> {
    let bytes = attribute.value.value();
    match attribute.value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::NumericString => {
            String::from_utf8(bytes.to_vec()).ok()
        }
        // T.61 by the standard, Latin-1 in practice.
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

/// Escapes special characters (RFC 4514, section 2.4) and invisible ones.
fn escape_value(value: &str) -> String {
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
            _ => push_escaped(character, &mut text),
        }
    }
    text
}

/// Escapes invisible characters.
pub(crate) fn escape_invisible(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    value.chars().for_each(|character| push_escaped(character, &mut text));
    text
}

fn push_escaped(character: char, text: &mut String) {
    if !is_unsafe_for_display(character) {
        text.push(character);
        return;
    }
    let mut buffer = [0; 4];
    for byte in character.encode_utf8(&mut buffer).bytes() {
        let _ = write!(text, "\\{byte:02X}");
    }
}
