//! Public-key and signature algorithms: names and strength (rule C4).

use std::fmt;

use x509_cert::der::asn1::{AnyRef, UintRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// The minimum size of an RSA key in bits.
const MIN_RSA_BITS: u32 = 2_048;

/// The algorithm and size of a public key, from its SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKeyInfo {
    /// A name such as `RSA`, or an object identifier in dotted decimal.
    pub algorithm: String,
    /// The size of an RSA or DSA modulus in bits.
    pub bits: Option<u32>,
    /// The curve of an EC key: a name such as `P-256`, or an object identifier in dotted decimal.
    pub curve: Option<String>,
}

impl PublicKeyInfo {
    /// The recommended replacement for a weak key.
    pub const RECOMMENDED: &str = "use RSA with at least 2048 bits, or EC with P-256, P-384 or P-521";

    pub fn from_spki(key: &SubjectPublicKeyInfoOwned) -> Self {
        let id = key.algorithm.oid.to_string();
        let bytes = key.subject_public_key.as_bytes().unwrap_or_default();
        let parameters = key.algorithm.parameters.as_ref();
        let plain = |algorithm: &str| PublicKeyInfo { algorithm: algorithm.to_owned(), bits: None, curve: None };
        match id.as_str() {
            "1.2.840.113549.1.1.1" => PublicKeyInfo { bits: first_integer_bits(bytes), ..plain("RSA") },
            "1.2.840.113549.1.1.10" => PublicKeyInfo { bits: first_integer_bits(bytes), ..plain("RSASSA-PSS") },
            "1.2.840.10040.4.1" => {
                let parameters = parameters.and_then(|parameters| parameters.to_der().ok()).unwrap_or_default();
                PublicKeyInfo { bits: first_integer_bits(&parameters), ..plain("DSA") }
            }
            "1.2.840.10045.2.1" => {
                let curve = parameters.and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
                PublicKeyInfo { curve: Some(curve.map_or_else(|| "of its own".to_owned(), curve_name)), ..plain("EC") }
            }
            "1.3.101.112" => plain("Ed25519"),
            "1.3.101.113" => plain("Ed448"),
            id => plain(id),
        }
    }

    pub fn is_weak(&self) -> bool {
        match self.algorithm.as_str() {
            "RSA" | "RSASSA-PSS" => self.bits.is_none_or(|bits| bits < MIN_RSA_BITS),
            "EC" => !matches!(self.curve.as_deref(), Some("P-256" | "P-384" | "P-521")),
            "DSA" => true,
            _ => false,
        }
    }
}

impl fmt::Display for PublicKeyInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.algorithm)?;
        if let Some(bits) = self.bits {
            write!(formatter, " with {bits} bits")?;
        }
        if let Some(curve) = &self.curve {
            write!(formatter, " on the curve {curve}")?;
        }
        Ok(())
    }
}

/// Returns the size in bits of the first integer in a sequence: the modulus of an RSA key (RFC 8017, appendix A.1.1) or
/// of DSA parameters.
fn first_integer_bits(der: &[u8]) -> Option<u32> {
    let sequence = AnyRef::from_der(der).ok()?;
    let number: UintRef<'_> = SliceReader::new(sequence.value()).ok()?.decode().ok()?;
    let bytes = number.as_bytes();
    let leading = bytes.first()?.leading_zeros();
    u32::try_from(bytes.len()).ok()?.checked_mul(8)?.checked_sub(leading)
}

fn curve_name(curve: ObjectIdentifier) -> String {
    const NAMES: [(&str, &str); 9] = [
        ("1.2.840.10045.3.1.1", "P-192"),
        ("1.3.132.0.33", "P-224"),
        ("1.2.840.10045.3.1.7", "P-256"),
        ("1.3.132.0.34", "P-384"),
        ("1.3.132.0.35", "P-521"),
        ("1.3.132.0.10", "secp256k1"),
        ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
        ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
        ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ];
    let id = curve.to_string();
    let name = NAMES.iter().find(|(known, _)| *known == id);
    name.map_or(id, |(_, name)| (*name).to_owned())
}

/// The collision resistance of a signature's hash function, the weakest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HashStrength {
    Acceptable,
    Sha1,
    /// MD5 or older.
    Broken,
}

/// A signature algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignatureAlgorithm {
    /// The name in OpenSSL, or an object identifier in dotted decimal.
    pub name: String,
    pub strength: HashStrength,
}

impl SignatureAlgorithm {
    pub fn from_identifier(algorithm: &AlgorithmIdentifierOwned) -> Self {
        let id = algorithm.oid.to_string();
        let (name, strength) = match SIGNATURE_ALGORITHMS.iter().find(|(known, ..)| *known == id) {
            Some((_, name, strength)) => ((*name).to_owned(), *strength),
            None => (id, HashStrength::Acceptable),
        };
        let strength = if name == PSS_NAME { pss_strength(algorithm) } else { strength };
        SignatureAlgorithm { name, strength }
    }
}

const PSS_NAME: &str = "rsassaPss";

const SIGNATURE_ALGORITHMS: [(&str, &str, HashStrength); 23] = [
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption", HashStrength::Broken),
    ("1.2.840.113549.1.1.3", "md4WithRSAEncryption", HashStrength::Broken),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption", HashStrength::Broken),
    // The identifier of the bare hash function; some programs use it for md5WithRSAEncryption.
    ("1.2.840.113549.2.5", "md5", HashStrength::Broken),
    ("1.3.14.3.2.3", "md5WithRSA", HashStrength::Broken),
    ("1.3.14.3.2.15", "shaWithRSAEncryption", HashStrength::Broken),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption", HashStrength::Sha1),
    ("1.3.14.3.2.29", "sha1WithRSA", HashStrength::Sha1),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1", HashStrength::Sha1),
    ("1.2.840.10040.4.3", "dsaWithSHA1", HashStrength::Sha1),
    ("1.2.840.113549.1.1.10", PSS_NAME, HashStrength::Acceptable),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption", HashStrength::Acceptable),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption", HashStrength::Acceptable),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption", HashStrength::Acceptable),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption", HashStrength::Acceptable),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224", HashStrength::Acceptable),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256", HashStrength::Acceptable),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384", HashStrength::Acceptable),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512", HashStrength::Acceptable),
    ("2.16.840.1.101.3.4.3.1", "dsa_with_SHA224", HashStrength::Acceptable),
    ("2.16.840.1.101.3.4.3.2", "dsa_with_SHA256", HashStrength::Acceptable),
    ("1.3.101.112", "ED25519", HashStrength::Acceptable),
    ("1.3.101.113", "ED448", HashStrength::Acceptable),
];

/// Returns the strength of the hash function in the parameters of RSASSA-PSS; the default is SHA-1 (RFC 4055, section
/// 3.1).
fn pss_strength(algorithm: &AlgorithmIdentifierOwned) -> HashStrength {
    let hash = || {
        let parameters = algorithm.parameters.as_ref()?;
        let mut fields = SliceReader::new(parameters.value()).ok()?;
        let first: AnyRef<'_> = fields.decode().ok()?;
        if first.header().tag().number().value() != 0 {
            return None;
        }
        let identifier = AnyRef::from_der(first.value()).ok()?;
        SliceReader::new(identifier.value()).ok()?.decode::<ObjectIdentifier>().ok()
    };
    match hash().map(|hash| hash.to_string()).as_deref() {
        None | Some("1.3.14.3.2.26") => HashStrength::Sha1,
        Some("1.2.840.113549.2.2" | "1.2.840.113549.2.4" | "1.2.840.113549.2.5") => HashStrength::Broken,
        Some(_) => HashStrength::Acceptable,
    }
}
