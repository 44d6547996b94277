//! Classification of DER by its outline (rule C3), so that findings can name what was given in place of a certificate.

use x509_cert::der::oid::{ObjectIdentifier, db::rfc5280};
use x509_cert::der::{Decode, Header, Reader, SliceReader, Tag, Tagged, asn1::AnyRef};

/// The content of a PEM block or a binary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DerKind {
    /// RFC 5280, section 4.1.
    Certificate,
    /// PKCS #10 (RFC 2986).
    CertificateRequest,
    /// SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7) or PKCS #1 (RFC 8017, appendix A.1.1).
    PublicKey,
    /// PKCS #7 or CMS (RFC 5652).
    Pkcs7,
    /// RFC 7292.
    Pkcs12,
    /// RFC 5280, section 5.1.
    RevocationList,
    /// PKCS #8 (RFC 5958), encrypted or not, PKCS #1 (RFC 8017, appendix A.1.2), SEC 1 (RFC 5915), or DSA.
    PrivateKey,
}

/// signedData (RFC 5652, section 5.1).
const OID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// Returns the kind of DER; `None` if it is unknown or malformed at the start.
pub(crate) fn classify(der: &[u8]) -> Option<DerKind> {
    use Tag::{Integer, ObjectIdentifier as Oid, OctetString, Sequence};
    // Data after the outer sequence is ignored.
    let mut reader = SliceReader::new(der).ok()?;
    let header: Header = reader.decode().ok()?;
    if header.tag() != Sequence {
        return None;
    }
    // The beginning of a truncated file is enough.
    let rest = reader.read_slice(reader.remaining_len()).ok()?;
    let length = usize::try_from(u32::from(header.length())).ok()?;
    let outer = leading_elements(rest.get(..length).unwrap_or(rest));
    match tags(&outer).as_slice() {
        // An integer before a PKCS #7 structure, before an algorithm identifier (even if the rest is cut off), or
        // before another integer.
        [Integer, Sequence, ..] if is_pkcs7(outer.get(1)?) => Some(DerKind::Pkcs12),
        [Integer, Sequence, ..] => Some(DerKind::PrivateKey),
        [Integer, OctetString, ..] => Some(DerKind::PrivateKey),
        [Integer, Integer] => Some(DerKind::PublicKey),
        [Integer, Integer, ..] => Some(DerKind::PrivateKey),
        [Oid, ..] => (outer.first()?.decode_as().ok() == Some(OID_SIGNED_DATA)).then_some(DerKind::Pkcs7),
        [Sequence, OctetString] => Some(DerKind::PrivateKey),
        [Sequence, Tag::BitString] => Some(DerKind::PublicKey),
        [Sequence, ..] => classify_signed(&leading_elements(outer.first()?.value())),
        _ => None,
    }
}

/// Returns whether a structure begins with a content type of PKCS #7 (RFC 5652, section 4).
fn is_pkcs7(structure: &AnyRef<'_>) -> bool {
    let kind = leading_elements(structure.value()).first().and_then(|kind| kind.decode_as::<ObjectIdentifier>().ok());
    kind.is_some_and(|kind| kind.parent() == OID_SIGNED_DATA.parent())
}

/// OpenSSL's trust settings, which may follow a certificate in a `TRUSTED CERTIFICATE` (`X509_CERT_AUX`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrustSettings {
    /// True if the certificate is rejected for TLS servers: by a rejected usage, or by trusted usages without that.
    pub rejects_servers: bool,
}

impl TrustSettings {
    /// Parses trust settings: trusted and rejected usages, a name, a key identifier, other data. `None` if the DER is
    /// anything else.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (mut trusted, mut rejected) = (None, Vec::new());
        for part in sequence_elements(der)? {
            match (part.tag(), context_tag(&part)) {
                (Tag::Sequence, _) => trusted = Some(object_ids(&part)?),
                (_, Some(0)) => rejected = object_ids(&part)?,
                (Tag::Utf8String | Tag::OctetString, _) | (_, Some(_)) => {}
                _ => return None,
            }
        }
        let has_servers = |ids: &[ObjectIdentifier]| {
            ids.iter().any(|id| [rfc5280::ID_KP_SERVER_AUTH, rfc5280::ANY_EXTENDED_KEY_USAGE].contains(id))
        };
        let is_trusted = trusted.is_none_or(|trusted| has_servers(&trusted));
        Some(TrustSettings { rejects_servers: has_servers(&rejected) || !is_trusted })
    }
}

/// Returns the object identifiers inside an element; `None` if anything else is in it.
fn object_ids(outer: &AnyRef<'_>) -> Option<Vec<ObjectIdentifier>> {
    children(outer)?.iter().map(|id| id.decode_as().ok()).collect()
}

/// Classifies the signed part of a signed structure: a sequence of it, an algorithm and a signature.
fn classify_signed(elements: &[AnyRef<'_>]) -> Option<DerKind> {
    use Tag::{Integer, Sequence};
    match tags(elements).as_slice() {
        [Integer, Sequence, Sequence, Tag::UtcTime | Tag::GeneralizedTime, ..]
        | [Sequence, Sequence, Tag::UtcTime | Tag::GeneralizedTime, ..] => Some(DerKind::RevocationList),
        [Tag::ContextSpecific { .. }, Integer, Sequence, ..] | [Integer, Sequence, Sequence, Sequence, ..] => {
            Some(DerKind::Certificate)
        }
        [Integer, Sequence, Sequence, ..] => Some(DerKind::CertificateRequest),
        _ => None,
    }
}

/// Returns the first elements of a sequence that can be parsed.
fn leading_elements(content: &[u8]) -> Vec<AnyRef<'_>> {
    const MAX_ELEMENTS: usize = 6;
    let Ok(mut reader) = SliceReader::new(content) else { return Vec::new() };
    std::iter::from_fn(|| reader.decode().ok()).take(MAX_ELEMENTS).collect()
}

/// Returns the elements of a sequence; `None` if it is malformed.
pub(crate) fn sequence_elements(der: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let whole = AnyRef::from_der(der).ok().filter(|whole| whole.tag() == Tag::Sequence)?;
    children(&whole)
}

/// Returns the elements inside a constructed element; `None` if it is malformed.
pub(crate) fn children<'d>(outer: &AnyRef<'d>) -> Option<Vec<AnyRef<'d>>> {
    let mut reader = SliceReader::new(outer.value()).ok()?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(reader.decode().ok()?);
    }
    Some(elements)
}

/// Returns the number of a context-specific tag.
pub(crate) fn context_tag(element: &AnyRef<'_>) -> Option<u32> {
    match element.tag() {
        Tag::ContextSpecific { number, .. } => Some(number.value()),
        _ => None,
    }
}

fn tags(elements: &[AnyRef<'_>]) -> Vec<Tag> {
    elements.iter().map(Tagged::tag).collect()
}
