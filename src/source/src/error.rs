//! Errors of reading, in words.

use std::io;

use thiserror::Error;

/// An input that cannot be read.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct InputError {
    /// What went wrong: lower case, no final full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl InputError {
    /// Returns an error with what to do about it.
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: Some(help.into()) }
    }

    /// Returns an error whose message says all there is to say.
    pub(crate) fn bare(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }
}

/// What the system says, without its error number, as a part of a sentence.
pub fn io_error_reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    match letters.next() {
        // `No such file` but not `IO error`.
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_errors_become_part_of_a_sentence() {
        assert_eq!(io_error_reason(&io::Error::from_raw_os_error(2)), "no such file or directory");
        // With the number of the system's error it would be two.
        assert_eq!(io_error_reason(&io::Error::other("DNS has no answer")), "DNS has no answer");
    }
}
