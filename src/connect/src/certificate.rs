//! Fields of certificates for display and error messages. Nothing here verifies anything.

use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::{DateTime, Decode, Encode, Header, Reader, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectAltName};

use pullgate::describe_certificate;

use crate::text::sanitize_server_text;

/// The unverified fields of a certificate that a server presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// The subject in RFC 4514 form, safe for display. None if the certificate cannot be parsed.
    pub subject: Option<String>,
    /// The issuer in RFC 4514 form.
    pub issuer: Option<String>,
    /// The last second of its validity, as `2026-01-31T12:00:00Z`.
    pub not_after: Option<String>,
    /// The SHA-256 fingerprint in lower-case hexadecimal.
    pub fingerprint: String,
}

impl CertificateSummary {
    /// Reads the fields of a certificate in DER.
    pub fn from_der(der: &[u8]) -> Self {
        let info = describe_certificate(der);
        let info = info.as_ref();
        Self {
            subject: info.map(|info| sanitize_server_text(&info.subject)),
            issuer: info.map(|info| sanitize_server_text(&info.issuer)),
            not_after: info.map(|info| info.not_after.clone()),
            fingerprint: base16ct::lower::encode_string(&Sha256::digest(der)),
        }
    }
}

/// A parsed certificate.
pub(crate) struct ParsedCertificate {
    certificate: Certificate,
    der: Vec<u8>,
}

impl ParsedCertificate {
    /// Parses a certificate in DER. Returns none if it does not follow RFC 5280.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        Certificate::from_der(der).ok().map(|certificate| Self { certificate, der: der.to_vec() })
    }

    /// Returns the subject in RFC 4514 form.
    pub(crate) fn subject(&self) -> String {
        CertificateSummary::from_der(&self.der).subject.unwrap_or_default()
    }

    /// Returns whether the subject equals the issuer of `other`.
    pub(crate) fn is_issuer_of(&self, other: &Self) -> bool {
        self.certificate.tbs_certificate().subject() == other.certificate.tbs_certificate().issuer()
    }

    /// Returns the issuer in RFC 4514 form.
    pub(crate) fn issuer(&self) -> String {
        CertificateSummary::from_der(&self.der).issuer.unwrap_or_default()
    }

    /// Returns the issuer as webpki stores names: the DER contents without the header.
    pub(crate) fn issuer_der(&self) -> Option<Vec<u8>> {
        let whole = self.certificate.tbs_certificate().issuer().to_der().ok()?;
        let mut reader = SliceReader::new(&whole).ok()?;
        Header::decode(&mut reader).ok()?;
        reader.read_slice(reader.remaining_len()).ok().map(<[u8]>::to_vec)
    }

    /// Returns the last second of its validity, since 1970-01-01 UTC.
    pub(crate) fn not_after(&self) -> u64 {
        self.certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs()
    }

    /// Returns the subject alternative names of hosts: names and addresses. None if they cannot be parsed.
    pub(crate) fn hosts(&self) -> Option<Vec<String>> {
        let extension = self.certificate.tbs_certificate().get_extension::<SubjectAltName>().ok()?;
        let names = extension.map(|(_, names)| names.0).unwrap_or_default();
        let host = |name: GeneralName| match name {
            GeneralName::DnsName(name) => Some(sanitize_server_text(name.as_str())),
            GeneralName::IpAddress(address) => parse_address(address.as_bytes()).map(|address| address.to_string()),
            _ => None,
        };
        Some(names.into_iter().filter_map(host).collect())
    }

    /// Returns whether basic constraints mark a CA (RFC 5280, section 4.2.1.9). Version 1 has no extensions and counts
    /// as a CA.
    pub(crate) fn is_ca(&self) -> bool {
        let certificate = self.certificate.tbs_certificate();
        match certificate.get_extension::<BasicConstraints>() {
            Ok(Some((_, constraints))) => constraints.ca,
            Ok(None) => certificate.version() == Version::V1,
            Err(_) => false,
        }
    }

    /// Returns whether the certificate may sign others: a CA with `keyCertSign`, or without key usage (RFC 5280,
    /// section 4.2.1.3).
    pub(crate) fn is_issuing_ca(&self) -> bool {
        let signs = match self.certificate.tbs_certificate().get_extension::<KeyUsage>() {
            Ok(Some((_, usage))) => usage.key_cert_sign(),
            Ok(None) => true,
            Err(_) => false,
        };
        signs && self.is_ca()
    }
}

/// Formats seconds since 1970-01-01 UTC as `2026-01-31T12:00:00Z`.
pub(crate) fn format_time(seconds: u64) -> String {
    DateTime::from_unix_duration(Duration::from_secs(seconds))
        .map_or_else(|_| format!("second {seconds}"), |date| date.to_string())
}

fn parse_address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate_error::IgnoredAnchor;
    use crate::text::MAX_TEXT_CHARS;
    use pullgate::{Policy, check_certificates};
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};

    fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> ParsedCertificate {
        let names = ["a.example.com".to_owned(), "10.0.0.1".to_owned(), "fd00::1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        ParsedCertificate::from_der(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der()).unwrap()
    }

    #[test]
    fn certificate_fields_are_read() {
        let reading = self_signed(|params| {
            params.distinguished_name.push(DnType::CommonName, "Lab\nCA\u{85}\u{202e}\u{2028}\u{200b}");
            params.not_after = rcgen::date_time_ymd(2025, 2, 3);
        });
        assert_eq!(reading.subject(), "CN=Lab\\0ACA\\C2\\85\\E2\\80\\AE\\E2\\80\\A8\\E2\\80\\8B");
        assert_eq!(reading.issuer(), reading.subject());
        assert_eq!(format_time(reading.not_after()), "2025-02-03T00:00:00Z");
        assert_eq!(reading.hosts().unwrap(), ["a.example.com", "10.0.0.1", "fd00::1"]);
        assert!(ParsedCertificate::from_der(b"no certificate").is_none());
        let CertificateSummary { subject, issuer, not_after, fingerprint } =
            CertificateSummary::from_der(b"no certificate");
        assert_eq!((subject, issuer, not_after, fingerprint.len()), (None, None, None, 64));
    }

    #[test]
    fn one_ca_has_one_name() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        for (kind, value) in [
            (DnType::CountryName, "DE"),
            (DnType::CustomDnType(vec![2, 5, 4, 9]), "Main Street 1"),
            (DnType::CustomDnType(vec![2, 5, 4, 97]), "NTRDE-1"),
            (DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]), "ca@corp.example"),
            (DnType::CommonName, "Corp, Root \u{202e}CA"),
        ] {
            params.distinguished_name.push(kind, value);
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        // The form, and the command `ca`.
        let report = check_certificates(certificate.pem().as_bytes(), 1_800_000_000);
        let subject = report.certificates[0].subject.as_str();
        let name = r"Corp\, Root \E2\80\AECA";
        assert_eq!(
            subject,
            format!("CN={name},emailAddress=ca@corp.example,organizationIdentifier=NTRDE-1,street=Main Street 1,C=DE")
        );
        // A decision.
        let document = serde_json::json!({
            "whitelist": ["a.example"],
            "certificate_authorities": [{ "pem": certificate.pem() }],
        });
        let policy = Policy::load(&document.to_string(), 1_800_000_000).unwrap().policy;
        let anchor = &policy.authorities()[0];
        assert_eq!(anchor.title, name);
        // The probe, and errors.
        assert_eq!(CertificateSummary::from_der(certificate.der()).subject.unwrap(), subject);
        assert_eq!(IgnoredAnchor::new(anchor, String::new()).subject, subject);
        let reading = ParsedCertificate::from_der(certificate.der()).unwrap();
        assert_eq!((reading.subject().as_str(), reading.issuer().as_str()), (subject, subject));
    }

    #[test]
    fn long_texts_are_truncated() {
        let reading = self_signed(|params| params.distinguished_name.push(DnType::CommonName, "x".repeat(10_000)));
        assert_eq!(reading.subject().chars().count(), MAX_TEXT_CHARS);
    }

    #[test]
    fn issuing_cas_are_recognised() {
        let is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        assert!(self_signed(|params| params.is_ca = is_ca).is_issuing_ca());
        assert!(!self_signed(|params| params.is_ca = IsCa::ExplicitNoCa).is_issuing_ca());
        assert!(!self_signed(|params| params.is_ca = IsCa::NoCa).is_issuing_ca());
        let usage = |usage: KeyUsagePurpose| {
            self_signed(|params| {
                params.is_ca = is_ca;
                params.key_usages = vec![usage];
            })
        };
        assert!(usage(KeyUsagePurpose::KeyCertSign).is_issuing_ca());
        assert!(!usage(KeyUsagePurpose::DigitalSignature).is_issuing_ca());
    }
}
