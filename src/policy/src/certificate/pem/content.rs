//! The content of PEM blocks and of binary files: certificates, and what is given in their place.

use std::ops::Range;

use base64ct::{Base64, Encoding};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::{Decode, Reader, SliceReader};

use crate::certificate::der::{self, DerKind};
use crate::finding::RawFinding;
use crate::finding::code::Code;

/// The DER of one decoded certificate (RFC 5280, section 4.1), and nothing after it. Only this type is written as PEM,
/// so that no fix shows another block, such as a private key (rule C3).
#[derive(Clone, Debug)]
pub(crate) struct CertificateDer(Vec<u8>);

impl CertificateDer {
    /// Decodes DER that is one certificate, and nothing after it.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (certificate, _, more) = Self::decode_leading(der).ok()?;
        more.is_empty().then_some(certificate)
    }

    /// Decodes the certificate that DER begins with, and returns the data after it. The error is the position of the
    /// first wrong byte.
    pub fn decode_leading(der: &[u8]) -> Result<(Self, CertificateInner<Raw>, &[u8]), u32> {
        let mut reader = SliceReader::new(der).map_err(|_| 0_u32)?;
        let inner =
            CertificateInner::<Raw>::decode(&mut reader).map_err(|error| error.position().map_or(0, u32::from))?;
        let length = usize::try_from(u32::from(reader.position())).unwrap_or(usize::MAX);
        let (own, more) = der.split_at_checked(length).unwrap_or((der, &[]));
        Ok((CertificateDer(own.to_vec()), inner, more))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Encodes the certificate in PEM (RFC 7468, section 3), with lines of 64 characters.
    pub fn to_pem(&self) -> String {
        let base64 = Base64::encode_string(&self.0);
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
}

/// Decodes base64 without blanks.
pub(super) fn decode_base64(base64: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(base64).ok().filter(|text| !text.is_empty())?;
    Base64::decode_vec(text).ok()
}

/// Returns the finding about DER outside of a block: `certificate` if it is one by its outline. The fix is the
/// certificate in PEM, if it decodes and no more data follows, which may be a private key.
pub(super) fn bare_der_finding(der: &[u8], certificate: RawFinding) -> Option<RawFinding> {
    match der::classify(der)? {
        DerKind::Certificate => Some(match CertificateDer::parse(der) {
            Some(whole) => certificate.with_fix(whole.to_pem()),
            None => certificate,
        }),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::lint::parse_bundle;

    const CA: &str = include_str!("../../../../../tests/certificates/ca.pem");

    fn sequence(parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[0x30, 0x82], length.as_slice(), &content].concat()
    }

    fn block(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", Base64::encode_string(der))
    }

    #[test]
    fn c3_fixes_and_descriptions_have_certificates_alone() {
        let body: String = CA.lines().filter(|line| !line.starts_with('-')).collect();
        let ca = decode_base64(body.as_bytes()).unwrap();
        let key = sequence(&[b"\x02\x01\x00\x30\x00\x04\x10", b"0123456789abcdef"]);
        let parts = der::sequence_elements(&ca).unwrap();
        let tbs = sequence(&[parts[0].value()]);
        // Both have the outline of a certificate and hold a key.
        let forged = [sequence(&[&tbs, &key]), sequence(&[&ca[4..], &key]), [ca.as_slice(), &key].concat()];
        let label = Base64::encode_string(&key);
        let mut texts = vec![
            format!("{CA}{}", block("PRIVATE KEY", &key)),
            format!("{}{CA}", block("RSA PRIVATE KEY", &key)).replace('\n', "\\n"),
            format!("{}{}", CA.trim_end(), block(&label, &key)),
            format!("-----BEGIN {label}-----\n-----END {label}----------BEGIN {label} PRIVATE KEY-----\n"),
            Base64::encode_string(format!("{CA}{}", block("PRIVATE KEY", &key)).as_bytes()),
        ];
        for der in &forged {
            let plain = block("CERTIFICATE", der);
            texts.extend([
                plain.replacen('\n', "\nComment: text\n\n", 1),
                plain.replace('\n', "\\n"),
                plain.replace('\n', " "),
                format!("\u{feff}{plain}"),
                block("TRUSTED CERTIFICATE", der),
                Base64::encode_string(der),
                Base64::encode_string(plain.as_bytes()),
                plain,
            ]);
        }
        let hidden: Vec<String> = (0..3)
            .map(|at| Base64::encode_string(&[&vec![0; at], &b"0123456789abcdef"[..]].concat())[4..20].into())
            .collect();
        for text in texts {
            let bundle = parse_bundle(text.as_bytes(), 1_800_000_000);
            let pems = bundle.certificates.iter().map(|certificate| certificate.der.to_pem());
            let own = bundle.certificates.iter().flat_map(|certificate| &certificate.findings);
            let said = bundle.findings.iter().chain(own).map(|finding| format!("{finding:?}"));
            let fixes = bundle.findings.iter().filter_map(|finding| finding.fix.clone());
            for pem in pems.chain(fixes.filter(|fix| fix.contains("BEGIN"))) {
                assert!(pem.replace(CA.trim_end(), "").trim().is_empty(), "{pem}");
            }
            for said in said {
                assert!(!hidden.iter().any(|part| said.contains(part)), "{said}");
                assert!(!said.contains("0123456789"), "{said}");
            }
        }
    }
}
