//! Why a command could not do its work. All of these are exit code 2.

use std::io;

use pullgate_source::InputError;
pub use pullgate_source::reason;

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

impl From<InputError> for Failure {
    fn from(InputError { message, help }: InputError) -> Self {
        Self::Error { message, help }
    }
}
