//! The bearer token, reloaded when its file changes.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::server::secret_file::read_secret_file;
use crate::util::reloading_file::ReloadingFile;
use crate::util::sanitize::io_error_reason;

/// Minimum length of a token: 128 bits are 32 hexadecimal digits, or some 22 of base64.
const MIN_TOKEN_LENGTH: usize = 16;

/// An error of the token file. The texts are human-readable.
#[derive(Debug, Error)]
pub enum BearerTokenError {
    /// The file cannot be read.
    #[error("cannot read the token file `{path}`: {}", io_error_reason(.error))]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file has no valid token.
    #[error(
        "the token file `{0}` must hold one line of at least {MIN_TOKEN_LENGTH} letters and digits, such as \
         `openssl rand -hex 32` prints"
    )]
    Invalid(PathBuf),
}

/// A bearer token that is reloaded from its file.
pub struct BearerToken {
    file: PathBuf,
    /// `None` while the file is unusable.
    token: ReloadingFile<Option<String>>,
}

impl BearerToken {
    /// Loads the token.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or has no valid token. The text is human-readable.
    pub fn load(file: &Path) -> Result<Self, BearerTokenError> {
        let token = ReloadingFile::load(vec![file.to_owned()], || read_token(file).map(Some))?;
        Ok(Self { file: file.to_owned(), token })
    }

    /// Reloads the file if it may have changed. A failure removes the token, since the old one may be revoked. Returns
    /// whether the file was read.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn refresh(&self) -> Result<bool, BearerTokenError> {
        self.token.refresh_or(None, || read_token(&self.file).map(Some))
    }

    /// Returns whether a text is the token, compared in constant time.
    pub fn verify(&self, given: &str) -> bool {
        let current = self.token.current();
        current.as_deref().is_some_and(|token| bool::from(given.as_bytes().ct_eq(token.as_bytes())))
    }
}

/// Omits the token.
impl Debug for BearerToken {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "the token of `{}`", self.file.display())
    }
}

fn read_token(path: &Path) -> Result<String, BearerTokenError> {
    let text = read_secret_file(path).map_err(|error| BearerTokenError::Unreadable { path: path.to_owned(), error })?;
    let token = std::str::from_utf8(&text).unwrap_or_default().trim();
    if token.len() < MIN_TOKEN_LENGTH || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BearerTokenError::Invalid(path.to_owned()));
    }
    Ok(token.to_owned())
}
