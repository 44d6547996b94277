//! PEM files of certificates and keys, with errors for the common mistakes.

use std::io;
use std::path::{Path, PathBuf};

use pullgate::describe_certificate;
use pullgate_host::now;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::server::secret_file::read_secret_file;
use crate::util::sanitize::io_error_reason;
use pullgate_source::file_stamp::read_regular_file;

/// The TLS files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and its intermediates, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
    /// The certificate authorities of client certificates, PEM.
    pub client_ca: Option<PathBuf>,
    /// The certificate authorities of clients that may replace the policy, PEM; those of `client_ca` if there are none.
    pub update_ca: Option<PathBuf>,
}

/// An error of a PEM file. The texts are human-readable.
#[derive(Debug, Error)]
pub enum PemError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {}", io_error_reason(.error))]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The PEM is malformed.
    #[error("cannot read `{path}`: {error}")]
    Malformed {
        /// The path.
        path: PathBuf,
        /// The parser's error.
        error: pem::Error,
    },
    /// A certificate in DER.
    #[error(
        "`{0}` is no PEM but binary: `openssl x509 -inform der -in {0} -out {0}.pem` writes a DER certificate as PEM"
    )]
    DerCertificate(PathBuf),
    /// A key in place of a certificate.
    #[error("`{0}` has a private key and no certificate: give the file of the certificate")]
    KeyOnly(PathBuf),
    /// No certificate.
    #[error("`{0}` has no certificate: give one as PEM")]
    NoCertificate(PathBuf),
    /// A key in DER.
    #[error("`{0}` is no PEM but binary: `openssl pkey -inform der -in {0} -out {0}.pem` writes a DER key as PEM")]
    DerKey(PathBuf),
    /// An encrypted key.
    #[error(
        "the private key in `{0}` is encrypted, and nobody is asked for its password: \
         `openssl pkey -in {0} -out {0}.plain` writes it without"
    )]
    EncryptedKey(PathBuf),
    /// A certificate in place of a key.
    #[error("`{0}` has a certificate and no private key: give the file of the key")]
    CertificateOnly(PathBuf),
    /// No key.
    #[error("`{0}` has no private key: give one as PEM")]
    NoKey(PathBuf),
}

/// Reads the certificates of a file.
///
/// # Errors
///
/// If there are none. The text is human-readable.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let (file, text) = (path.to_owned(), read_regular_file(path).map_err(|error| unreadable(path, error))?);
    if is_der(&text) {
        return Err(PemError::DerCertificate(file));
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if certificates.is_empty() && contains(&text, "PRIVATE KEY-----") => {
            Err(PemError::KeyOnly(file))
        }
        Ok(certificates) if certificates.is_empty() => Err(PemError::NoCertificate(file)),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(PemError::Malformed { path: file, error }),
    }
}

/// Reads the private key of a file.
///
/// # Errors
///
/// If there is none. The text is human-readable.
pub fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let (file, text) = (path.to_owned(), read_secret_file(path).map_err(|error| unreadable(path, error))?);
    if is_der(&text) {
        return Err(PemError::DerKey(file));
    }
    if contains(&text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(&text, "Proc-Type: 4,ENCRYPTED") {
        return Err(PemError::EncryptedKey(file));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound if contains(&text, "-----BEGIN CERTIFICATE-----") => PemError::CertificateOnly(file),
        pem::Error::NoItemsFound => PemError::NoKey(file),
        error => PemError::Malformed { path: file, error },
    })
}

/// Warns of served certificates that are not valid now, which clients reject. Returns the earliest expiration in
/// seconds since 1970-01-01 UTC.
pub fn warn_if_expired(path: &Path, certificates: &[CertificateDer<'_>]) -> Option<u64> {
    let mut first = None;
    for der in certificates {
        let Ok(certificate) = Certificate::from_der(der) else { continue };
        let validity = certificate.tbs_certificate().validity();
        let subject = describe_certificate(der).map_or_else(String::new, |certificate| certificate.subject);
        let (file, ends) = (path.display(), validity.not_after.to_unix_duration().as_secs());
        first = first.into_iter().chain([ends]).min();
        if ends < now() {
            tracing::warn!(%file, subject, until = %validity.not_after, "a certificate has expired: clients refuse it");
        } else if validity.not_before.to_unix_duration().as_secs() > now() {
            tracing::warn!(%file, subject, from = %validity.not_before, "a certificate is not valid yet: clients refuse it");
        }
    }
    first
}

fn unreadable(path: &Path, error: io::Error) -> PemError {
    PemError::Unreadable { path: path.to_owned(), error }
}

/// Returns whether the bytes begin as DER: a sequence with a length of one or two bytes.
fn is_der(text: &[u8]) -> bool {
    text.starts_with(&[0x30, 0x82]) || text.starts_with(&[0x30, 0x81])
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}
