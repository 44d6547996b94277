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

use crate::certificate_error::{LeftOut, Refusal};
use crate::root_store::Roots;
use crate::trust_anchor::Anchor;

/// Who vouched for a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Voucher {
    /// A certificate of the policy, by its fingerprint: lower-case hexadecimal SHA-256.
    Policy(String),
    /// One of the authorities that count for every registry.
    WellKnown,
}

/// What a server must prove.
#[derive(Clone)]
pub(crate) enum Trust {
    /// Nothing: any certificate will do.
    Unverified,
    /// That someone who counts vouches for it.
    Verified(Arc<Vouchers>),
}

impl Trust {
    /// Whether the server has the key of its certificate, where it must prove anything.
    fn signature(
        &self,
        verify: impl FnOnce() -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Trust::Unverified => Ok(HandshakeSignatureValid::assertion()),
            Trust::Verified(_) => verify().map_err(of_key),
        }
    }
}

/// Who counts for a registry.
pub(crate) struct Vouchers {
    /// The certificates of the policy that apply.
    pub(crate) anchors: Vec<Anchor>,
    /// Those that count for every registry.
    pub(crate) roots: Roots,
}

/// Verifies the server of one attempt. A configuration that has it works for that attempt's host and for no other, so
/// that neither an authority nor "unverified" is carried elsewhere, by a redirect for instance.
pub(crate) struct Verifier {
    pub(crate) host: ServerName<'static>,
    pub(crate) trust: Trust,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    /// Who vouched, once someone has.
    pub(crate) voucher: OnceLock<Voucher>,
    /// What the server sent, once it has: to be shown, if it was refused.
    pub(crate) sent: OnceLock<Vec<CertificateDer<'static>>>,
}

impl Vouchers {
    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<Voucher, Refusal> {
        let mut left_out = Vec::new();
        let voucher = self.voucher(leaf, chain, host, now, algorithms, &mut left_out);
        let counting = (self.anchors.len(), self.roots.store().len());
        voucher.map_err(|error| Refusal::of(&error, leaf, chain, &host.to_str(), counting, left_out))
    }

    fn voucher(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Voucher, Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        let signed_by = |store: &RootCertStore| {
            verify_server_cert_signed_by_trust_anchor(&parsed, store, chain, now, algorithms.all)
        };
        let voucher = match self.listed(leaf, now) {
            Some(listed) => listed?,
            None => self.signed(signed_by, now, left_out)?,
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
    fn listed(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> Option<Result<Voucher, Error>> {
        let listed = self.anchors.iter().find(|anchor| anchor.authority.der == leaf.as_ref())?;
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let (not_before, not_after) = (at(listed.authority.not_before), at(listed.authority.not_after));
        Some(if now < not_before {
            Err(CertificateError::NotValidYetContext { time: now, not_before }.into())
        } else if now > not_after {
            Err(CertificateError::ExpiredContext { time: now, not_after }.into())
        } else {
            Ok(Voucher::Policy(listed.authority.fingerprint.clone()))
        })
    }

    /// Who signed the chain: a certificate of the policy whose time is now, or one that counts for every registry.
    fn signed(
        &self,
        signed_by: impl Fn(&RootCertStore) -> Result<(), Error>,
        now: UnixTime,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Voucher, Error> {
        let mut counting = Vec::new();
        for anchor in &self.anchors {
            match anchor.trust(now.as_secs()) {
                Ok(trust) => counting.push((anchor, trust)),
                Err(out) => left_out.push(out),
            }
        }
        // All at once first: webpki bounds the work that a hostile chain can make, and the bound is for one call.
        let store = |trusts: &[_]| RootCertStore { roots: trusts.to_vec() };
        let (anchors, trusts): (Vec<&Anchor>, Vec<_>) = counting.into_iter().unzip();
        let Err(by_policy) = signed_by(&store(&trusts)) else {
            let which = trusts.chunks(1).position(|trust| signed_by(&store(trust)).is_ok()).unwrap_or_default();
            let fingerprint = anchors.get(which).map(|anchor| anchor.authority.fingerprint.clone());
            return Ok(Voucher::Policy(fingerprint.unwrap_or_default()));
        };
        match signed_by(self.roots.store()) {
            Ok(()) => Ok(Voucher::WellKnown),
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
        self.sent.get_or_init(sent);
        if *server_name != self.host {
            let (host, asked) = (self.host.to_str().into_owned(), server_name.to_str().into_owned());
            return Err(refused(Refusal::AnotherHost { host, asked }));
        }
        if let Trust::Verified(vouchers) = &self.trust {
            let voucher =
                vouchers.verify(end_entity, intermediates, &self.host, now, &self.algorithms).map_err(refused)?;
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
        self.trust.signature(|| verify_tls12_signature(message, cert, dss, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.signature(|| verify_tls13_signature(message, cert, dss, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match self.trust {
            Trust::Verified(_) => self.algorithms.supported_schemes(),
            // Nothing is verified, so that a server with a key of any kind will do: 1,024 bits of RSA, or SHA-1.
            Trust::Unverified => EVERY_SCHEME.to_vec(),
        }
    }
}

fn refused(refusal: Refusal) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
}

/// What a signature over the handshake that does not verify means.
fn of_key(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(_) => refused(Refusal::Key),
        error => error,
    }
}

/// What a server may sign with that need not prove anything.
const EVERY_SCHEME: [SignatureScheme; 13] = [
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
        let verified = matches!(self.trust, Trust::Verified(_));
        formatter
            .debug_struct("Verifier")
            .field("host", &self.host)
            .field("verified", &verified)
            .finish_non_exhaustive()
    }
}
