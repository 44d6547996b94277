//! The check of a body against its digest, while it passes.
//!
//! A body that is passed on cannot be taken back. Its last bytes are held until the whole is right, so that a client
//! never has all of a wrong one.

use base16ct::lower::encode_string;
use hyper::body::Bytes;
use sha2::{Digest, Sha256, Sha384, Sha512};
use thiserror::Error;

/// A body that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the bytes have the digest `{actual}`, and `{expected}` was asked for")]
pub struct DigestMismatch {
    expected: String,
    actual: String,
}

/// The hash functions of digests (OCI image specification, "Digests").
enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

/// The check of one body.
pub struct DigestCheck {
    expected: String,
    hasher: Hasher,
    held: Option<Bytes>,
}

impl DigestCheck {
    /// Creates the check for a digest; none for text that is no digest.
    pub fn new(digest: &str) -> Option<Self> {
        let hasher = match digest.split_once(':').filter(|_| pullgate::is_digest(digest))?.0 {
            "sha256" => Hasher::Sha256(Sha256::new()),
            "sha384" => Hasher::Sha384(Sha384::new()),
            _ => Hasher::Sha512(Sha512::new()),
        };
        Some(Self { expected: digest.to_owned(), hasher, held: None })
    }

    /// Returns the number of bytes that are held.
    pub fn held_len(&self) -> usize {
        self.held.as_ref().map_or(0, Bytes::len)
    }

    /// Takes the next bytes. Returns those that may be passed on.
    pub fn push(&mut self, bytes: Bytes) -> Option<Bytes> {
        match &mut self.hasher {
            Hasher::Sha256(hasher) => hasher.update(&bytes),
            Hasher::Sha384(hasher) => hasher.update(&bytes),
            Hasher::Sha512(hasher) => hasher.update(&bytes),
        }
        self.held.replace(bytes)
    }

    /// Requires that a body without bytes is what was asked for.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub fn check_empty(&self) -> Result<(), DigestMismatch> {
        Self::new(&self.expected).map_or(Ok(()), |check| check.finish().map(drop))
    }

    /// Ends the body. Returns its last bytes.
    ///
    /// # Errors
    ///
    /// If the whole is not what was asked for.
    pub fn finish(self) -> Result<Option<Bytes>, DigestMismatch> {
        let actual = match self.hasher {
            Hasher::Sha256(hasher) => format!("sha256:{}", encode_string(&hasher.finalize())),
            Hasher::Sha384(hasher) => format!("sha384:{}", encode_string(&hasher.finalize())),
            Hasher::Sha512(hasher) => format!("sha512:{}", encode_string(&hasher.finalize())),
        };
        match actual == self.expected {
            true => Ok(self.held),
            false => Err(DigestMismatch { expected: self.expected, actual }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digests of `hello`.
    const DIGESTS: [&str; 3] = [
        "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "sha384:59e1748777448c69de6b800d7a33bbfb9ff1b463e44354c3553bcdb9c666fa90125a3c79f90397bdf5f6a13de828684f",
        "sha512:9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043",
    ];

    #[test]
    fn last_bytes_are_held_until_the_whole_is_right() {
        for digest in DIGESTS {
            let mut check = DigestCheck::new(digest).unwrap();
            assert_eq!(check.push(Bytes::from("hel")), None);
            assert_eq!(check.push(Bytes::from("lo")), Some(Bytes::from("hel")));
            assert_eq!(check.finish(), Ok(Some(Bytes::from("lo"))));

            let mut check = DigestCheck::new(digest).unwrap();
            check.push(Bytes::from("hel"));
            check.push(Bytes::from("lO"));
            let error = check.finish().unwrap_err().to_string();
            assert!(error.contains(digest), "{error}");
        }
    }

    #[test]
    fn empty_body_is_checked_too() {
        assert!(DigestCheck::new(DIGESTS[0]).unwrap().finish().is_err());
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(DigestCheck::new(empty).unwrap().finish(), Ok(None));
        assert!(DigestCheck::new("sha256:0").is_none() && DigestCheck::new("md5:0").is_none());
    }
}
