//! Why a command could not do its work. All of these are exit code 2.

use std::io;

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// The command line makes no sense; shown with the command's usage.
    Usage(String),
    /// Something else went wrong; shown as it is.
    Error {
        /// What went wrong: lower case, no final full stop.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The findings that say why were printed already.
    Shown,
    /// Whoever read the output has gone: nobody is left to tell.
    Closed,
}

impl Failure {
    /// An error and what to do about it.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Error { message: message.into(), help: Some(help.into()) }
    }

    /// An error that says all there is to say.
    pub fn bare(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), help: None }
    }

    /// What a failed write means.
    pub fn of_writing(what: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::bare(format!("cannot write {what}: {}", reason(error))),
        }
    }
}

/// What the system says, without its error number, as a part of a sentence.
pub fn reason(error: &io::Error) -> String {
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

impl From<pullgate_host::Failure> for Failure {
    fn from(failure: pullgate_host::Failure) -> Self {
        Self::new(
            format!("the module failed: {}", failure.text),
            "this is a fault of pullgate, not of the input: please report it with the input",
        )
    }
}

impl From<pullgate_host::ModuleError> for Failure {
    fn from(error: pullgate_host::ModuleError) -> Self {
        Self::bare(error.to_string())
    }
}
