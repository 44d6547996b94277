//! Who may vouch for a server, and for which one.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use crate::certificate_error::{IgnoredAnchor, VerificationError};
use crate::root_store::RootStore;
use crate::trust_anchor::PolicyAnchor;

/// Who vouched for a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VerifiedBy {
    /// A certificate of the policy, by its fingerprint: lower-case hexadecimal SHA-256.
    Policy(String),
    /// One of the authorities that count for every registry.
    WellKnown,
}

/// What a server must prove.
#[derive(Clone)]
pub(crate) enum Verification {
    /// Nothing: any certificate will do.
    Skip,
    /// That someone who counts vouches for it.
    Required(Arc<TrustSources>),
}

impl Verification {
    /// Whether the server has the key of its certificate, where it must prove anything.
    fn verify_signature(
        &self,
        verify: impl FnOnce() -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Verification::Skip => Ok(HandshakeSignatureValid::assertion()),
            Verification::Required(_) => verify().map_err(signature_error),
        }
    }
}

/// Who counts for a registry.
pub(crate) struct TrustSources {
    /// The certificates of the policy that apply.
    pub(crate) anchors: Vec<PolicyAnchor>,
    /// Those that count for every registry.
    pub(crate) roots: RootStore,
}

/// Verifies the server of one attempt. A configuration that has it works for that attempt's host and for no other, so
/// that neither an authority nor "unverified" is carried elsewhere, by a redirect for instance.
pub(crate) struct Verifier {
    pub(crate) host: ServerName<'static>,
    pub(crate) verification: Verification,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    /// Who vouched, once someone has.
    pub(crate) voucher: OnceLock<VerifiedBy>,
    /// What the server sent, once it has: to be shown, if it was refused.
    pub(crate) presented_chain: OnceLock<Vec<CertificateDer<'static>>>,
}

impl TrustSources {
    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<VerifiedBy, VerificationError> {
        let mut ignored_anchors = Vec::new();
        let voucher = self.verify_server(leaf, chain, host, now, algorithms, &mut ignored_anchors);
        let counting = (self.anchors.len(), self.roots.store().len());
        voucher.map_err(|error| {
            VerificationError::from_rustls(&error, leaf, chain, &host.to_str(), counting, ignored_anchors)
        })
    }

    fn verify_server(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
        ignored_anchors: &mut Vec<IgnoredAnchor>,
    ) -> Result<VerifiedBy, Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        let signed_by = |store: &RootCertStore| {
            verify_server_cert_signed_by_trust_anchor(&parsed, store, chain, now, algorithms.all)
        };
        let voucher = match self.pinned_leaf(leaf, now) {
            Some(listed) => listed?,
            None => self.chain_issuer(signed_by, now, ignored_anchors)?,
        };
        verify_server_name(&parsed, host)?;
        Ok(voucher)
    }

    /// Whether the server's own certificate stands in the policy, and its time is now.
    ///
    /// That is what people paste who made it with `openssl req -x509`, and Docker takes it: Go looks for the server's
    /// certificate among the roots before it looks for its issuer. Such a certificate says that it is an authority, and
    /// then webpki takes it for no server's. It was named byte for byte, so that nobody need vouch for it; its dates,
    /// its hosts and that the server has its key are looked at as always.
    fn pinned_leaf(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> Option<Result<VerifiedBy, Error>> {
        let listed = self.anchors.iter().find(|anchor| anchor.authority.der == leaf.as_ref())?;
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let (not_before, not_after) = (at(listed.authority.not_before), at(listed.authority.not_after));
        Some(if now < not_before {
            Err(CertificateError::NotValidYetContext { time: now, not_before }.into())
        } else if now > not_after {
            Err(CertificateError::ExpiredContext { time: now, not_after }.into())
        } else {
            Ok(VerifiedBy::Policy(listed.authority.fingerprint.clone()))
        })
    }

    /// Who signed the chain: a certificate of the policy whose time is now, or one that counts for every registry.
    fn chain_issuer(
        &self,
        signed_by: impl Fn(&RootCertStore) -> Result<(), Error>,
        now: UnixTime,
        ignored_anchors: &mut Vec<IgnoredAnchor>,
    ) -> Result<VerifiedBy, Error> {
        let mut counting = Vec::new();
        for anchor in &self.anchors {
            match anchor.to_trust_anchor(now.as_secs()) {
                Ok(trust) => counting.push((anchor, trust)),
                Err(out) => ignored_anchors.push(out),
            }
        }
        // All at once first: webpki bounds the work that a hostile chain can make, and the bound is for one call.
        let store = |trusts: &[_]| RootCertStore { roots: trusts.to_vec() };
        let (anchors, trusts): (Vec<&PolicyAnchor>, Vec<_>) = counting.into_iter().unzip();
        let Err(by_policy) = signed_by(&store(&trusts)) else {
            let which = trusts.chunks(1).position(|trust| signed_by(&store(trust)).is_ok()).unwrap_or_default();
            let fingerprint = anchors.get(which).map(|anchor| anchor.authority.fingerprint.clone());
            return Ok(VerifiedBy::Policy(fingerprint.unwrap_or_default()));
        };
        match signed_by(self.roots.store()) {
            Ok(()) => Ok(VerifiedBy::WellKnown),
            // That one of the policy's signed it, and it is bad, says more than that no well-known one signed it.
            Err(error) if by_policy == CertificateError::UnknownIssuer.into() => Err(error),
            Err(_) => Err(by_policy),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let sent = || std::iter::once(end_entity).chain(intermediates).map(|one| one.clone().into_owned()).collect();
        self.presented_chain.get_or_init(sent);
        if *server_name != self.host {
            let (host, asked) = (self.host.to_str().into_owned(), server_name.to_str().into_owned());
            return Err(to_tls_error(VerificationError::HostMismatch { host, asked }));
        }
        if let Verification::Required(vouchers) = &self.verification {
            let voucher =
                vouchers.verify(end_entity, intermediates, &self.host, now, &self.algorithms).map_err(to_tls_error)?;
            // One configuration may serve several connections; whoever vouched first is as good as any.
            let _ = self.voucher.set(voucher);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verification.verify_signature(|| verify_tls12_signature(message, cert, dss, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verification.verify_signature(|| verify_tls13_signature(message, cert, dss, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match self.verification {
            Verification::Required(_) => self.algorithms.supported_schemes(),
            // Nothing is verified, so that a server with a key of any kind will do: 1,024 bits of RSA, or SHA-1.
            Verification::Skip => ALL_SIGNATURE_SCHEMES.to_vec(),
        }
    }
}

fn to_tls_error(refusal: VerificationError) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
}

/// What a signature over the handshake that does not verify means.
fn signature_error(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(_) => to_tls_error(VerificationError::KeyNotProven),
        error => error,
    }
}

/// What a server may sign with that need not prove anything.
const ALL_SIGNATURE_SCHEMES: [SignatureScheme; 13] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::ECDSA_SHA1_Legacy,
    SignatureScheme::RSA_PKCS1_SHA1,
];

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verified = matches!(self.verification, Verification::Required(_));
        formatter
            .debug_struct("Verifier")
            .field("host", &self.host)
            .field("verified", &verified)
            .finish_non_exhaustive()
    }
}
