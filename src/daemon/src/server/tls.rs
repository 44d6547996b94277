//! TLS of the listeners, with certificates reloaded when their files change.

use std::path::PathBuf;
use std::sync::Arc;

use pullgate::describe_certificate;
use pullgate_connect::crypto_provider;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::server::listener::ByteStream;
use crate::server::peer::ClientCertificate;
use crate::server::tls_files::{PemError, TlsFiles, read_certificates, read_key, warn_if_expired};
use crate::util::reloading_file::ReloadingFile;

/// An error of the TLS files. The texts are human-readable.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file has no usable PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The cryptography provider has no protocol version.
    #[error("{0}")]
    Provider(rustls::Error),
    /// The certificates of a file cannot be used.
    #[error("cannot use `{path}`: {error}")]
    Unusable {
        /// The path.
        path: PathBuf,
        /// The reason.
        error: rustls::Error,
    },
    /// The certificate authorities of client certificates cannot be used.
    #[error("cannot use `{path}`: {error}")]
    ClientCa {
        /// The path.
        path: PathBuf,
        /// The reason.
        error: VerifierBuilderError,
    },
    /// The key is that of another certificate.
    #[error("the key in `{key}` is not that of the certificate in `{certificate}`: give two that belong together")]
    OtherKey {
        /// The path of the key.
        key: PathBuf,
        /// The path of the certificate.
        certificate: PathBuf,
    },
}

/// A TLS acceptor that reloads its files.
#[derive(Clone)]
pub struct ReloadingTlsAcceptor {
    files: Arc<TlsFiles>,
    state: Arc<ReloadingFile<TlsState>>,
    is_http1: bool,
}

/// The configuration of the last read.
struct TlsState {
    configuration: Arc<ServerConfig>,
    /// The same without HTTP/2.
    http1_configuration: Arc<ServerConfig>,
    /// The verifier of clients that may replace the policy; `None` if every client may.
    update_verifier: Option<Arc<dyn ClientCertVerifier>>,
    not_after: Option<u64>,
}

impl ReloadingTlsAcceptor {
    /// Loads the files.
    ///
    /// # Errors
    ///
    /// If one cannot be read, or the key does not match the certificate. The text is human-readable.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let paths = [&files.certificate, &files.key].into_iter().chain(&files.client_ca).chain(&files.update_ca);
        let paths = paths.cloned().collect();
        let state = ReloadingFile::load(paths, || load_state(&files))?;
        Ok(Self { files: Arc::new(files), state: Arc::new(state), is_http1: false })
    }

    /// Returns an acceptor of the same files that negotiates HTTP/1.1 alone (RFC 7301).
    #[must_use]
    pub fn http1(&self) -> Self {
        Self { is_http1: true, ..self.clone() }
    }

    /// Reloads the files if one may have changed, for new connections. On failure the previous ones stay in use.
    /// Returns whether they were read.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn refresh(&self) -> Result<bool, TlsError> {
        self.state.refresh(|| load_state(&self.files))
    }

    /// Returns the earliest expiration of the served certificates in seconds since 1970-01-01 UTC.
    pub fn not_after(&self) -> Option<u64> {
        self.state.current().not_after
    }

    /// Performs the handshake. Returns the stream with the client's certificate, if client certificates are required.
    ///
    /// # Errors
    ///
    /// If the handshake fails.
    pub async fn accept(
        &self,
        stream: Box<dyn ByteStream>,
    ) -> std::io::Result<(TlsStream<Box<dyn ByteStream>>, Option<ClientCertificate>)> {
        let state = self.state.current_arc();
        let configuration = if self.is_http1 { &state.http1_configuration } else { &state.configuration };
        let stream = TlsAcceptor::from(Arc::clone(configuration)).accept(stream).await?;
        let chain = stream.get_ref().1.peer_certificates().and_then(<[_]>::split_first);
        let certificate = chain.map(|(certificate, intermediates)| ClientCertificate {
            subject: certificate_subject(certificate),
            may_update: state.update_verifier.as_ref().is_none_or(|verifier| {
                verifier.verify_client_cert(certificate, intermediates, UnixTime::now()).is_ok()
            }),
        });
        Ok((stream, certificate))
    }
}

fn load_state(files: &TlsFiles) -> Result<TlsState, TlsError> {
    let certificates = read_certificates(&files.certificate)?;
    let key = read_key(&files.key)?;
    let not_after = warn_if_expired(&files.certificate, &certificates);
    let provider = crypto_provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let paths = [Some(path), files.update_ca.as_ref()];
            builder.with_client_cert_verifier(client_verifier(paths.into_iter().flatten(), &provider)?)
        }
    };
    let update_verifier = files.update_ca.as_ref().map(|path| client_verifier([path], &provider)).transpose()?;
    let mut configuration = builder.with_single_cert(certificates, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::OtherKey { key: files.key.clone(), certificate: files.certificate.clone() }
        }
        error => TlsError::Unusable { path: files.certificate.clone(), error },
    })?;
    let mut http1_configuration = configuration.clone();
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    http1_configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
    let [configuration, http1_configuration] = [configuration, http1_configuration].map(Arc::new);
    Ok(TlsState { configuration, http1_configuration, update_verifier, not_after })
}

/// Returns a verifier of client certificates of the authorities in some files.
fn client_verifier<'p>(
    paths: impl IntoIterator<Item = &'p PathBuf>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let (mut roots, mut last) = (RootCertStore::empty(), PathBuf::new());
    for path in paths {
        for root in read_certificates(path)? {
            roots.add(root).map_err(|error| TlsError::Unusable { path: path.clone(), error })?;
        }
        last.clone_from(path);
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| TlsError::ClientCa { path: last, error })
}

/// Returns the subject as a distinguished name (RFC 4514).
fn certificate_subject(certificate: &CertificateDer<'_>) -> String {
    describe_certificate(certificate).map_or_else(|| "unreadable".to_owned(), |certificate| certificate.subject)
}
