//! The certificate authorities that count for every registry.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use thiserror::Error;

use crate::certificate::ParsedCertificate;

/// How many certificates of a chain are looked at. Anybody may have sent them.
const MAX_CHAIN_CERTIFICATES: usize = 10;

/// The certificate authorities that count for every registry, beside those that the decision names (rule C1). Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct RootStore {
    store: Arc<RootCertStore>,
}

/// The certificate authorities of this machine cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this machine has no certificate authorities that can be read{0}")]
pub struct RootStoreError(String);

impl RootStore {
    /// None at all: only the policy's own count.
    pub fn empty() -> Self {
        RootCertStore::empty().into()
    }

    /// The well-known ones, as Mozilla's programs have them: those that were built in with `webpki-roots`.
    pub fn well_known() -> Self {
        webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<RootCertStore>().into()
    }

    /// Those that this machine trusts, read now, from where the system keeps them or from where the variables
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` say. A certificate that cannot be read is left out.
    ///
    /// # Errors
    ///
    /// If there is not one.
    pub fn platform() -> Result<Self, RootStoreError> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        let (read, _) = store.add_parsable_certificates(found.certs);
        if read == 0 {
            return Err(RootStoreError(found.errors.first().map(|error| format!(": {error}")).unwrap_or_default()));
        }
        Ok(store.into())
    }

    /// The subject of the root that a chain comes to, as RFC 4514 writes names. By the names alone: nothing is verified,
    /// so it says who vouched only where it is known that one of these did.
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
