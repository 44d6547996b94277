//! Human-readable facts of certificates (rule C6), and the report on a bundle.

use base16ct::lower::encode_string;
use serde::Serialize;
use sha1::Sha1;
use sha2::Digest;
use x509_cert::der::flagset::Flags;
use x509_cert::ext::pkix::KeyUsages;

use crate::certificate::algorithm::{PublicKeyInfo, SignatureAlgorithm};
use crate::certificate::distinguished_name as dn;
use crate::certificate::general_name::GeneralName;
use crate::certificate::lint::{self, CertificateBundle, ParsedCertificate};
use crate::finding::{Finding, Utf16Counter, locate_findings};

/// The result of checking a bundle of certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateReport {
    /// The parsed certificates, in the order of the text.
    pub certificates: Vec<CertificateInfo>,
    /// Findings about the rest of the text, in its order.
    pub findings: Vec<Finding>,
}

/// The facts of a certificate (RFC 5280), and its findings in the role of a certificate authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateInfo {
    /// The subject as in RFC 4514, the most specific part first; may be empty.
    pub subject: String,
    /// The issuer, likewise.
    pub issuer: String,
    /// The serial number in lower-case hexadecimal, two digits an octet; with a minus sign if it is negative.
    pub serial: String,
    /// The first second of the validity period, as in `2026-11-21T00:00:00Z`.
    pub not_before: String,
    /// The last second of the validity period.
    pub not_after: String,
    /// The public key.
    pub key: KeyInfo,
    /// The signature algorithm: OpenSSL's name, or an object identifier.
    pub signature_algorithm: String,
    /// The SHA-256 of the DER in lower-case hexadecimal.
    pub sha256: String,
    /// The SHA-1 of the DER in lower-case hexadecimal: for lookups in older programs, not for trust.
    pub sha1: String,
    /// True if the basic constraints have the CA flag.
    pub is_ca: bool,
    /// The maximum number of intermediates below the certificate; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length: Option<u8>,
    /// The key usages, by the names of RFC 5280, section 4.2.1.3.
    pub key_usage: Vec<String>,
    /// The extended key usages, by the names of RFC 5280, section 4.2.1.12, or object identifiers.
    pub extended_key_usage: Vec<String>,
    /// Other names, as in `DNS:a.example.com` or `IP:10.0.0.1`.
    pub subject_alt_names: Vec<String>,
    /// The subject key identifier in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_key_id: Option<String>,
    /// The authority key identifier in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_key_id: Option<String>,
    /// True if issuer and subject are equal and the key identifiers do not disagree (RFC 5280, section 3.2). The
    /// signature is not verified.
    pub self_issued: bool,
    /// The line of the BEGIN boundary, from 1.
    pub line: u32,
    /// The certificate in plain PEM (RFC 7468, section 3), whatever form it was given in.
    pub pem: String,
    /// The findings of the certificate.
    pub findings: Vec<Finding>,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// `RSA`, `EC`, `Ed25519`, the name of another algorithm such as `Ed448`, or an object identifier.
    pub algorithm: String,
    /// The size of an RSA or DSA key in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// The curve of an EC key: a name such as `P-256`, or an object identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<String>,
}

/// Checks certificates in PEM as of `at`, in seconds since 1970-01-01 UTC (rules C3 to C9). `text` is the content of a
/// file or form field, at most 1 MiB and 1,000 blocks; it need not be UTF-8.
pub fn check_certificates(text: &[u8], at: u64) -> CertificateReport {
    let CertificateBundle { certificates, findings } = lint::parse_bundle(text, at);
    let mut counter = Utf16Counter::new(text);
    CertificateReport {
        certificates: certificates.into_iter().map(|certificate| certificate_info(&mut counter, certificate)).collect(),
        findings: locate_findings(text, findings),
    }
}

/// Describes one certificate in DER, without findings. Returns none if it cannot be parsed.
pub fn describe_certificate(der: &[u8]) -> Option<CertificateInfo> {
    let mut certificate = ParsedCertificate::from_der(der.to_vec())?;
    certificate.findings.clear();
    Some(certificate_info(&mut Utf16Counter::new(&[]), certificate))
}

fn certificate_info(counter: &mut Utf16Counter<'_>, mut certificate: ParsedCertificate) -> CertificateInfo {
    let findings = std::mem::take(&mut certificate.findings);
    let tbs = certificate.tbs();
    let extensions = &certificate.extensions;
    let PublicKeyInfo { algorithm, bits, curve } = PublicKeyInfo::from_spki(tbs.subject_public_key_info());
    let key_id = |id: &Option<Vec<u8>>| id.as_deref().map(encode_string);
    CertificateInfo {
        subject: dn::to_rfc4514(tbs.subject()),
        issuer: dn::to_rfc4514(tbs.issuer()),
        serial: serial_text(tbs.serial_number().as_bytes()),
        not_before: tbs.validity().not_before.to_string(),
        not_after: tbs.validity().not_after.to_string(),
        key: KeyInfo { algorithm, bits, curve },
        signature_algorithm: SignatureAlgorithm::from_identifier(certificate.inner.signature_algorithm()).name,
        sha1: encode_string(&Sha1::digest(certificate.der.as_bytes())),
        is_ca: certificate.is_ca(),
        path_length: extensions.basic_constraints.as_ref().and_then(|constraints| constraints.path_len_constraint),
        key_usage: key_usage_names(&certificate),
        extended_key_usage: extended_key_usage_names(&certificate),
        subject_alt_names: extensions.subject_alt_names.iter().map(GeneralName::to_text).collect(),
        subject_key_id: key_id(&extensions.subject_key),
        authority_key_id: key_id(&extensions.authority_key),
        self_issued: certificate.is_self_issued(),
        line: u32::try_from(certificate.line).unwrap_or(u32::MAX),
        pem: certificate.der.to_pem(),
        findings: counter.locate_findings(findings),
        sha256: certificate.sha256,
    }
}

/// Formats a two's complement number. A leading zero octet only marks it as not negative.
fn serial_text(bytes: &[u8]) -> String {
    match bytes {
        [first, ..] if first & 0x80 != 0 => {
            // Negated: the complement plus one.
            let mut carry = true;
            let mut octets: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
            for octet in octets.iter_mut().rev() {
                (*octet, carry) = octet.overflowing_add(u8::from(carry));
            }
            let zeros = octets.iter().take_while(|octet| **octet == 0).count();
            format!("-{}", encode_string(octets.get(zeros..).unwrap_or_default()))
        }
        [0, rest @ ..] if !rest.is_empty() => encode_string(rest),
        _ => encode_string(bytes),
    }
}

fn key_usage_names(certificate: &ParsedCertificate) -> Vec<String> {
    let Some(usage) = &certificate.extensions.key_usage else { return Vec::new() };
    let name = |usage: &KeyUsages| match usage {
        KeyUsages::DigitalSignature => "digitalSignature",
        KeyUsages::NonRepudiation => "nonRepudiation",
        KeyUsages::KeyEncipherment => "keyEncipherment",
        KeyUsages::DataEncipherment => "dataEncipherment",
        KeyUsages::KeyAgreement => "keyAgreement",
        KeyUsages::KeyCertSign => "keyCertSign",
        KeyUsages::CRLSign => "cRLSign",
        KeyUsages::EncipherOnly => "encipherOnly",
        KeyUsages::DecipherOnly => "decipherOnly",
    };
    KeyUsages::LIST.iter().filter(|flag| usage.0.contains(**flag)).map(|flag| name(flag).to_owned()).collect()
}

fn extended_key_usage_names(certificate: &ParsedCertificate) -> Vec<String> {
    let Some(usage) = &certificate.extensions.extended_key_usage else { return Vec::new() };
    let name = |id: String| match id.as_str() {
        "2.5.29.37.0" => "anyExtendedKeyUsage".to_owned(),
        "1.3.6.1.5.5.7.3.1" => "serverAuth".to_owned(),
        "1.3.6.1.5.5.7.3.2" => "clientAuth".to_owned(),
        "1.3.6.1.5.5.7.3.3" => "codeSigning".to_owned(),
        "1.3.6.1.5.5.7.3.4" => "emailProtection".to_owned(),
        "1.3.6.1.5.5.7.3.8" => "timeStamping".to_owned(),
        "1.3.6.1.5.5.7.3.9" => "OCSPSigning".to_owned(),
        _ => id,
    };
    usage.0.iter().map(|id| name(id.to_string())).collect()
}
