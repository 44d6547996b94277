//! Public-key and signature algorithms: names and strength (rule C4).

use std::fmt;

use x509_cert::der::asn1::{Any, AnyRef, UintRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::certificate::der;

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
    /// The recommended replacement for a key that is weak or that clients do not verify with.
    pub const RECOMMENDED: &str = "use RSA with at least 2048 bits, or EC with P-256, P-384 or P-521";

    pub fn from_spki(key: &SubjectPublicKeyInfoOwned) -> Self {
        Self::from_identifier(&key.algorithm, key.subject_public_key.as_bytes().unwrap_or_default())
    }

    fn from_identifier(algorithm: &AlgorithmIdentifierOwned, key: &[u8]) -> Self {
        let id = algorithm.oid.to_string();
        let parameters = algorithm.parameters.as_ref();
        let plain = |algorithm: &str| PublicKeyInfo { algorithm: algorithm.to_owned(), bits: None, curve: None };
        match id.as_str() {
            "1.2.840.113549.1.1.1" => PublicKeyInfo { bits: first_integer_bits(key), ..plain("RSA") },
            "1.2.840.113549.1.1.10" => PublicKeyInfo { bits: first_integer_bits(key), ..plain("RSASSA-PSS") },
            "1.2.840.10040.4.1" => {
                let parameters = parameters.and_then(|parameters| parameters.to_der().ok()).unwrap_or_default();
                PublicKeyInfo { bits: first_integer_bits(&parameters), ..plain("DSA") }
            }
            "1.2.840.10045.2.1" => {
                let curve = parameters.and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
                PublicKeyInfo { curve: Some(curve.map_or_else(|| "of its own".to_owned(), curve_name)), ..plain("EC") }
            }
            id => plain(name_of(&KEY_ALGORITHMS, id).unwrap_or(id)),
        }
    }

    /// Returns whether Go's `crypto/x509` and the TLS library of pullgate know the algorithm. A known key may be weak.
    pub fn is_verifiable(&self) -> bool {
        match self.algorithm.as_str() {
            "RSA" | "DSA" | "Ed25519" => true,
            "EC" => self.curve.as_deref() != Some(SM2_CURVE),
            _ => false,
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

/// Key algorithms without a size or curve to describe.
const KEY_ALGORITHMS: [(&str, &str); 11] = [
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.2.840.10046.2.1", "X9.42 DH"),
    ("1.2.643.2.2.19", "GOST R 34.10-2001"),
    ("1.2.643.7.1.1.1.1", "GOST R 34.10-2012 with 256 bit modulus"),
    ("1.2.643.7.1.1.1.2", "GOST R 34.10-2012 with 512 bit modulus"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
];

fn name_of(names: &[(&str, &'static str)], id: &str) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
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

const SM2_CURVE: &str = "SM2";

fn curve_name(curve: ObjectIdentifier) -> String {
    const NAMES: [(&str, &str); 10] = [
        ("1.2.840.10045.3.1.1", "P-192"),
        ("1.3.132.0.33", "P-224"),
        ("1.2.840.10045.3.1.7", "P-256"),
        ("1.3.132.0.34", "P-384"),
        ("1.3.132.0.35", "P-521"),
        ("1.3.132.0.10", "secp256k1"),
        ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
        ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
        ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
        ("1.2.156.10197.1.301", SM2_CURVE),
    ];
    let id = curve.to_string();
    name_of(&NAMES, &id).map_or(id, str::to_owned)
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
    /// True if Go's `crypto/x509` or the TLS library of pullgate verifies such signatures.
    pub is_verifiable: bool,
}

impl SignatureAlgorithm {
    /// The recommended replacement for a signature that clients do not verify.
    pub const RECOMMENDED: &str = "signed with SHA-256, SHA-384 or SHA-512 by RSA or ECDSA";

    pub fn from_identifier(algorithm: &AlgorithmIdentifierOwned) -> Self {
        let id = algorithm.oid.to_string();
        let (name, strength) = match SIGNATURE_ALGORITHMS.iter().find(|(known, ..)| *known == id) {
            Some((_, name, strength)) => ((*name).to_owned(), *strength),
            None => (id, HashStrength::Acceptable),
        };
        if name == PSS_NAME {
            let parameters = PssParameters::parse(algorithm);
            return SignatureAlgorithm {
                name,
                strength: parameters.strength(),
                is_verifiable: parameters.is_verifiable(),
            };
        }
        let is_verifiable = VERIFIABLE_SIGNATURES.contains(&name.as_str());
        SignatureAlgorithm { name, strength, is_verifiable }
    }
}

/// Describes a signature algorithm by the content of its AlgorithmIdentifier (RFC 5280, section 4.1.1.2), without the
/// header, as errors of TLS libraries have it. Returns the name in OpenSSL or the object identifier, and whether the
/// hash function is SHA-1 or older; none if the identifier cannot be parsed.
pub fn describe_signature_algorithm(identifier: &[u8]) -> Option<(String, bool)> {
    let algorithm = SignatureAlgorithm::from_identifier(&parse_identifier(identifier)?);
    Some((algorithm.name, algorithm.strength != HashStrength::Acceptable))
}

/// Describes a key algorithm by the content of its AlgorithmIdentifier, likewise: `RSASSA-PSS`, `EC on the curve P-224`.
pub fn describe_key_algorithm(identifier: &[u8]) -> Option<String> {
    Some(PublicKeyInfo::from_identifier(&parse_identifier(identifier)?, &[]).to_string())
}

fn parse_identifier(content: &[u8]) -> Option<AlgorithmIdentifierOwned> {
    let mut fields = SliceReader::new(content).ok()?;
    let oid = fields.decode().ok()?;
    let parameters = if fields.is_finished() { None } else { Some(fields.decode().ok()?) };
    Some(AlgorithmIdentifierOwned { oid, parameters })
}

/// The signature algorithms that Go's `crypto/x509` or the TLS library of pullgate verifies, besides RSASSA-PSS.
const VERIFIABLE_SIGNATURES: [&str; 7] = [
    "sha256WithRSAEncryption",
    "sha384WithRSAEncryption",
    "sha512WithRSAEncryption",
    "ecdsa-with-SHA256",
    "ecdsa-with-SHA384",
    "ecdsa-with-SHA512",
    "ED25519",
];

const PSS_NAME: &str = "rsassaPss";

const SIGNATURE_ALGORITHMS: [(&str, &str, HashStrength); 29] = [
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
    ("1.2.643.2.2.3", "GOST R 34.11-94 with GOST R 34.10-2001", HashStrength::Acceptable),
    ("1.2.643.7.1.1.3.2", "GOST R 34.10-2012 with GOST R 34.11-2012 (256 bit)", HashStrength::Acceptable),
    ("1.2.643.7.1.1.3.3", "GOST R 34.10-2012 with GOST R 34.11-2012 (512 bit)", HashStrength::Acceptable),
    ("1.2.156.10197.1.501", "SM2-with-SM3", HashStrength::Acceptable),
    ("1.2.840.113549.1.1.15", "sha512-224WithRSAEncryption", HashStrength::Acceptable),
    ("1.2.840.113549.1.1.16", "sha512-256WithRSAEncryption", HashStrength::Acceptable),
];

/// The parameters of RSASSA-PSS (RFC 4055, section 3.1). An absent field has its default: SHA-1, and a salt of 20 octets.
#[derive(Debug, Default)]
struct PssParameters {
    hash: Option<String>,
    /// The hash function of MGF1.
    mask_hash: Option<String>,
    salt_len: Option<u8>,
}

impl PssParameters {
    /// Parses the parameters; what is malformed counts as absent.
    fn parse(algorithm: &AlgorithmIdentifierOwned) -> Self {
        let mut found = Self::default();
        let parameters = algorithm.parameters.as_ref().map(Any::to_ref);
        for field in parameters.and_then(|parameters| der::children(&parameters)).into_iter().flatten() {
            match der::context_tag(&field) {
                Some(0) => found.hash = identifier_within(&field).map(|(hash, _)| hash),
                Some(1) => found.mask_hash = identifier_within(&field).and_then(|(_, mask)| mask),
                Some(2) => {
                    found.salt_len = SliceReader::new(field.value()).ok().and_then(|mut salt| salt.decode().ok())
                }
                _ => {}
            }
        }
        found
    }

    fn strength(&self) -> HashStrength {
        match self.hash.as_deref() {
            None | Some("1.3.14.3.2.26") => HashStrength::Sha1,
            Some("1.2.840.113549.2.2" | "1.2.840.113549.2.4" | "1.2.840.113549.2.5") => HashStrength::Broken,
            Some(_) => HashStrength::Acceptable,
        }
    }

    /// Returns whether clients verify signatures with these parameters: SHA-256, SHA-384 or SHA-512 in both places, and
    /// a salt of the same length.
    fn is_verifiable(&self) -> bool {
        let hash_len = match self.hash.as_deref() {
            Some("2.16.840.1.101.3.4.2.1") => 32,
            Some("2.16.840.1.101.3.4.2.2") => 48,
            Some("2.16.840.1.101.3.4.2.3") => 64,
            _ => return false,
        };
        self.hash == self.mask_hash && self.salt_len == Some(hash_len)
    }
}

/// Returns the algorithm inside an explicit tag, and the algorithm in its parameters.
fn identifier_within(field: &AnyRef<'_>) -> Option<(String, Option<String>)> {
    let identifier = AnyRef::from_der(field.value()).ok()?;
    let (id, parameters) = id_and_parameters(&identifier)?;
    Some((id, parameters.and_then(|parameters| id_and_parameters(&parameters)).map(|(inner, _)| inner)))
}

fn id_and_parameters<'d>(identifier: &AnyRef<'d>) -> Option<(String, Option<AnyRef<'d>>)> {
    let mut fields = SliceReader::new(identifier.value()).ok()?;
    let id: ObjectIdentifier = fields.decode().ok()?;
    Some((id.to_string(), fields.decode().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_dsa_key_has_the_size_of_its_modulus() {
        // The modulus is 255, and the other two integers are 3 and 2.
        let identifier =
            b"\x30\x15\x06\x07\x2a\x86\x48\xce\x38\x04\x01\x30\x0a\x02\x02\x00\xff\x02\x01\x03\x02\x01\x02";
        let algorithm = AlgorithmIdentifierOwned::from_der(identifier).unwrap();
        let key = PublicKeyInfo::from_identifier(&algorithm, &[]);
        assert_eq!((key.to_string().as_str(), key.bits), ("DSA with 8 bits", Some(8)));
        assert!(key.is_weak());
    }
}
