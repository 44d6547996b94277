//! PEM files of certificates and keys, with errors for the common mistakes.

use std::path::Path;

use pullgate::describe_certificate;
use pullgate_host::now;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::util::sanitize::io_error_reason;
use pullgate_source::file_stamp::read_regular_file;

/// Reads the certificates of a file.
///
/// # Errors
///
/// If there are none. The text is human-readable.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let (file, text) = (path.display(), read_pem(path)?);
    if is_der(&text) {
        return Err(format!(
            "`{file}` is no PEM but binary: `openssl x509 -inform der -in {file} -out {file}.pem` writes a DER certificate as PEM"
        ));
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if certificates.is_empty() && contains(&text, "PRIVATE KEY-----") => {
            Err(format!("`{file}` has a private key and no certificate: give the file of the certificate"))
        }
        Ok(certificates) if certificates.is_empty() => Err(format!("`{file}` has no certificate: give one as PEM")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("cannot read `{file}`: {error}")),
    }
}

/// Reads the private key of a file.
///
/// # Errors
///
/// If there is none. The text is human-readable.
pub fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let (file, text) = (path.display(), read_pem(path)?);
    if is_der(&text) {
        return Err(format!(
            "`{file}` is no PEM but binary: `openssl pkey -inform der -in {file} -out {file}.pem` writes a DER key as PEM"
        ));
    }
    if contains(&text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(&text, "Proc-Type: 4,ENCRYPTED") {
        return Err(format!(
            "the private key in `{file}` is encrypted, and nobody is asked for its password: \
             `openssl pkey -in {file} -out {file}.plain` writes it without"
        ));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound if contains(&text, "-----BEGIN CERTIFICATE-----") => {
            format!("`{file}` has a certificate and no private key: give the file of the key")
        }
        rustls::pki_types::pem::Error::NoItemsFound => format!("`{file}` has no private key: give one as PEM"),
        error => format!("cannot read `{file}`: {error}"),
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

fn read_pem(path: &Path) -> Result<Vec<u8>, String> {
    read_regular_file(path).map_err(|error| format!("cannot read `{}`: {}", path.display(), io_error_reason(&error)))
}

/// Returns whether the bytes begin as DER: a sequence with a length of one or two bytes.
fn is_der(text: &[u8]) -> bool {
    text.starts_with(&[0x30, 0x82]) || text.starts_with(&[0x30, 0x81])
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}
