//! Certificates as people see them (rule C6), and the report on a bundle.

use base16ct::lower::encode_string;
use serde::Serialize;
use sha1::Sha1;
use sha2::Digest;
use x509_cert::der::flagset::Flags;
use x509_cert::ext::pkix::KeyUsages;

use crate::certificate::algorithm::{Key, Signature};
use crate::certificate::distinguished_name as dn;
use crate::certificate::general_name::GeneralName;
use crate::certificate::lint::{self, Bundle, Certificate};
use crate::finding::{Finding, Utf16Counter, findings};

/// What was found in a bundle of certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateReport {
    /// The certificates that could be read, in the order of the text.
    pub certificates: Vec<CertificateDescription>,
    /// What there is to say of everything else in the text, in its order.
    pub findings: Vec<Finding>,
}

/// A certificate for people (RFC 5280), and what is wrong with it as a certificate authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateDescription {
    /// The subject as RFC 4514 writes it, the most specific part first; empty where it is.
    pub subject: String,
    /// The issuer, likewise.
    pub issuer: String,
    /// The serial number in lower-case hexadecimal, two digits an octet; with a minus sign where it is negative.
    pub serial: String,
    /// The first second at which it is valid, as in `2026-11-21T00:00:00Z`.
    pub not_before: String,
    /// The last second at which it is valid.
    pub not_after: String,
    /// Its public key.
    pub key: KeyDescription,
    /// What it is signed with: OpenSSL's name, or an object identifier.
    pub signature_algorithm: String,
    /// The SHA-256 of its DER, in lower-case hexadecimal.
    pub sha256: String,
    /// The SHA-1 of its DER, in lower-case hexadecimal: for finding it in older programs, not for trusting it.
    pub sha1: String,
    /// Whether its basic constraints say that it is a CA.
    pub is_ca: bool,
    /// How many intermediates may stand below it; absent where there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length: Option<u8>,
    /// What its key may be used for: names of RFC 5280, section 4.2.1.3.
    pub key_usage: Vec<String>,
    /// What it is for: names of RFC 5280, section 4.2.1.12, or object identifiers.
    pub extended_key_usage: Vec<String>,
    /// Other names, as in `DNS:a.example.com` or `IP:10.0.0.1`.
    pub subject_alt_names: Vec<String>,
    /// The identifier of its key, in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_key_id: Option<String>,
    /// The identifier of its issuer's key, in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_key_id: Option<String>,
    /// Whether issuer and subject are equal and the key identifiers do not disagree. The signature is not looked at.
    pub self_signed: bool,
    /// The line on which its block begins, from 1.
    pub line: u32,
    /// What there is to say of it.
    pub findings: Vec<Finding>,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyDescription {
    /// `RSA`, `RSASSA-PSS`, `EC`, `DSA`, `Ed25519`, `Ed448`, or an object identifier.
    pub algorithm: String,
    /// The size of an RSA or DSA key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// The curve of an EC key: a name such as `P-256`, or an object identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<String>,
}

/// Checks certificates given as PEM, as of `at`, in seconds since 1970-01-01 UTC (rules C3 to C8). `text` is what a file
/// or a form holds, at most 1 MiB and 1,000 blocks: anything at all, and it need not be UTF-8.
pub fn check_certificates(text: &[u8], at: u64) -> CertificateReport {
    let Bundle { certificates, notes } = lint::read(text, at);
    let mut counter = Utf16Counter::new(text);
    CertificateReport {
        certificates: certificates.into_iter().map(|certificate| describe(&mut counter, certificate)).collect(),
        findings: findings(text, notes),
    }
}

fn describe(counter: &mut Utf16Counter<'_>, mut certificate: Certificate) -> CertificateDescription {
    let notes = std::mem::take(&mut certificate.notes);
    let tbs = certificate.tbs();
    let extensions = &certificate.extensions;
    let Key { algorithm, bits, curve } = Key::of(tbs.subject_public_key_info());
    let key_id = |id: &Option<Vec<u8>>| id.as_deref().map(encode_string);
    CertificateDescription {
        subject: dn::text(tbs.subject()),
        issuer: dn::text(tbs.issuer()),
        serial: serial(tbs.serial_number().as_bytes()),
        not_before: tbs.validity().not_before.to_string(),
        not_after: tbs.validity().not_after.to_string(),
        key: KeyDescription { algorithm, bits, curve },
        signature_algorithm: Signature::of(certificate.inner.signature_algorithm()).name,
        sha1: encode_string(&Sha1::digest(&certificate.der)),
        is_ca: certificate.is_ca(),
        path_length: extensions.basic_constraints.as_ref().and_then(|constraints| constraints.path_len_constraint),
        key_usage: key_usage(&certificate),
        extended_key_usage: extended_key_usage(&certificate),
        subject_alt_names: extensions.subject_alt_names.iter().map(GeneralName::text).collect(),
        subject_key_id: key_id(&extensions.subject_key),
        authority_key_id: key_id(&extensions.authority_key),
        self_signed: certificate.is_self_signed(),
        line: u32::try_from(certificate.line).unwrap_or(u32::MAX),
        findings: counter.findings(notes),
        sha256: certificate.sha256,
    }
}

/// A two's complement number; a leading zero octet says only that it is not negative.
fn serial(bytes: &[u8]) -> String {
    match bytes {
        [first, ..] if first & 0x80 != 0 => {
            // Negated: the complement, and one more.
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

fn key_usage(certificate: &Certificate) -> Vec<String> {
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

fn extended_key_usage(certificate: &Certificate) -> Vec<String> {
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
