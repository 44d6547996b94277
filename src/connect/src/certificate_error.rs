//! Certificate verification errors.

use std::error::Error;
use std::{fmt, io};

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error as TlsError, OtherError};

use crate::certificate::{CertificateSummary, ParsedCertificate, format_time};
use crate::text::sanitize_server_text;
use pullgate::{TrustAnchor, describe_key_algorithm, describe_signature_algorithm};

/// The maximum number of names or certificates in a message.
const MAX_LISTED: usize = 8;

/// The maximum number of certificates of a chain that are parsed for a message. The chain is untrusted.
const MAX_CHAIN_CERTIFICATES: usize = 10;

/// The number of fingerprint digits in a message: enough to identify the certificate.
const FINGERPRINT_DIGITS: usize = 16;

/// A server certificate that failed verification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerificationError {
    /// No trust anchor for this registry verifies the chain.
    UnknownIssuer {
        /// The missing issuer in RFC 4514 form: that of the last certificate of the chain.
        issuer: String,
        /// True if issuer and subject of the leaf are equal (RFC 5280, section 3.2).
        self_issued: bool,
        /// The number of certificates that the server sent, its own included.
        sent: usize,
        /// The number of policy anchors that apply to the registry.
        authorities: usize,
        /// The number of anchors in the root store.
        roots: usize,
        /// The policy anchors that were ignored.
        ignored_anchors: Vec<IgnoredAnchor>,
    },
    /// The signature does not verify with the named issuer's key: the trusted anchor has the same name but another key,
    /// or its key is too short.
    BadSignature {
        /// The issuer in RFC 4514 form.
        issuer: String,
    },
    /// The certificate, or one above it, has expired.
    Expired {
        /// The subject in RFC 4514 form. None if it is unknown.
        subject: Option<String>,
        /// The end of validity, in seconds since 1970-01-01 UTC.
        not_after: u64,
    },
    /// The certificate, or one above it, is not valid yet.
    NotYetValid {
        /// The start of validity, in seconds since 1970-01-01 UTC.
        not_before: u64,
    },
    /// The certificate names other hosts (RFC 9525).
    NameMismatch {
        /// The requested host.
        host: String,
        /// The hosts that the certificate names. None if they cannot be parsed.
        hosts: Option<Vec<String>>,
    },
    /// The certificate is a CA certificate, and the policy does not list it.
    CaUsedAsEndEntity {
        /// The subject in RFC 4514 form.
        subject: String,
    },
    /// The handshake signature does not verify: the server lacks the private key, or the key is too short.
    KeyNotProven,
    /// A signature in the chain is by an algorithm that is not verified.
    UnsupportedAlgorithm {
        /// The name of the signature algorithm in OpenSSL, or its object identifier. None if it cannot be parsed.
        signature: Option<String>,
        /// The algorithm of the key, if it is the key that does not fit.
        key: Option<String>,
        /// True if the hash function is SHA-1 or older, which can be forged.
        is_obsolete: bool,
    },
    /// The extended key usage lacks `serverAuth`.
    WrongPurpose,
    /// The TLS configuration belongs to another host.
    HostMismatch {
        /// The host of the configuration.
        host: String,
        /// The requested host.
        asked: String,
    },
    /// Any other error.
    Other(String),
}

/// A policy anchor that was ignored, for instance because it expired or the decision does not list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredAnchor {
    /// The SHA-256 fingerprint in lower-case hexadecimal.
    pub fingerprint: String,
    /// The subject in RFC 4514 form.
    pub subject: String,
    /// A human-readable reason.
    pub reason: String,
}

impl VerificationError {
    /// Finds the verification error inside an error of a client that uses the configuration of an
    /// [`Endpoint`](crate::Endpoint): rustls wraps it and its `Display` omits it.
    pub fn find<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(TlsError::InvalidCertificate(CertificateError::Other(OtherError(other)))) = error.downcast_ref()
            {
                return other.downcast_ref();
            }
            // `io::Error::source` skips the wrapped error itself, hence `get_ref`.
            next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }

    /// Converts an error of rustls. `ignored_anchors` are part of the `authorities` count.
    pub(crate) fn from_rustls(
        error: &TlsError,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        host: &str,
        (authorities, roots): (usize, usize),
        ignored_anchors: Vec<IgnoredAnchor>,
    ) -> Self {
        let TlsError::InvalidCertificate(error) = error else { return Self::Other(error.to_string()) };
        let sent = chain.len().saturating_add(1);
        let chain = std::iter::once(leaf).chain(chain).take(MAX_CHAIN_CERTIFICATES);
        let readings: Vec<ParsedCertificate> =
            chain.map_while(|certificate| ParsedCertificate::from_der(certificate)).collect();
        match error {
            CertificateError::UnknownIssuer => {
                let issuer = last_issuer(&readings);
                let self_signed = readings.first().is_some_and(|first| first.is_issuer_of(first));
                Self::UnknownIssuer { issuer, self_issued: self_signed, sent, authorities, roots, ignored_anchors }
            }
            CertificateError::BadSignature => {
                Self::BadSignature { issuer: last_issuer(readings.get(..1).unwrap_or(&[])) }
            }
            CertificateError::ExpiredContext { not_after, .. } => Self::expired(&readings, not_after),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid { not_before: not_before.as_secs() }
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::NameMismatch { host: host.to_owned(), hosts: readings.first().and_then(ParsedCertificate::hosts) }
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::WrongPurpose,
            CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } => {
                Self::unsupported_algorithm(signature_algorithm_id, None)
            }
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id,
                public_key_algorithm_id,
            } => Self::unsupported_algorithm(signature_algorithm_id, describe_key_algorithm(public_key_algorithm_id)),
            CertificateError::BadEncoding => Self::Other("the certificate cannot be read".to_owned()),
            // webpki rejects a CA certificate as end entity, which rustls maps to `Other`.
            CertificateError::Other(other) => match readings.first().filter(|first| first.is_ca()) {
                Some(first) => Self::CaUsedAsEndEntity { subject: first.subject() },
                None => Self::Other(format!("the certificate is refused: {other}")),
            },
            error => Self::Other(format!("the certificate is refused: {error}")),
        }
    }

    fn unsupported_algorithm(signature: &[u8], key: Option<String>) -> Self {
        let (signature, is_obsolete) = describe_signature_algorithm(signature).unzip();
        Self::UnsupportedAlgorithm { signature, key, is_obsolete: is_obsolete.unwrap_or_default() }
    }

    fn expired(readings: &[ParsedCertificate], not_after: &UnixTime) -> Self {
        let not_after = not_after.as_secs();
        let subject = readings.iter().find(|one| one.not_after() == not_after).map(ParsedCertificate::subject);
        Self::Expired { subject, not_after }
    }

    /// Adds the anchors among `others` that would verify the chain if the decision listed them.
    pub(crate) fn add_unlisted_anchors<'a>(&mut self, others: impl Iterator<Item = &'a TrustAnchor>) {
        let Self::UnknownIssuer { issuer, ignored_anchors, .. } = self else { return };
        for authority in others {
            let out = IgnoredAnchor::new(authority, "it is for other registries, or for another project".to_owned());
            if out.subject == *issuer {
                ignored_anchors.push(out);
            }
        }
    }
}

impl IgnoredAnchor {
    pub(crate) fn new(authority: &TrustAnchor, reason: String) -> Self {
        let subject = CertificateSummary::from_der(&authority.der).subject;
        let subject = subject.unwrap_or_else(|| "a subject that cannot be read".to_owned());
        Self { fingerprint: authority.fingerprint.clone(), subject, reason }
    }
}

/// Returns the issuer of the last certificate of the chain that starts at the leaf.
fn last_issuer(readings: &[ParsedCertificate]) -> String {
    let Some(mut last) = readings.first() else { return "an issuer that cannot be read".to_owned() };
    // At most one step per certificate, so that a cycle ends.
    for _ in readings {
        match readings.iter().find(|one| one.is_issuer_of(last)) {
            Some(next) => last = next,
            None => break,
        }
    }
    last.issuer()
}

impl Error for VerificationError {}

impl fmt::Display for VerificationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownIssuer { issuer, self_issued: self_signed, sent, authorities, roots, ignored_anchors } => {
                let link = if *self_signed { "is signed by itself, as" } else { "leads to" };
                write!(formatter, "the certificate {link} `{issuer}`, which ")?;
                formatter.write_str(&describe_missing_issuer(*authorities, *roots))?;
                let is_known = ignored_anchors.iter().any(|anchor| anchor.subject == *issuer);
                if *sent == 1 && !*self_signed && !is_known {
                    formatter.write_str("; the server sent its own certificate only: ")?;
                    formatter.write_str("if that issuer is an intermediate, the server has to send it too")?;
                }
                for IgnoredAnchor { fingerprint, subject, reason: why } in ignored_anchors.iter().take(MAX_LISTED) {
                    let digits = fingerprint.get(..FINGERPRINT_DIGITS).unwrap_or(fingerprint);
                    write!(formatter, "; the policy's `{subject}` (SHA-256 {digits}…) was left out: {why}")?;
                }
                match ignored_anchors.len().saturating_sub(MAX_LISTED) {
                    0 => Ok(()),
                    more => write!(formatter, "; and so were {more} more"),
                }
            }
            Self::BadSignature { issuer } => {
                write!(formatter, "the certificate names `{issuer}` as its issuer, but another key signed it: ")?;
                formatter.write_str("the authority that is trusted has the same name and is another, or an older one; ")?;
                formatter.write_str("or its key is shorter than 2,048 bits")
            }
            Self::Expired { subject: None, not_after } => {
                write!(formatter, "the certificate, or one above it, expired on {}", format_time(*not_after))
            }
            Self::Expired { subject: Some(subject), not_after } => {
                write!(formatter, "the certificate of `{subject}` expired on {}", format_time(*not_after))
            }
            Self::NotYetValid { not_before } => {
                write!(formatter, "the certificate is not valid before {}: check the clocks", format_time(*not_before))
            }
            Self::NameMismatch { host, hosts: None } => {
                write!(formatter, "the certificate is not for `{host}`")
            }
            Self::NameMismatch { host, hosts: Some(hosts) } if hosts.is_empty() => {
                write!(
                    formatter,
                    "the certificate is not for `{host}`: it names no host as subject alternative name, "
                )?;
                formatter.write_str("and a common name does not count")
            }
            Self::NameMismatch { host, hosts: Some(hosts) } => {
                let listed: Vec<String> = hosts.iter().take(MAX_LISTED).map(|name| format!("`{name}`")).collect();
                write!(formatter, "the certificate is not for `{host}`, but for {}", listed.join(", "))?;
                match hosts.len().saturating_sub(MAX_LISTED) {
                    0 => Ok(()),
                    more => write!(formatter, " and {more} more"),
                }
            }
            Self::CaUsedAsEndEntity { subject } => {
                write!(formatter, "the server's certificate is that of an authority, `{subject}`: ")?;
                formatter.write_str("it counts only where the policy lists this very certificate for the registry")
            }
            Self::KeyNotProven => formatter.write_str(
                "the server did not prove that it has the key of its certificate, or the key is shorter than 2,048 bits",
            ),
            Self::UnsupportedAlgorithm { signature, key, is_obsolete } => {
                let signature = signature.as_deref().unwrap_or("an algorithm that cannot be read");
                write!(formatter, "the certificate, or one above it, is signed with {}", sanitize_server_text(signature))?;
                if let Some(key) = key {
                    write!(formatter, " by a key of {}", sanitize_server_text(key))?;
                }
                formatter.write_str(match is_obsolete {
                    true => ", which can be forged and does not count any more",
                    false => ", which is not verified here: have it issued again, signed with SHA-256 by RSA or ECDSA",
                })
            }
            Self::WrongPurpose => formatter
                .write_str("the certificate, or one above it, is not for servers: its extended key usage lacks `serverAuth`"),
            Self::HostMismatch { host, asked } => {
                write!(formatter, "this TLS configuration is for `{host}` alone, and `{asked}` was asked with it: ")?;
                formatter.write_str("ask the policy about each host")
            }
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

/// Describes the trust sources that do not know the issuer.
fn describe_missing_issuer(authorities: usize, roots: usize) -> String {
    match (authorities, roots) {
        (0, 0) => "nobody vouches for: the policy has no certificate authority for this registry".to_owned(),
        (0, _) => "no well-known authority vouches for, and the policy has none for this registry".to_owned(),
        (1, 0) => "the policy's one certificate authority for this registry does not vouch for".to_owned(),
        (1, _) => "neither a well-known authority nor the policy's one for this registry vouches for".to_owned(),
        (many, 0) => format!("none of the policy's {many} certificate authorities for this registry vouches for"),
        (many, _) => {
            format!("neither a well-known authority nor any of the policy's {many} for this registry vouches for")
        }
    }
}
