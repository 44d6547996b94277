//! Root certificates trusted for every registry.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use thiserror::Error;

use crate::certificate::ParsedCertificate;

/// The maximum number of certificates of a chain that are parsed. The chain is untrusted.
const MAX_CHAIN_CERTIFICATES: usize = 10;

/// Root certificates trusted for every registry, in addition to the anchors that a decision lists (rule C1). Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct RootStore {
    store: Arc<RootCertStore>,
}

/// The platform's root certificates cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this machine has no certificate authorities that can be read{0}")]
pub struct RootStoreError(String);

impl RootStore {
    /// Creates an empty store: only anchors of the policy are trusted.
    pub fn empty() -> Self {
        RootCertStore::empty().into()
    }

    /// Returns Mozilla's root certificates, built in with `webpki-roots`.
    pub fn well_known() -> Self {
        webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<RootCertStore>().into()
    }

    /// Loads the platform's root certificates from the system's store, or from `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    /// Skips certificates that cannot be parsed.
    ///
    /// # Errors
    ///
    /// If no certificate can be loaded.
    pub fn platform() -> Result<Self, RootStoreError> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        let (read, _) = store.add_parsable_certificates(found.certs);
        if read == 0 {
            return Err(RootStoreError(found.errors.first().map(|error| format!(": {error}")).unwrap_or_default()));
        }
        Ok(store.into())
    }

    /// Returns the subject, in RFC 4514 form, of the root that issued a certificate of the chain. Matches names only
    /// and verifies nothing: call it for chains that these roots verified.
    pub fn issuer_of(&self, chain: &[CertificateDer<'_>]) -> Option<String> {
        let readings =
            chain.iter().take(MAX_CHAIN_CERTIFICATES).map_while(|certificate| ParsedCertificate::from_der(certificate));
        let rooted = |reading: &ParsedCertificate| {
            let issuer = reading.issuer_der();
            self.store.roots.iter().any(|root| issuer.as_deref() == Some(root.subject.as_ref()))
        };
        readings.into_iter().find(rooted).map(|reading| reading.issuer())
    }

    pub(crate) fn store(&self) -> &RootCertStore {
        &self.store
    }
}

impl From<RootCertStore> for RootStore {
    fn from(store: RootCertStore) -> Self {
        Self { store: Arc::new(store) }
    }
}
