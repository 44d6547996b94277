//! The bearer token. Its file is read again when it changes.

use std::fmt::{self, Debug, Formatter};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use subtle::ConstantTimeEq;

use crate::util::sanitize::io_error_reason;
use pullgate_source::file_stamp::{file_stamp, read_regular_file};

/// The shortest token: 128 bits in hexadecimal are 32 letters, and in base64 some 22.
const MIN_TOKEN_LENGTH: usize = 16;

/// A token, as its file has it.
pub struct BearerToken {
    file: PathBuf,
    /// None while the file cannot be used.
    current: ArcSwapOption<String>,
    /// The stamp of the file, from before it was read last.
    last_stamp: Mutex<Option<String>>,
}

impl BearerToken {
    /// Reads a token.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or has none that is fit. The text is for a person.
    pub fn load(file: &Path) -> Result<Self, String> {
        let read = Mutex::new(file_stamp(file));
        let current = ArcSwapOption::from_pointee(read_token(file)?);
        Ok(Self { file: file.to_owned(), current, last_stamp: read })
    }

    /// Reads the file again where it may have changed. Where that fails there is no token any more: the old one may have been
    /// taken back. Says whether it was read.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn refresh(&self) -> Result<bool, String> {
        let now = file_stamp(&self.file);
        if std::mem::replace(&mut *self.last_stamp.lock().unwrap_or_else(PoisonError::into_inner), now.clone()) == now {
            return Ok(false);
        }
        self.current.store(None);
        self.current.store(Some(read_token(&self.file)?.into()));
        Ok(true)
    }

    /// Whether this is the token.
    pub fn verify(&self, given: &str) -> bool {
        let current = self.current.load();
        current.as_deref().is_some_and(|token| bool::from(given.as_bytes().ct_eq(token.as_bytes())))
    }
}

/// Without the token.
impl Debug for BearerToken {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "the token of `{}`", self.file.display())
    }
}

fn read_token(path: &Path) -> Result<String, String> {
    let unreadable = |error| format!("cannot read the token file `{}`: {}", path.display(), io_error_reason(&error));
    let text = read_regular_file(path).map_err(unreadable)?;
    let token = std::str::from_utf8(&text).unwrap_or_default().trim();
    if token.len() < MIN_TOKEN_LENGTH || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "the token file `{}` must hold one line of at least {MIN_TOKEN_LENGTH} letters and digits, such as `openssl rand -hex 32` prints",
            path.display()
        ));
    }
    Ok(token.to_owned())
}
