//! Certificates made while the tests run: no key outlives the test that made it.

use base64ct::{Base64, Encoding};
use pullgate_tests::vectors::AT;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DistinguishedName, DnType,
    DnValue, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber, SigningKey, date_time_ymd,
};

/// The time of the checks: the certificates here are made for it.
pub const THEN: u64 = AT;

/// A CA with nothing wrong about it: P-256, valid from 2026 to 2036.
pub fn ca(name: &str) -> CertificateParams {
    let mut params = leaf(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A certificate with nothing wrong about it, and not a CA's.
pub fn leaf(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example Corp");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    params.serial_number = Some(SerialNumber::from_slice(&[0x12, 0x34]));
    params.is_ca = IsCa::ExplicitNoCa;
    params
}

/// A new key.
pub fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key is made")
}

/// Signed by itself, with a new key.
pub fn self_signed(params: &CertificateParams) -> Vec<u8> {
    params.self_signed(&key()).expect("a certificate is made").der().to_vec()
}

/// Signed by a CA of this name, with new keys.
pub fn signed_by(params: &CertificateParams, issuer: &str) -> Vec<u8> {
    let mut params = params.clone();
    params.use_authority_key_identifier_extension = true;
    let issuer = Issuer::new(ca(issuer), key());
    params.signed_by(&key(), &issuer).expect("a certificate is made").der().to_vec()
}

/// A root whose issuer is its subject in other letters and another kind of string (RFC 5280, section 7.1).
pub fn retyped() -> Vec<u8> {
    let printable = |text: &str| DnValue::PrintableString(text.try_into().expect("it is printable"));
    let mut issuer = ca("Example CA");
    issuer.distinguished_name = DistinguishedName::new();
    issuer.distinguished_name.push(DnType::OrganizationName, printable("EXAMPLE CORP"));
    issuer.distinguished_name.push(DnType::CommonName, printable("example  ca"));
    let key = key();
    let issuer = Issuer::new(issuer, &key);
    ca("Example CA").signed_by(&key, &issuer).expect("a certificate is made").der().to_vec()
}

/// A signing request.
pub fn request() -> Vec<u8> {
    let mut params = leaf("request");
    params.serial_number = None;
    params.is_ca = IsCa::NoCa;
    params.serialize_request(&key()).expect("a request is made").der().to_vec()
}

/// A revocation list.
pub fn revocation_list() -> Vec<u8> {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2036, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let issuer = Issuer::new(ca("Example CA"), key());
    params.signed_by(&issuer).expect("a list is made").der().to_vec()
}

/// A CA with one thing changed.
pub fn ca_with(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = ca("Example CA");
    change(&mut params);
    self_signed(&params)
}

/// A CA that is valid from the first day of one year to the first day of another.
pub fn ca_between(from: i32, until: i32) -> Vec<u8> {
    ca_with(|params| {
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
    })
}

/// A CA with an extension more, which says nothing that DER knows unless `content` does.
pub fn ca_with_extension(id: &[u64], critical: bool, content: &[u8]) -> Vec<u8> {
    ca_with(|params| {
        let mut extension = CustomExtension::from_oid_content(id, content.to_vec());
        extension.set_criticality(critical);
        params.custom_extensions.push(extension);
    })
}

/// A CA that may vouch for names below `corp` and for addresses in 10.0.0.0/8 only.
pub fn constrained() -> Vec<u8> {
    ca_with(|params| {
        let permitted = vec![
            GeneralSubtree::DnsName("corp".to_owned()),
            GeneralSubtree::IpAddress(rcgen::CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0])),
        ];
        let excluded = vec![GeneralSubtree::DnsName("lab.corp".to_owned())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded });
    })
}

/// A CA that says all there is to describe.
pub fn talkative() -> Vec<u8> {
    ca_with(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = vec![
            SanType::DnsName("ca.corp".try_into().unwrap()),
            SanType::IpAddress([10, 0, 0, 1].into()),
            SanType::URI("https://ca.corp/".try_into().unwrap()),
        ];
    })
}

/// A self-signed certificate put together by hand, for what no library makes.
pub struct ByHand {
    /// 0 for version 1, which is not written down.
    pub version: u8,
    /// As it is written down.
    pub serial: Vec<u8>,
    /// Whether there are extensions, saying that it is a CA.
    pub extensions: bool,
    /// Whether subject and issuer have a name.
    pub named: bool,
    /// What it says that it is signed with, inside of what is signed and outside: identifiers without tag and length.
    pub algorithms: [&'static [u8]; 2],
    /// The public key that it claims, if not the one that signs it.
    pub key: Option<Vec<u8>>,
}

/// ecdsa-with-SHA256
pub const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// md5WithRSAEncryption
pub const MD5_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04];
/// md5, which is no signature algorithm
pub const MD5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05];

impl Default for ByHand {
    fn default() -> Self {
        Self { version: 2, serial: vec![1], extensions: true, named: true, algorithms: [ECDSA, ECDSA], key: None }
    }
}

impl ByHand {
    /// The certificate.
    pub fn made(&self) -> Vec<u8> {
        let key = key();
        let [inner, outer] = self.algorithms.map(|id| der(0x30, &[&der(0x06, &[id])]));
        let common_name = der(0x30, &[&der(0x06, &[&[0x55, 0x04, 0x03]]), &der(0x0c, &[b"Example CA"])]);
        let name = if self.named { der(0x30, &[&der(0x31, &[&common_name])]) } else { der(0x30, &[]) };
        let validity = der(0x30, &[&der(0x17, &[b"260101000000Z"]), &der(0x17, &[b"360101000000Z"])]);
        let basic_constraints = der(
            0x30,
            &[
                &der(0x06, &[&[0x55, 0x1d, 0x13]]),
                &der(0x01, &[&[0xff]]),
                &der(0x04, &[&der(0x30, &[&der(0x01, &[&[0xff]])])]),
            ],
        );
        let version = if self.version == 0 { Vec::new() } else { der(0xa0, &[&der(0x02, &[&[self.version]])]) };
        let extensions = if self.extensions { der(0xa3, &[&der(0x30, &[&basic_constraints])]) } else { Vec::new() };
        let parts: [&[u8]; 8] = [
            &version,
            &der(0x02, &[&self.serial]),
            &inner,
            &name,
            &validity,
            &name,
            &self.key.clone().unwrap_or_else(|| key.subject_public_key_info()),
            &extensions,
        ];
        let signed = der(0x30, &parts);
        let signature = key.sign(&signed).expect("the certificate is signed");
        der(0x30, &[&signed, &outer, &der(0x03, &[&[0], &signature])])
    }
}

/// A key by GOST R 34.10-2012, 256 bits (RFC 9215, section 4.1). OpenSSL makes none without an engine.
pub fn gost_key() -> Vec<u8> {
    let id = der(0x06, &[&[0x2a, 0x85, 0x03, 0x07, 0x01, 0x01, 0x01, 0x01]]);
    let curve = der(0x06, &[&[0x2a, 0x85, 0x03, 0x07, 0x01, 0x02, 0x01, 0x01, 0x01]]);
    let point = der(0x04, &[&[0x5a; 64]]);
    der(0x30, &[&der(0x30, &[&id, &der(0x30, &[&curve])]), &der(0x03, &[&[0], &point])])
}

/// An element of DER.
pub fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let length: &[u8] = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let header = match content.len() {
        0 => vec![tag, 0],
        1..0x80 => vec![tag, length[0]],
        _ => [&[tag, 0x80 | u8::try_from(length.len()).unwrap()], length].concat(),
    };
    [header, content].concat()
}

/// PEM with the label of certificates.
pub fn pem(der: &[u8]) -> String {
    armoured("CERTIFICATE", der)
}

/// PEM.
pub fn armoured(label: &str, der: &[u8]) -> String {
    let base64 = base64(der);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

pub fn base64(der: &[u8]) -> String {
    Base64::encode_string(der)
}
