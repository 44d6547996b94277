//! Cryptography of TLS: AWS-LC, with what certificates of registries need.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::agreement::{ECDH_P521, EphemeralPrivateKey, PublicKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SharedSecret, SupportedKxGroup, WebPkiSupportedAlgorithms,
    aws_lc_rs as aws_lc,
};
use rustls::{Error, NamedGroup, PeerMisbehaved, SignatureScheme};
use webpki::aws_lc_rs as algorithms;

/// Returns the cryptography of all TLS in the program: that of clients, and of the daemon's listeners.
///
/// It is passed on explicitly, since the process-wide default belongs to the embedder.
pub fn crypto_provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| {
        let mut provider = aws_lc::default_provider();
        provider.signature_verification_algorithms = SIGNATURE_ALGORITHMS;
        provider.kx_groups.push(&Secp521r1);
        Arc::new(provider)
    });
    Arc::clone(provider)
}

/// The signatures of certificates and handshakes that are verified: those that Go's `crypto/x509` verifies (rule C4),
/// so that a registry is reached here if Docker Engine reaches it, and not otherwise.
static SIGNATURE_ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        algorithms::ECDSA_P256_SHA256,
        algorithms::ECDSA_P256_SHA384,
        algorithms::ECDSA_P256_SHA512,
        algorithms::ECDSA_P384_SHA256,
        algorithms::ECDSA_P384_SHA384,
        algorithms::ECDSA_P384_SHA512,
        algorithms::ECDSA_P521_SHA256,
        algorithms::ECDSA_P521_SHA384,
        algorithms::ECDSA_P521_SHA512,
        algorithms::ED25519,
        algorithms::RSA_PKCS1_2048_8192_SHA256,
        algorithms::RSA_PKCS1_2048_8192_SHA384,
        algorithms::RSA_PKCS1_2048_8192_SHA512,
        algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
        algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    ],
    // In TLS 1.2 a scheme of ECDSA fixes the hash function alone (RFC 8422, section 5.1.1); in TLS 1.3 the first
    // algorithm of each scheme is the only one.
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256, algorithms::ECDSA_P521_SHA256],
        ),
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P256_SHA384, algorithms::ECDSA_P521_SHA384],
        ),
        (
            SignatureScheme::ECDSA_NISTP521_SHA512,
            &[algorithms::ECDSA_P521_SHA512, algorithms::ECDSA_P256_SHA512, algorithms::ECDSA_P384_SHA512],
        ),
        (SignatureScheme::ED25519, &[algorithms::ED25519]),
        (SignatureScheme::RSA_PSS_SHA256, &[algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA384, &[algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA512, &[algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[algorithms::RSA_PKCS1_2048_8192_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[algorithms::RSA_PKCS1_2048_8192_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[algorithms::RSA_PKCS1_2048_8192_SHA512]),
    ],
};

/// Key exchange on the curve P-521, which rustls has not. In TLS 1.2 a server may use a key on a curve only if the client
/// lists that curve (RFC 8422, section 5.1), and OpenSSL holds to it.
#[derive(Debug)]
struct Secp521r1;

/// A key exchange on the curve P-521, with the ephemeral key pair of one handshake.
struct Secp521r1Exchange {
    private_key: EphemeralPrivateKey,
    public_key: PublicKey,
}

impl SupportedKxGroup for Secp521r1 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let private_key = EphemeralPrivateKey::generate(&ECDH_P521, &SystemRandom::new());
        let private_key = private_key.map_err(|_| GetRandomFailed)?;
        let public_key = private_key.compute_public_key().map_err(|_| GetRandomFailed)?;
        Ok(Box::new(Secp521r1Exchange { private_key, public_key }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

impl ActiveKeyExchange for Secp521r1Exchange {
    fn complete(self: Box<Self>, peer_pub_key: &[u8]) -> Result<SharedSecret, Error> {
        let invalid = || Error::from(PeerMisbehaved::InvalidKeyShare);
        // Points are uncompressed (RFC 8446, section 4.2.8.2).
        if peer_pub_key.first() != Some(&4) {
            return Err(invalid());
        }
        let peer_key = UnparsedPublicKey::new(&ECDH_P521, peer_pub_key);
        agree_ephemeral(self.private_key, peer_key, invalid(), |secret| Ok(SharedSecret::from(secret)))
    }

    fn pub_key(&self) -> &[u8] {
        self.public_key.as_ref()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}
