//! Certificate linter (rules C4 and C5): the findings of a certificate in the role of a certificate authority.
//!
//! No signature is verified here. *Self-issued* (RFC 5280, section 3.2) means that issuer and subject are equal and the
//! key identifiers do not disagree; TLS clients verify the signatures.

use std::ops::Range;

use base16ct::lower::encode_string;
use sha2::{Digest, Sha256};
use x509_cert::certificate::{CertificateInner, Raw, TbsCertificateInner, Version};
use x509_cert::der::asn1::{BitStringRef, UintRef};
use x509_cert::der::flagset::{FlagSet, Flags};
use x509_cert::der::oid::{AssociatedOid, db::rfc5280};
use x509_cert::der::{DateTime, Decode, Tag, Tagged, oid::ObjectIdentifier};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier};

use crate::certificate::algorithm::{HashStrength, PublicKeyInfo, SignatureAlgorithm};
use crate::certificate::der::{self, DerKind, TrustSettings};
use crate::certificate::distinguished_name as dn;
use crate::certificate::general_name::{self, GeneralName};
use crate::certificate::name_constraints::NameConstraints;
use crate::certificate::pem::{self, CertificateDer, PemBlock, PemForm};
use crate::finding::RawFinding;
use crate::finding::code::Code;

const DAY_SECS: u64 = 86_400;
/// Time before the expiry of a certificate from which a warning is given, in seconds.
const EXPIRY_WARNING_SECS: u64 = DAY_SECS.saturating_mul(30);
/// The longest validity period without a warning, in years.
const MAX_VALIDITY_YEARS: u16 = 25;
/// The maximum size of a serial number in octets (RFC 5280, section 4.1.2.2).
const MAX_SERIAL_BYTES: usize = 20;

/// The consequence of an algorithm that Go's `crypto/x509` and the TLS library of pullgate do not have.
const UNVERIFIABLE: &str =
    "and neither programs in Go, dockerd and containerd among them, nor pullgate verify signatures";

/// Critical extensions that are accepted: those that path validation must process (RFC 5280, section 4.2), and those
/// that it may ignore.
const SUPPORTED_CRITICAL_EXTENSIONS: [ObjectIdentifier; 13] = [
    rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER,
    rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER,
    rfc5280::ID_CE_KEY_USAGE,
    rfc5280::ID_CE_CERTIFICATE_POLICIES,
    rfc5280::ID_CE_POLICY_MAPPINGS,
    rfc5280::ID_CE_SUBJECT_ALT_NAME,
    rfc5280::ID_CE_ISSUER_ALT_NAME,
    rfc5280::ID_CE_BASIC_CONSTRAINTS,
    rfc5280::ID_CE_NAME_CONSTRAINTS,
    rfc5280::ID_CE_POLICY_CONSTRAINTS,
    rfc5280::ID_CE_EXT_KEY_USAGE,
    rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS,
    rfc5280::ID_CE_INHIBIT_ANY_POLICY,
];

/// The certificates of a bundle, and the findings about the rest of its text.
#[derive(Debug, Default)]
pub(crate) struct CertificateBundle {
    pub certificates: Vec<ParsedCertificate>,
    pub findings: Vec<RawFinding>,
}

/// A certificate of a bundle, with its findings.
#[derive(Debug)]
pub(crate) struct ParsedCertificate {
    /// The span of the PEM block.
    pub span: Range<usize>,
    pub line: usize,
    pub der: CertificateDer,
    pub inner: CertificateInner<Raw>,
    pub extensions: ParsedExtensions,
    /// Subject and issuer, normalized for comparison.
    subject: String,
    issuer: String,
    /// The SHA-256 of the DER in lower-case hexadecimal.
    pub sha256: String,
    /// True if OpenSSL's trust settings reject the certificate for TLS servers.
    pub rejects_servers: bool,
    pub findings: Vec<RawFinding>,
}

/// The extensions that the linter reads. A damaged extension is reported and treated as absent.
#[derive(Debug, Default)]
pub(crate) struct ParsedExtensions {
    pub basic_constraints: Option<BasicConstraints>,
    pub key_usage: Option<KeyUsage>,
    pub extended_key_usage: Option<ExtendedKeyUsage>,
    pub subject_alt_names: Vec<GeneralName>,
    pub name_constraints: Option<NameConstraints>,
    pub subject_key: Option<Vec<u8>>,
    pub authority_key: Option<Vec<u8>>,
}

/// Parses a bundle and lints its certificates as of `at`, in seconds since 1970-01-01 UTC.
pub(crate) fn parse_bundle(text: &[u8], at: u64) -> CertificateBundle {
    let mut bundle = CertificateBundle::default();
    for block in pem::parse_blocks(text, &mut bundle.findings) {
        let form = block.form;
        match ParsedCertificate::from_block(block) {
            Ok(certificate) => {
                // Plain PEM would lose the trust settings that reject a certificate.
                if !certificate.rejects_servers {
                    let ParsedCertificate { der, span, line, .. } = &certificate;
                    bundle.findings.extend(form.finding(der, span.clone(), *line));
                }
                bundle.certificates.push(certificate);
            }
            Err(finding) => bundle.findings.push(finding),
        }
    }
    let all = &bundle.certificates;
    let check =
        |(index, certificate)| CertificateLinter { certificate, before: all.get(..index).unwrap_or_default(), all, at };
    let findings: Vec<Vec<RawFinding>> = all.iter().enumerate().map(|each| check(each).lint()).collect();
    for (certificate, findings) in bundle.certificates.iter_mut().zip(findings) {
        certificate.findings.extend(findings);
    }
    bundle
}

impl ParsedCertificate {
    /// Parses a certificate in DER.
    pub fn from_der(der: Vec<u8>) -> Option<Self> {
        Self::from_block(PemBlock { span: 0..der.len(), line: 1, trusted: false, form: PemForm::Plain, der }).ok()
    }

    fn from_block(block: PemBlock) -> Result<Self, RawFinding> {
        let PemBlock { span, line, trusted, der, .. } = block;
        let unreadable = |at: u32| {
            let message = format!(
                "the block that begins on line {line} cannot be read as a certificate: byte {at} of what it holds is not as it should be"
            );
            RawFinding::new(Code::CertificateUnreadable, span.clone(), message)
        };
        let (certificate, inner, more) = CertificateDer::decode_leading(&der).map_err(unreadable)?;
        let settings = if trusted { TrustSettings::parse(more) } else { None };
        if !more.is_empty() && settings.is_none() {
            if der::classify(more) == Some(DerKind::PrivateKey) {
                let this = format!("the block that begins on line {line} has after the certificate");
                return Err(
                    pem::not_a_certificate(DerKind::PrivateKey, span.clone(), &this).unwrap_or_else(|| unreadable(0))
                );
            }
            let more = more.len();
            let message = format!("the block that begins on line {line} has {more} more bytes after the certificate");
            return Err(RawFinding::new(Code::PemTrailingData, span, message));
        }
        let der = certificate;
        let rejects_servers = settings.is_some_and(|settings| settings.rejects_servers);
        let mut findings = Vec::new();
        let extensions = ParsedExtensions::parse(inner.tbs_certificate(), &span, &mut findings);
        let tbs = inner.tbs_certificate();
        let [subject, issuer] = [tbs.subject(), tbs.issuer()].map(dn::normalized);
        let sha256 = encode_string(&Sha256::digest(der.as_bytes()));
        Ok(ParsedCertificate { span, line, der, inner, extensions, subject, issuer, sha256, rejects_servers, findings })
    }

    pub fn tbs(&self) -> &TbsCertificateInner<Raw> {
        self.inner.tbs_certificate()
    }

    /// Returns the first second of the validity period, since 1970-01-01 UTC.
    pub fn not_before(&self) -> u64 {
        self.tbs().validity().not_before.to_unix_duration().as_secs()
    }

    /// Returns the last second of the validity period, since 1970-01-01 UTC.
    pub fn not_after(&self) -> u64 {
        self.tbs().validity().not_after.to_unix_duration().as_secs()
    }

    pub fn is_valid_at(&self, at: u64) -> bool {
        (self.not_before()..=self.not_after()).contains(&at)
    }

    pub fn is_ca(&self) -> bool {
        self.extensions.basic_constraints.as_ref().is_some_and(|constraints| constraints.ca)
    }

    /// Returns whether issuer and subject are equal and the key identifiers do not disagree.
    pub fn is_self_issued(&self) -> bool {
        self.may_be_issued_by(self)
    }

    /// Returns whether the other's subject is this certificate's issuer and the key identifiers do not disagree.
    fn may_be_issued_by(&self, other: &ParsedCertificate) -> bool {
        let keys = (&other.extensions.subject_key, &self.extensions.authority_key);
        self.issuer == other.subject && !matches!(keys, (Some(own), Some(wanted)) if own != wanted)
    }

    /// Returns the name of the certificate in messages.
    pub fn display_name(&self) -> String {
        dn::common_name(self.tbs().subject()).unwrap_or_else(|| format!("the certificate on line {}", self.line))
    }
}

impl ParsedExtensions {
    fn parse(tbs: &TbsCertificateInner<Raw>, span: &Range<usize>, findings: &mut Vec<RawFinding>) -> Self {
        let mut reader = ExtensionReader { tbs, span, findings };
        ParsedExtensions {
            basic_constraints: reader.get(
                rfc5280::ID_CE_BASIC_CONSTRAINTS,
                "basic constraints",
                parse_basic_constraints,
            ),
            key_usage: reader.get(rfc5280::ID_CE_KEY_USAGE, "key usage", parse_key_usage),
            extended_key_usage: reader.decode("extended key usage"),
            subject_alt_names: reader
                .get(rfc5280::ID_CE_SUBJECT_ALT_NAME, "subject alternative name", general_name::parse_list)
                .unwrap_or_default(),
            name_constraints: reader.get(rfc5280::ID_CE_NAME_CONSTRAINTS, "name constraints", NameConstraints::parse),
            subject_key: reader
                .decode("subject key identifier")
                .map(|id: SubjectKeyIdentifier| id.0.as_bytes().to_vec()),
            authority_key: reader
                .get(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, "authority key identifier", parse_authority_key_id)
                .flatten(),
        }
    }
}

/// Parses basic constraints (RFC 5280, section 4.2.1.9). A path length over 255 is treated as unlimited, because no
/// chain is that long.
fn parse_basic_constraints(value: &[u8]) -> Option<BasicConstraints> {
    let mut fields = der::sequence_elements(value)?.into_iter().peekable();
    let ca = fields.next_if(|field| field.tag() == Tag::Boolean).map_or(Ok(false), |field| field.decode_as()).ok()?;
    let length = fields.next_if(|field| field.tag() == Tag::Integer);
    let length: Option<UintRef<'_>> = length.map(|field| field.decode_as()).transpose().ok()?;
    let path_len_constraint = length.and_then(|length| match length.as_bytes() {
        [length] => Some(*length),
        _ => None,
    });
    fields.next().is_none().then_some(BasicConstraints { ca, path_len_constraint })
}

/// Parses the named bits of a key usage. More bits may follow: some programs write 32.
fn parse_key_usage(value: &[u8]) -> Option<KeyUsage> {
    let bits = BitStringRef::from_der(value).ok()?;
    let set = KeyUsages::LIST.iter().zip(bits.bits()).filter(|(_, bit)| *bit);
    Some(KeyUsage(set.fold(FlagSet::default(), |flags, (flag, _)| flags | *flag)))
}

/// Parses the key identifier of an authority key identifier and ignores its other fields (RFC 5280, section 4.2.1.1).
fn parse_authority_key_id(value: &[u8]) -> Option<Option<Vec<u8>>> {
    let fields = der::sequence_elements(value)?;
    let identifier = fields.into_iter().find(|field| der::context_tag(field) == Some(0));
    Some(identifier.map(|field| field.value().to_vec()))
}

struct ExtensionReader<'c, 'n> {
    tbs: &'c TbsCertificateInner<Raw>,
    span: &'c Range<usize>,
    findings: &'n mut Vec<RawFinding>,
}

impl<'c> ExtensionReader<'c, '_> {
    fn decode<T: Decode<'c> + AssociatedOid>(&mut self, name: &str) -> Option<T> {
        self.get(T::OID, name, |value| T::from_der(value).ok())
    }

    /// Parses an extension, which may occur only once (RFC 5280, section 4.2).
    fn get<T>(&mut self, id: ObjectIdentifier, name: &str, read: impl Fn(&'c [u8]) -> Option<T>) -> Option<T> {
        let value = self.unique_value(id, name)?;
        let read = read(value);
        if read.is_none() {
            self.report(format!("the extension \"{name}\" is damaged"));
        }
        read
    }

    fn unique_value(&mut self, id: ObjectIdentifier, name: &str) -> Option<&'c [u8]> {
        let mut found = self.tbs.extensions()?.iter().filter(|extension| extension.extn_id == id);
        let value = found.next()?.extn_value.as_bytes();
        if found.next().is_some() {
            self.report(format!("the extension \"{name}\" stands more than once"));
        }
        Some(value)
    }

    fn report(&mut self, message: String) {
        self.findings.push(RawFinding::new(Code::CertificateExtensionInvalid, self.span.clone(), message));
    }
}

/// The linter of one certificate.
struct CertificateLinter<'c> {
    certificate: &'c ParsedCertificate,
    before: &'c [ParsedCertificate],
    all: &'c [ParsedCertificate],
    at: u64,
}

impl CertificateLinter<'_> {
    fn lint(&self) -> Vec<RawFinding> {
        let title = self.certificate.display_name();
        let mut findings = Vec::new();
        if !self.certificate.is_ca() && !self.certificate.is_self_issued() {
            findings.push(self.leaf_finding(&title));
        }
        let mut report = |code: Code, message: String| {
            findings.push(RawFinding::new(code, self.certificate.span.clone(), message));
        };
        self.lint_ca(&title, &mut report);
        self.lint_validity(&title, &mut report);
        self.lint_strength(&title, &mut report);
        self.lint_profile(&title, &mut report);
        self.lint_bundle(&title, &mut report);
        findings
    }

    /// Rule C5: returns the finding about a certificate that another one issued and that is not a CA's.
    fn leaf_finding(&self, title: &str) -> RawFinding {
        let issuer = dn::to_rfc4514(self.certificate.tbs().issuer());
        let is_issuer = |other: &&ParsedCertificate| other.is_ca() && self.certificate.may_be_issued_by(other);
        let span = self.certificate.span.clone();
        match self.all.iter().find(is_issuer) {
            Some(other) => {
                let message = format!(
                    "`{title}` is a server's or a person's, not a CA's: take it out; the certificate of its issuer, `{issuer}`, stands on line {}",
                    other.line
                );
                RawFinding::new(Code::CertificateNotCa, span, message).with_fix("")
            }
            None => {
                let message = format!(
                    "`{title}` is a server's or a person's, not a CA's: give the certificate of its issuer, `{issuer}`"
                );
                RawFinding::new(Code::CertificateNotCa, span, message)
            }
        }
    }

    /// Lints the certificate's fitness as an authority: CA flag, key usages, critical extensions and name constraints.
    fn lint_ca(&self, title: &str, report: &mut dyn FnMut(Code, String)) {
        let ParsedCertificate { extensions, .. } = self.certificate;
        let own = self.certificate.is_self_issued();
        match (self.certificate.is_ca(), own) {
            (true, _) => {
                let signs = extensions.key_usage.as_ref().is_none_or(KeyUsage::key_cert_sign);
                if !signs {
                    report(
                        Code::CertificateKeyUsage,
                        format!("`{title}` is not for signing certificates: its key usage lacks keyCertSign"),
                    );
                }
            }
            (false, true) => report(
                Code::CertificateSelfSignedLeaf,
                format!(
                    "`{title}` is self-signed and not a CA: it vouches for a server that has this very certificate, and for nothing else"
                ),
            ),
            (false, false) => {}
        }
        if self.certificate.rejects_servers {
            report(
                Code::CertificateTrustSettings,
                format!(
                    "the trust settings that OpenSSL put after `{title}` reject it for TLS servers: take it out, or set them anew with `openssl x509 -trustout -addtrust serverAuth`"
                ),
            );
        }
        if let Some(usage) = &extensions.extended_key_usage {
            let for_servers = [rfc5280::ID_KP_SERVER_AUTH, rfc5280::ANY_EXTENDED_KEY_USAGE];
            if !usage.0.iter().any(|usage| for_servers.contains(usage)) {
                report(
                    Code::CertificateExtendedKeyUsage,
                    format!("`{title}` is not for TLS servers: its extended key usage lacks serverAuth"),
                );
            }
        }
        for extension in self.certificate.tbs().extensions().into_iter().flatten() {
            if extension.critical && !SUPPORTED_CRITICAL_EXTENSIONS.contains(&extension.extn_id) {
                report(
                    Code::CertificateCriticalExtension,
                    format!("`{title}` has the critical extension {}, which is not understood", extension.extn_id),
                );
            }
        }
        if let Some(constraints) = &extensions.name_constraints {
            report(
                Code::CertificateNameConstraints,
                format!("`{title}` vouches for some names only: {}", constraints.to_text()),
            );
        }
    }

    fn lint_validity(&self, title: &str, report: &mut dyn FnMut(Code, String)) {
        let validity = self.certificate.tbs().validity();
        let (from, until) = (validity.not_before.to_date_time(), validity.not_after.to_date_time());
        let (not_before, not_after) = (self.certificate.not_before(), self.certificate.not_after());
        if not_after < not_before {
            report(Code::CertificateValidity, format!("`{title}` ends on {until}, before it begins on {from}"));
            return;
        }
        if self.at > not_after {
            report(Code::CertificateExpired, format!("`{title}` expired on {until}: a newer one is needed"));
        } else if self.at < not_before {
            report(Code::CertificateNotYetValid, format!("`{title}` is not valid before {from}"));
        } else if not_after.saturating_sub(self.at) <= EXPIRY_WARNING_SECS {
            let days = not_after.saturating_sub(self.at) / DAY_SECS;
            report(Code::CertificateExpiresSoon, format!("`{title}` expires on {until}, in {days} days"));
        }
        if calendar_tuple(until) > add_years(from, MAX_VALIDITY_YEARS) {
            report(
                Code::CertificateLongLived,
                format!("`{title}` is valid from {from} to {until}, for more than {MAX_VALIDITY_YEARS} years"),
            );
        }
    }

    fn lint_strength(&self, title: &str, report: &mut dyn FnMut(Code, String)) {
        let key = PublicKeyInfo::from_spki(self.certificate.tbs().subject_public_key_info());
        let is_own = self.certificate.is_self_issued();
        // The algorithm is stated inside and outside of the signed part, and both should agree: the weaker one counts.
        let mut signature = SignatureAlgorithm::from_identifier(self.certificate.inner.signature_algorithm());
        let signed = SignatureAlgorithm::from_identifier(self.certificate.tbs().signature());
        if signed.strength > signature.strength {
            signature = signed;
        }
        if !key.is_verifiable() {
            report(
                Code::CertificateAlgorithm,
                format!("the key of `{title}` is {key}, {UNVERIFIABLE} by such a key: {}", PublicKeyInfo::RECOMMENDED),
            );
        } else if key.is_weak() {
            report(Code::CertificateKeyWeak, format!("the key of `{title}` is {key}: {}", PublicKeyInfo::RECOMMENDED));
        } else if !is_own && signature.strength == HashStrength::Acceptable && !signature.is_verifiable {
            // Nobody verifies the signature of a root.
            report(
                Code::CertificateAlgorithm,
                format!(
                    "`{title}` is signed with {}, {UNVERIFIABLE} of this kind: have it issued again, {}",
                    signature.name,
                    SignatureAlgorithm::RECOMMENDED
                ),
            );
        }
        match signature.strength {
            HashStrength::Broken => report(
                Code::CertificateSignatureWeak,
                format!("`{title}` is signed with {}, which anybody can forge", signature.name),
            ),
            HashStrength::Sha1 if is_own => report(
                Code::CertificateSignatureSha1,
                format!(
                    "`{title}` is signed with {}; on a root nobody looks at it, but replace it when you can",
                    signature.name
                ),
            ),
            HashStrength::Sha1 => report(
                Code::CertificateSignatureWeak,
                format!("`{title}` is signed with {}, and SHA-1 can be forged", signature.name),
            ),
            HashStrength::Acceptable => {}
        }
    }

    /// Lints version, serial number and names against the profile of RFC 5280.
    fn lint_profile(&self, title: &str, report: &mut dyn FnMut(Code, String)) {
        let tbs = self.certificate.tbs();
        let version = tbs.version();
        if version != Version::V3 && tbs.extensions().is_some() {
            report(Code::CertificateVersion, format!("`{title}` has extensions, and only version 3 has them"));
        } else if version == Version::V1 {
            report(
                Code::CertificateVersion1,
                format!("`{title}` is of version 1, which cannot say whether it is a CA; some programs refuse it"),
            );
        }
        let serial = tbs.serial_number().as_bytes();
        let negative = serial.first().is_some_and(|first| first & 0x80 != 0);
        if negative {
            report(
                Code::CertificateSerial,
                format!(
                    "the serial number of `{title}` is below zero, and programs in Go, dockerd and containerd among them, refuse the certificate: have it issued again"
                ),
            );
        } else if serial.iter().all(|byte| *byte == 0) {
            report(Code::CertificateSerial, format!("the serial number of `{title}` is zero, not positive"));
        } else if serial.len() > MAX_SERIAL_BYTES.saturating_add(usize::from(serial.first() == Some(&0))) {
            report(
                Code::CertificateSerial,
                format!("the serial number of `{title}` has over {MAX_SERIAL_BYTES} octets"),
            );
        }
        if tbs.subject().is_empty() && tbs.issuer().is_empty() {
            report(Code::CertificateNameless, format!("{title} has neither a subject nor an issuer"));
        }
    }

    /// Lints the certificate against the others of its bundle.
    fn lint_bundle(&self, title: &str, report: &mut dyn FnMut(Code, String)) {
        if let Some(first) = self.before.iter().find(|other| other.sha256 == self.certificate.sha256) {
            report(Code::CertificateDuplicate, format!("`{title}` stands on line {} already", first.line));
        }
        let is_intermediate = self.certificate.is_ca() && !self.certificate.is_self_issued();
        if is_intermediate && !self.all.iter().any(|other| self.certificate.may_be_issued_by(other)) {
            let issuer = self.certificate.tbs().issuer();
            report(
                Code::CertificateIntermediate,
                format!(
                    "`{title}` is an intermediate; its issuer `{}` is not here, and need not be",
                    dn::to_rfc4514(issuer)
                ),
            );
        }
    }
}

fn calendar_tuple(time: DateTime) -> (u16, [u8; 5]) {
    (time.year(), [time.month(), time.day(), time.hour(), time.minutes(), time.seconds()])
}

fn add_years(time: DateTime, years: u16) -> (u16, [u8; 5]) {
    let (year, rest) = calendar_tuple(time);
    (year.saturating_add(years), rest)
}
