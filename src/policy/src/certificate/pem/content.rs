//! The content of PEM blocks and of binary files: certificates, and what is given in their place.

use std::ops::Range;

use base64ct::{Base64, Encoding};

use crate::certificate::der::{self, DerKind};
use crate::finding::RawFinding;
use crate::finding::code::Code;

/// Encodes a certificate in PEM (RFC 7468, section 3), with lines of 64 characters.
pub(crate) fn to_pem(der: &[u8]) -> String {
    let base64 = Base64::encode_string(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

/// Decodes base64 without blanks.
pub(super) fn decode_base64(base64: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(base64).ok().filter(|text| !text.is_empty())?;
    Base64::decode_vec(text).ok()
}

/// Returns whether DER is one whole certificate by its outline.
pub(super) fn is_certificate(der: &[u8]) -> bool {
    der::classify(der) == Some(DerKind::Certificate) && der::is_single_element(der)
}

/// Returns the finding about DER outside of a block: `certificate` if it is one. The fix is the certificate in PEM,
/// unless more data follows, which may be a private key.
pub(super) fn bare_der_finding(der: &[u8], certificate: RawFinding) -> Option<RawFinding> {
    match der::classify(der)? {
        DerKind::Certificate if der::is_single_element(der) => Some(certificate.with_fix(to_pem(der))),
        DerKind::Certificate => Some(certificate),
        content => not_a_certificate(content, certificate.start..certificate.end, "this is"),
    }
}

/// Returns the finding about content that is not a certificate; `None` for a certificate.
pub(crate) fn not_a_certificate(content: DerKind, span: Range<usize>, this: &str) -> Option<RawFinding> {
    let (code, what) = match content {
        DerKind::Certificate => return None,
        DerKind::CertificateRequest => (
            Code::CertificateRequest,
            "a certificate signing request: give the certificate of the CA that was or will be asked",
        ),
        DerKind::PublicKey => (Code::PublicKey, "a public key: give the certificate of the CA"),
        DerKind::Pkcs7 => (
            Code::Pkcs7,
            "a PKCS #7 bundle: take the certificates out with `openssl pkcs7 -print_certs`, with `-inform DER` if it is binary",
        ),
        DerKind::Pkcs12 => (
            Code::Pkcs12,
            "a PKCS #12 file, which may have a private key in it: take the certificates out with `openssl pkcs12 -cacerts -nokeys`",
        ),
        DerKind::RevocationList => {
            (Code::RevocationList, "a certificate revocation list: give the certificate of the CA")
        }
        DerKind::PrivateKey => (
            Code::PrivateKey,
            "a PRIVATE KEY, which belongs on the server alone: take it out, and replace it if others have seen it",
        ),
    };
    Some(RawFinding::new(code, span, format!("{this} {what}")))
}
