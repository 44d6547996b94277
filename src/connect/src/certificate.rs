//! What a certificate says of itself. Nothing here verifies anything.

use std::fmt::{self, Display, Write};
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::{DateTime, Decode, Encode, Header, Reader, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectAltName};

use pullgate::display::is_unsafe_for_display;

/// How long a text from a certificate may get, in bytes. Anybody may have written it.
const MAX_TEXT_BYTES: usize = 200;

/// What a certificate that a server sent says of itself. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// Whom it is for, as RFC 4514 writes names, in a form fit for a line of a log. None where it cannot be read.
    pub subject: Option<String>,
    /// Who issued it, likewise.
    pub issuer: Option<String>,
    /// The last second in which it counts, as `2026-01-31T12:00:00Z`.
    pub not_after: Option<String>,
    /// Its SHA-256, in lower-case hexadecimal.
    pub fingerprint: String,
}

impl CertificateSummary {
    /// Describes a certificate in DER.
    pub fn from_der(der: &[u8]) -> Self {
        let reading = ParsedCertificate::from_der(der);
        Self {
            subject: reading.as_ref().map(ParsedCertificate::subject),
            issuer: reading.as_ref().map(ParsedCertificate::issuer),
            not_after: reading.as_ref().map(|reading| format_time(reading.not_after())),
            fingerprint: base16ct::lower::encode_string(&Sha256::digest(der)),
        }
    }
}

/// A certificate, taken apart.
pub(crate) struct ParsedCertificate(Certificate);

impl ParsedCertificate {
    /// Reads a certificate in DER; none where it does not follow RFC 5280.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        Certificate::from_der(der).ok().map(Self)
    }

    /// Whom it is for, as RFC 4514 writes names.
    pub(crate) fn subject(&self) -> String {
        bounded_line(self.0.tbs_certificate().subject())
    }

    /// Whether it is for whoever issued another one.
    pub(crate) fn is_issuer_of(&self, other: &Self) -> bool {
        self.0.tbs_certificate().subject() == other.0.tbs_certificate().issuer()
    }

    /// Who issued it, as RFC 4514 writes names.
    pub(crate) fn issuer(&self) -> String {
        bounded_line(self.0.tbs_certificate().issuer())
    }

    /// Its issuer as webpki keeps names: in DER, without the header.
    pub(crate) fn issuer_der(&self) -> Option<Vec<u8>> {
        let whole = self.0.tbs_certificate().issuer().to_der().ok()?;
        let mut reader = SliceReader::new(&whole).ok()?;
        Header::decode(&mut reader).ok()?;
        reader.read_slice(reader.remaining_len()).ok().map(<[u8]>::to_vec)
    }

    /// The last second in which it counts, since 1970-01-01 UTC.
    pub(crate) fn not_after(&self) -> u64 {
        self.0.tbs_certificate().validity().not_after.to_unix_duration().as_secs()
    }

    /// The hosts that it is for: names and addresses. None where they cannot be read.
    pub(crate) fn hosts(&self) -> Option<Vec<String>> {
        let extension = self.0.tbs_certificate().get_extension::<SubjectAltName>().ok()?;
        let names = extension.map(|(_, names)| names.0).unwrap_or_default();
        let host = |name: GeneralName| match name {
            GeneralName::DnsName(name) => Some(bounded_line(name.as_str())),
            GeneralName::IpAddress(address) => parse_address(address.as_bytes()).map(|address| address.to_string()),
            _ => None,
        };
        Some(names.into_iter().filter_map(host).collect())
    }

    /// Whether it says that it is an authority's (RFC 5280, 4.2.1.9). One of version 1 could not say and is.
    pub(crate) fn is_ca(&self) -> bool {
        let certificate = self.0.tbs_certificate();
        match certificate.get_extension::<BasicConstraints>() {
            Ok(Some((_, constraints))) => constraints.ca,
            Ok(None) => certificate.version() == Version::V1,
            Err(_) => false,
        }
    }

    /// Whether it may issue others: an authority's, whose key is not kept for something else (RFC 5280, 4.2.1.3).
    pub(crate) fn is_issuing_ca(&self) -> bool {
        let signs = match self.0.tbs_certificate().get_extension::<KeyUsage>() {
            Ok(Some((_, usage))) => usage.key_cert_sign(),
            Ok(None) => true,
            Err(_) => false,
        };
        signs && self.is_ca()
    }
}

/// A time in seconds since 1970-01-01 UTC, as `2026-01-31T12:00:00Z`.
pub(crate) fn format_time(seconds: u64) -> String {
    DateTime::from_unix_duration(Duration::from_secs(seconds))
        .map_or_else(|_| format!("second {seconds}"), |date| date.to_string())
}

fn parse_address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// A text of somebody else's, fit for a line of a log.
fn bounded_line(text: impl Display) -> String {
    let mut line = BoundedLine(String::new());
    match write!(line, "{text}") {
        Ok(()) => line.0,
        Err(_) => line.0 + "…",
    }
}

/// A line that takes nothing that could not be seen, and ends the writing when it is full.
struct BoundedLine(String);

impl Write for BoundedLine {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.len() >= MAX_TEXT_BYTES {
                return Err(fmt::Error);
            }
            if is_unsafe_for_display(character) {
                self.0.extend(character.escape_default());
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(reading.subject(), "CN=Lab\\0aCA\\u{85}\\u{202e}\\u{2028}\\u{200b}");
        assert_eq!(reading.issuer(), reading.subject());
        assert_eq!(format_time(reading.not_after()), "2025-02-03T00:00:00Z");
        assert_eq!(reading.hosts().unwrap(), ["a.example.com", "10.0.0.1", "fd00::1"]);
        assert!(ParsedCertificate::from_der(b"no certificate").is_none());
        let CertificateSummary { subject, issuer, not_after, fingerprint } =
            CertificateSummary::from_der(b"no certificate");
        assert_eq!((subject, issuer, not_after, fingerprint.len()), (None, None, None, 64));
    }

    #[test]
    fn long_texts_are_truncated() {
        let reading = self_signed(|params| params.distinguished_name.push(DnType::CommonName, "x".repeat(10_000)));
        assert_eq!(reading.subject().chars().count(), MAX_TEXT_BYTES + 1);
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
