//! TLS of the listeners, with certificates reloaded when their files change.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use pullgate::describe_certificate;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::server::listener::ByteStream;
use crate::server::tls_files::{read_certificates, read_key, warn_if_expired};
use pullgate_source::file_stamp::file_stamp;

/// The TLS files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and its intermediates, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
    /// The certificate authorities of client certificates, PEM.
    pub client_ca: Option<PathBuf>,
}

/// A TLS acceptor that reloads its files.
#[derive(Clone)]
pub struct ReloadingTlsAcceptor {
    files: Arc<TlsFiles>,
    current: Arc<ArcSwap<TlsState>>,
    /// The file stamps, taken before the last read.
    last_stamps: Arc<Mutex<Vec<Option<String>>>>,
}

/// The configuration of the last read.
struct TlsState {
    configuration: Arc<ServerConfig>,
    not_after: Option<u64>,
}

impl ReloadingTlsAcceptor {
    /// Loads the files.
    ///
    /// # Errors
    ///
    /// If one cannot be read, or the key does not match the certificate. The text is human-readable.
    pub fn load(files: TlsFiles) -> Result<Self, String> {
        let read = Arc::new(Mutex::new(file_stamps(&files)));
        let current = Arc::new(ArcSwap::from_pointee(load_state(&files)?));
        Ok(Self { files: Arc::new(files), current, last_stamps: read })
    }

    /// Reloads the files if one may have changed, for new connections. On failure the previous ones stay in use.
    /// Returns whether they were read.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn refresh(&self) -> Result<bool, String> {
        let now = file_stamps(&self.files);
        if std::mem::replace(&mut *self.last_stamps.lock().unwrap_or_else(PoisonError::into_inner), now.clone()) == now
        {
            return Ok(false);
        }
        self.current.store(Arc::new(load_state(&self.files)?));
        Ok(true)
    }

    /// Returns the earliest expiration of the served certificates in seconds since 1970-01-01 UTC.
    pub fn not_after(&self) -> Option<u64> {
        self.current.load().not_after
    }

    /// Performs the handshake. Returns the stream with the subject of the client's certificate, if client certificates
    /// are required.
    ///
    /// # Errors
    ///
    /// If the handshake fails.
    pub async fn accept(
        &self,
        stream: Box<dyn ByteStream>,
    ) -> std::io::Result<(TlsStream<Box<dyn ByteStream>>, Option<String>)> {
        let stream = TlsAcceptor::from(Arc::clone(&self.current.load().configuration)).accept(stream).await?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let subject = certificate.map(|certificate| certificate_subject(certificate));
        Ok((stream, subject))
    }
}

fn file_stamps(files: &TlsFiles) -> Vec<Option<String>> {
    let TlsFiles { certificate, key, client_ca } = files;
    [Some(certificate), Some(key), client_ca.as_ref()].into_iter().flatten().map(|path| file_stamp(path)).collect()
}

fn load_state(files: &TlsFiles) -> Result<TlsState, String> {
    let shown = |path: &PathBuf, error: &dyn std::fmt::Display| format!("cannot use `{}`: {error}", path.display());
    let certificates = read_certificates(&files.certificate)?;
    let key = read_key(&files.key)?;
    let not_after = warn_if_expired(&files.certificate, &certificates);
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for root in read_certificates(path)? {
                roots.add(root).map_err(|error| shown(path, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| shown(path, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut configuration = builder.with_single_cert(certificates, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => format!(
            "the key in `{}` is not that of the certificate in `{}`: give two that belong together",
            files.key.display(),
            files.certificate.display()
        ),
        error => shown(&files.certificate, &error),
    })?;
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsState { configuration: Arc::new(configuration), not_after })
}

/// Returns the subject as a distinguished name (RFC 4514).
fn certificate_subject(certificate: &CertificateDer<'_>) -> String {
    describe_certificate(certificate).map_or_else(|| "unreadable".to_owned(), |certificate| certificate.subject)
}
