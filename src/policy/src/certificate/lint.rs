//! Certificates (rules C4 and C5): what is wrong with one that was given as a certificate authority.
//!
//! There is no signature cryptography here. *Self-signed* means that issuer and subject are equal and the key
//! identifiers do not disagree; whoever connects verifies signatures.

use std::ops::Range;

use base16ct::lower::encode_string;
use sha2::{Digest, Sha256};
use x509_cert::certificate::{CertificateInner, Raw, TbsCertificateInner, Version};
use x509_cert::der::asn1::{BitStringRef, UintRef};
use x509_cert::der::flagset::{FlagSet, Flags};
use x509_cert::der::oid::{AssociatedOid, db::rfc5280};
use x509_cert::der::{DateTime, Decode, Reader, SliceReader, Tag, Tagged, oid::ObjectIdentifier};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier};

use crate::certificate::algorithm::{Key, Signature, Strength};
use crate::certificate::der::{self, Content};
use crate::certificate::distinguished_name as dn;
use crate::certificate::general_name::{self, GeneralName};
use crate::certificate::name_constraints::Constraints;
use crate::certificate::pem::{self, Block};
use crate::finding::Note;
use crate::finding::code::Code;

const DAY: u64 = 86_400;
/// A certificate that expires within so many seconds is warned of.
const SOON: u64 = DAY.saturating_mul(30);
/// A certificate that is valid for more years is warned of.
const LONG_YEARS: u16 = 25;
/// The most octets of a serial number (RFC 5280, section 4.1.2.2).
const MAX_SERIAL: usize = 20;

/// The critical extensions that are understood: those that path validation must process (RFC 5280, section 4.2), and those
/// that have no say in it.
const UNDERSTOOD: [ObjectIdentifier; 13] = [
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

/// A bundle: the certificates in it, and what there is to say of the rest.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    pub certificates: Vec<Certificate>,
    pub notes: Vec<Note>,
}

/// A certificate of a bundle, with what there is to say of it.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// Where its block stands, and the number of its first line.
    pub place: Range<usize>,
    pub line: usize,
    pub der: Vec<u8>,
    pub inner: CertificateInner<Raw>,
    pub extensions: Extensions,
    /// Subject and issuer as they are compared.
    subject: String,
    issuer: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub notes: Vec<Note>,
}

/// The extensions that count here. One that is damaged is as if absent; a note says so.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub basic_constraints: Option<BasicConstraints>,
    pub key_usage: Option<KeyUsage>,
    pub extended_key_usage: Option<ExtendedKeyUsage>,
    pub subject_alt_names: Vec<GeneralName>,
    pub name_constraints: Option<Constraints>,
    pub subject_key: Option<Vec<u8>>,
    pub authority_key: Option<Vec<u8>>,
}

/// Reads a bundle and checks its certificates as of `at`, in seconds since 1970-01-01 UTC.
pub(crate) fn read(text: &[u8], at: u64) -> Bundle {
    let mut bundle = Bundle::default();
    for block in pem::read(text, &mut bundle.notes) {
        match Certificate::read(block) {
            Ok(certificate) => bundle.certificates.push(certificate),
            Err(note) => bundle.notes.push(note),
        }
    }
    let all = &bundle.certificates;
    let check = |(index, certificate)| Check { certificate, before: all.get(..index).unwrap_or_default(), all, at };
    let notes: Vec<Vec<Note>> = all.iter().enumerate().map(|each| check(each).notes()).collect();
    for (certificate, notes) in bundle.certificates.iter_mut().zip(notes) {
        certificate.notes.extend(notes);
    }
    bundle
}

impl Certificate {
    fn read(block: Block) -> Result<Self, Note> {
        let Block { place, line, trusted, mut der } = block;
        let unreadable = |at: u32| {
            let message = format!(
                "the block that begins on line {line} cannot be read as a certificate: byte {at} of what it holds is not as it should be"
            );
            Note::new(Code::CertificateUnreadable, place.clone(), message)
        };
        let mut reader = SliceReader::new(&der).map_err(|_| unreadable(0))?;
        let inner = CertificateInner::<Raw>::decode(&mut reader)
            .map_err(|error| unreadable(error.position().map_or(0, u32::from)))?;
        let length = usize::try_from(u32::from(reader.position())).unwrap_or(usize::MAX);
        let more = der.get(length..).unwrap_or_default();
        let is_expected = more.is_empty() || (trusted && der::is_trust(more));
        if !is_expected {
            if der::of(more) == Some(Content::PrivateKey) {
                let this = format!("the block that begins on line {line} has after the certificate");
                return Err(pem::other(Content::PrivateKey, place.clone(), &this).unwrap_or_else(|| unreadable(0)));
            }
            let more = more.len();
            let message = format!("the block that begins on line {line} has {more} more bytes after the certificate");
            return Err(Note::new(Code::PemTrailingData, place, message));
        }
        // What OpenSSL's trust settings say is not for us.
        der.truncate(length);
        let mut notes = Vec::new();
        let extensions = Extensions::read(inner.tbs_certificate(), &place, &mut notes);
        let tbs = inner.tbs_certificate();
        let [subject, issuer] = [tbs.subject(), tbs.issuer()].map(dn::folded);
        let sha256 = encode_string(&Sha256::digest(&der));
        Ok(Certificate { place, line, der, inner, extensions, subject, issuer, sha256, notes })
    }

    pub fn tbs(&self) -> &TbsCertificateInner<Raw> {
        self.inner.tbs_certificate()
    }

    /// Seconds since 1970-01-01 UTC.
    pub fn not_before(&self) -> u64 {
        self.tbs().validity().not_before.to_unix_duration().as_secs()
    }

    /// Seconds since 1970-01-01 UTC: the last at which the certificate is valid.
    pub fn not_after(&self) -> u64 {
        self.tbs().validity().not_after.to_unix_duration().as_secs()
    }

    pub fn is_valid_at(&self, at: u64) -> bool {
        (self.not_before()..=self.not_after()).contains(&at)
    }

    pub fn is_ca(&self) -> bool {
        self.extensions.basic_constraints.as_ref().is_some_and(|constraints| constraints.ca)
    }

    /// Whether issuer and subject are equal and the key identifiers do not disagree.
    pub fn is_self_signed(&self) -> bool {
        self.may_be_signed_by(self)
    }

    /// Whether the other's subject is its issuer, and the key identifiers do not disagree.
    fn may_be_signed_by(&self, other: &Certificate) -> bool {
        let keys = (&other.extensions.subject_key, &self.extensions.authority_key);
        self.issuer == other.subject && !matches!(keys, (Some(own), Some(wanted)) if own != wanted)
    }

    /// The certificate as messages name it.
    pub fn title(&self) -> String {
        dn::short(self.tbs().subject()).unwrap_or_else(|| format!("the certificate on line {}", self.line))
    }
}

impl Extensions {
    fn read(tbs: &TbsCertificateInner<Raw>, place: &Range<usize>, notes: &mut Vec<Note>) -> Self {
        let mut reader = ExtensionReader { tbs, place, notes };
        Extensions {
            basic_constraints: reader.get(rfc5280::ID_CE_BASIC_CONSTRAINTS, "basic constraints", basic_constraints),
            key_usage: reader.get(rfc5280::ID_CE_KEY_USAGE, "key usage", key_usage),
            extended_key_usage: reader.decoded("extended key usage"),
            subject_alt_names: reader
                .get(rfc5280::ID_CE_SUBJECT_ALT_NAME, "subject alternative name", general_name::list)
                .unwrap_or_default(),
            name_constraints: reader.get(rfc5280::ID_CE_NAME_CONSTRAINTS, "name constraints", Constraints::read),
            subject_key: reader
                .decoded("subject key identifier")
                .map(|id: SubjectKeyIdentifier| id.0.as_bytes().to_vec()),
            authority_key: reader
                .get(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, "authority key identifier", authority_key)
                .flatten(),
        }
    }
}

/// A path may be of any length (RFC 5280, section 4.2.1.9). No chain is of over 255, which is as good as no limit.
fn basic_constraints(value: &[u8]) -> Option<BasicConstraints> {
    let mut fields = der::sequence(value)?.into_iter().peekable();
    let ca = fields.next_if(|field| field.tag() == Tag::Boolean).map_or(Ok(false), |field| field.decode_as()).ok()?;
    let length = fields.next_if(|field| field.tag() == Tag::Integer);
    let length: Option<UintRef<'_>> = length.map(|field| field.decode_as()).transpose().ok()?;
    let path_len_constraint = length.and_then(|length| match length.as_bytes() {
        [length] => Some(*length),
        _ => None,
    });
    fields.next().is_none().then_some(BasicConstraints { ca, path_len_constraint })
}

/// The bits that there are names for, however many follow: some programs write 32.
fn key_usage(value: &[u8]) -> Option<KeyUsage> {
    let bits = BitStringRef::from_der(value).ok()?;
    let set = KeyUsages::LIST.iter().zip(bits.bits()).filter(|(_, bit)| *bit);
    Some(KeyUsage(set.fold(FlagSet::default(), |flags, (flag, _)| flags | *flag)))
}

/// Only the identifier counts, whatever else there is (RFC 5280, section 4.2.1.1).
fn authority_key(value: &[u8]) -> Option<Option<Vec<u8>>> {
    let fields = der::sequence(value)?;
    let identifier = fields.into_iter().find(|field| der::number(field) == Some(0));
    Some(identifier.map(|field| field.value().to_vec()))
}

struct ExtensionReader<'c, 'n> {
    tbs: &'c TbsCertificateInner<Raw>,
    place: &'c Range<usize>,
    notes: &'n mut Vec<Note>,
}

impl<'c> ExtensionReader<'c, '_> {
    fn decoded<T: Decode<'c> + AssociatedOid>(&mut self, name: &str) -> Option<T> {
        self.get(T::OID, name, |value| T::from_der(value).ok())
    }

    /// What an extension says. It may stand only once (RFC 5280, section 4.2).
    fn get<T>(&mut self, id: ObjectIdentifier, name: &str, read: impl Fn(&'c [u8]) -> Option<T>) -> Option<T> {
        let value = self.value(id, name)?;
        let read = read(value);
        if read.is_none() {
            self.note(format!("the extension \"{name}\" is damaged"));
        }
        read
    }

    fn value(&mut self, id: ObjectIdentifier, name: &str) -> Option<&'c [u8]> {
        let mut found = self.tbs.extensions()?.iter().filter(|extension| extension.extn_id == id);
        let value = found.next()?.extn_value.as_bytes();
        if found.next().is_some() {
            self.note(format!("the extension \"{name}\" stands more than once"));
        }
        Some(value)
    }

    fn note(&mut self, message: String) {
        self.notes.push(Note::new(Code::CertificateExtensionInvalid, self.place.clone(), message));
    }
}

/// Checks one certificate.
struct Check<'c> {
    certificate: &'c Certificate,
    before: &'c [Certificate],
    all: &'c [Certificate],
    at: u64,
}

impl Check<'_> {
    fn notes(&self) -> Vec<Note> {
        let title = self.certificate.title();
        let mut notes = Vec::new();
        let mut note = |code: Code, message: String| {
            notes.push(Note::new(code, self.certificate.place.clone(), message));
        };
        self.authority(&title, &mut note);
        self.time(&title, &mut note);
        self.strength(&title, &mut note);
        self.form(&title, &mut note);
        self.bundle(&title, &mut note);
        notes
    }

    /// Whether it may vouch for registries.
    fn authority(&self, title: &str, note: &mut dyn FnMut(Code, String)) {
        let Certificate { extensions, .. } = self.certificate;
        let own = self.certificate.is_self_signed();
        match (self.certificate.is_ca(), own) {
            (true, _) => {
                let signs = extensions.key_usage.as_ref().is_none_or(KeyUsage::key_cert_sign);
                if !signs {
                    note(
                        Code::CertificateKeyUsage,
                        format!("`{title}` is not for signing certificates: its key usage lacks keyCertSign"),
                    );
                }
            }
            (false, true) => note(
                Code::CertificateSelfSignedLeaf,
                format!(
                    "`{title}` is self-signed and not a CA: it vouches for a server that has this very certificate, and for nothing else"
                ),
            ),
            (false, false) => {
                let issuer = dn::text(self.certificate.tbs().issuer());
                note(
                    Code::CertificateNotCa,
                    format!(
                        "`{title}` is a server's or a person's, not a CA's: give the certificate of its issuer, `{issuer}`"
                    ),
                );
            }
        }
        if let Some(usage) = &extensions.extended_key_usage {
            let for_servers = [rfc5280::ID_KP_SERVER_AUTH, rfc5280::ANY_EXTENDED_KEY_USAGE];
            if !usage.0.iter().any(|usage| for_servers.contains(usage)) {
                note(
                    Code::CertificateExtendedKeyUsage,
                    format!("`{title}` is not for TLS servers: its extended key usage lacks serverAuth"),
                );
            }
        }
        for extension in self.certificate.tbs().extensions().into_iter().flatten() {
            if extension.critical && !UNDERSTOOD.contains(&extension.extn_id) {
                note(
                    Code::CertificateCriticalExtension,
                    format!("`{title}` has the critical extension {}, which is not understood", extension.extn_id),
                );
            }
        }
        if let Some(constraints) = &extensions.name_constraints {
            note(
                Code::CertificateNameConstraints,
                format!("`{title}` vouches for some names only: {}", constraints.text()),
            );
        }
    }

    fn time(&self, title: &str, note: &mut dyn FnMut(Code, String)) {
        let validity = self.certificate.tbs().validity();
        let (from, until) = (validity.not_before.to_date_time(), validity.not_after.to_date_time());
        let (not_before, not_after) = (self.certificate.not_before(), self.certificate.not_after());
        if not_after < not_before {
            note(Code::CertificateValidity, format!("`{title}` ends on {until}, before it begins on {from}"));
            return;
        }
        if self.at > not_after {
            note(Code::CertificateExpired, format!("`{title}` expired on {until}: a newer one is needed"));
        } else if self.at < not_before {
            note(Code::CertificateNotYetValid, format!("`{title}` is not valid before {from}"));
        } else if not_after.saturating_sub(self.at) <= SOON {
            let days = not_after.saturating_sub(self.at) / DAY;
            note(Code::CertificateExpiresSoon, format!("`{title}` expires on {until}, in {days} days"));
        }
        if moment(until) > moment_later(from, LONG_YEARS) {
            note(
                Code::CertificateLongLived,
                format!("`{title}` is valid from {from} to {until}, for more than {LONG_YEARS} years"),
            );
        }
    }

    fn strength(&self, title: &str, note: &mut dyn FnMut(Code, String)) {
        let key = Key::of(self.certificate.tbs().subject_public_key_info());
        if key.is_weak() {
            note(Code::CertificateKeyWeak, format!("the key of `{title}` is {key}: {}", Key::WANTED));
        }
        // It stands twice, and should be the same: the weaker counts.
        let mut signature = Signature::of(self.certificate.inner.signature_algorithm());
        let signed = Signature::of(self.certificate.tbs().signature());
        if signed.strength > signature.strength {
            signature = signed;
        }
        match signature.strength {
            Strength::Broken => note(
                Code::CertificateSignatureWeak,
                format!("`{title}` is signed with {}, which anybody can forge", signature.name),
            ),
            Strength::Sha1 if self.certificate.is_self_signed() => note(
                Code::CertificateSignatureSha1,
                format!(
                    "`{title}` is signed with {}; on a root nobody looks at it, but replace it when you can",
                    signature.name
                ),
            ),
            Strength::Sha1 => note(
                Code::CertificateSignatureWeak,
                format!("`{title}` is signed with {}, and SHA-1 can be forged", signature.name),
            ),
            Strength::Fine => {}
        }
    }

    /// What RFC 5280 asks of every certificate.
    fn form(&self, title: &str, note: &mut dyn FnMut(Code, String)) {
        let tbs = self.certificate.tbs();
        let version = tbs.version();
        if version != Version::V3 && tbs.extensions().is_some() {
            note(Code::CertificateVersion, format!("`{title}` has extensions, and only version 3 has them"));
        } else if version == Version::V1 {
            note(
                Code::CertificateVersion1,
                format!("`{title}` is of version 1, which cannot say whether it is a CA; some programs refuse it"),
            );
        }
        let serial = tbs.serial_number().as_bytes();
        let negative = serial.first().is_some_and(|first| first & 0x80 != 0);
        if negative || serial.iter().all(|byte| *byte == 0) {
            note(Code::CertificateSerial, format!("the serial number of `{title}` is not positive"));
        } else if serial.len() > MAX_SERIAL.saturating_add(usize::from(serial.first() == Some(&0))) {
            note(Code::CertificateSerial, format!("the serial number of `{title}` has over {MAX_SERIAL} octets"));
        }
        if tbs.subject().is_empty() && tbs.issuer().is_empty() {
            note(Code::CertificateNameless, format!("{title} has neither a subject nor an issuer"));
        }
    }

    /// What the other certificates of the bundle mean to it.
    fn bundle(&self, title: &str, note: &mut dyn FnMut(Code, String)) {
        if let Some(first) = self.before.iter().find(|other| other.sha256 == self.certificate.sha256) {
            note(Code::CertificateDuplicate, format!("`{title}` stands on line {} already", first.line));
        }
        let is_intermediate = self.certificate.is_ca() && !self.certificate.is_self_signed();
        if is_intermediate && !self.all.iter().any(|other| self.certificate.may_be_signed_by(other)) {
            let issuer = self.certificate.tbs().issuer();
            note(
                Code::CertificateIntermediate,
                format!("`{title}` is an intermediate; its issuer `{}` is not here, and need not be", dn::text(issuer)),
            );
        }
    }
}

fn moment(time: DateTime) -> (u16, [u8; 5]) {
    (time.year(), [time.month(), time.day(), time.hour(), time.minutes(), time.seconds()])
}

fn moment_later(time: DateTime, years: u16) -> (u16, [u8; 5]) {
    let (year, rest) = moment(time);
    (year.saturating_add(years), rest)
}
