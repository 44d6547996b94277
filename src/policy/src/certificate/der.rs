//! What DER is, told from its outline (rule C3), so that what was given by mistake can be called by its name.

use x509_cert::der::{Decode, Header, Reader, SliceReader, Tag, Tagged, asn1::AnyRef, oid::ObjectIdentifier};

/// What a block or a binary file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// RFC 5280, section 4.1.
    Certificate,
    /// PKCS #10 (RFC 2986).
    Request,
    /// SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7) or PKCS #1 (RFC 8017, appendix A.1.1).
    PublicKey,
    /// PKCS #7 or CMS (RFC 5652).
    Pkcs7,
    /// RFC 7292.
    Pkcs12,
    /// RFC 5280, section 5.1.
    RevocationList,
    /// PKCS #8 (RFC 5958), encrypted or not, PKCS #1 (RFC 8017, appendix A.1.2), SEC 1 (RFC 5915), or DSA's.
    PrivateKey,
}

/// signedData (RFC 5652, section 5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// What DER is; `None` where it is nothing known, or damaged at once.
pub(crate) fn of(der: &[u8]) -> Option<Content> {
    use Tag::{Integer, ObjectIdentifier as Oid, OctetString, Sequence};
    // What follows the outer sequence is no matter here.
    let mut reader = SliceReader::new(der).ok()?;
    let header: Header = reader.decode().ok()?;
    if header.tag() != Sequence {
        return None;
    }
    // Even of a file that is cut off the beginning tells.
    let rest = reader.read_slice(reader.remaining_len()).ok()?;
    let length = usize::try_from(u32::from(header.length())).ok()?;
    let outer = elements(rest.get(..length).unwrap_or(rest));
    match tags(&outer).as_slice() {
        // A version before a PKCS #7 structure; before an algorithm, what follows being cut off or not; before a number.
        [Integer, Sequence, ..] if is_pkcs7(outer.get(1)?) => Some(Content::Pkcs12),
        [Integer, Sequence, ..] => Some(Content::PrivateKey),
        [Integer, OctetString, ..] => Some(Content::PrivateKey),
        [Integer, Integer] => Some(Content::PublicKey),
        [Integer, Integer, ..] => Some(Content::PrivateKey),
        [Oid, ..] => (outer.first()?.decode_as().ok() == Some(SIGNED_DATA)).then_some(Content::Pkcs7),
        [Sequence, OctetString] => Some(Content::PrivateKey),
        [Sequence, Tag::BitString] => Some(Content::PublicKey),
        [Sequence, ..] => inner(&elements(outer.first()?.value())),
        _ => None,
    }
}

/// Whether a structure begins with a content type of PKCS #7 (RFC 5652, section 4).
fn is_pkcs7(structure: &AnyRef<'_>) -> bool {
    let kind = elements(structure.value()).first().and_then(|kind| kind.decode_as::<ObjectIdentifier>().ok());
    kind.is_some_and(|kind| kind.parent() == SIGNED_DATA.parent())
}

/// Whether DER is one element and nothing after it.
pub(crate) fn is_one(der: &[u8]) -> bool {
    AnyRef::from_der(der).is_ok()
}

/// Whether this is what OpenSSL writes after a trusted certificate: purposes, a name, a key's identifier.
pub(crate) fn is_trust(der: &[u8]) -> bool {
    let is_id = |id: &AnyRef<'_>| id.tag() == Tag::ObjectIdentifier;
    let is_part = |part: &AnyRef<'_>| match part.tag() {
        Tag::Sequence => within(part).is_some_and(|ids| ids.iter().all(is_id)),
        Tag::Utf8String | Tag::OctetString | Tag::ContextSpecific { .. } => true,
        _ => false,
    };
    sequence(der).is_some_and(|parts| parts.iter().all(is_part))
}

/// What is signed, in a sequence of it, an algorithm and a signature.
fn inner(elements: &[AnyRef<'_>]) -> Option<Content> {
    use Tag::{Integer, Sequence};
    match tags(elements).as_slice() {
        [Integer, Sequence, Sequence, Tag::UtcTime | Tag::GeneralizedTime, ..]
        | [Sequence, Sequence, Tag::UtcTime | Tag::GeneralizedTime, ..] => Some(Content::RevocationList),
        [Tag::ContextSpecific { .. }, Integer, Sequence, ..] | [Integer, Sequence, Sequence, Sequence, ..] => {
            Some(Content::Certificate)
        }
        [Integer, Sequence, Sequence, ..] => Some(Content::Request),
        _ => None,
    }
}

/// The first elements of a sequence, as far as they can be read.
fn elements(content: &[u8]) -> Vec<AnyRef<'_>> {
    const ENOUGH: usize = 6;
    let Ok(mut reader) = SliceReader::new(content) else { return Vec::new() };
    std::iter::from_fn(|| reader.decode().ok()).take(ENOUGH).collect()
}

/// The elements of a sequence, all of it; `None` where it is damaged.
pub(crate) fn sequence(der: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let whole = AnyRef::from_der(der).ok().filter(|whole| whole.tag() == Tag::Sequence)?;
    within(&whole)
}

/// The elements inside a constructed one, all of them; `None` where it is damaged.
pub(crate) fn within<'d>(outer: &AnyRef<'d>) -> Option<Vec<AnyRef<'d>>> {
    let mut reader = SliceReader::new(outer.value()).ok()?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(reader.decode().ok()?);
    }
    Some(elements)
}

/// The number of a context-specific tag.
pub(crate) fn number(element: &AnyRef<'_>) -> Option<u32> {
    match element.tag() {
        Tag::ContextSpecific { number, .. } => Some(number.value()),
        _ => None,
    }
}

fn tags(elements: &[AnyRef<'_>]) -> Vec<Tag> {
    elements.iter().map(Tagged::tag).collect()
}
