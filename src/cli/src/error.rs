//! Why a command could not do its work. All of these are exit code 2.

use std::io;

use pullgate_source::InputError;
pub use pullgate_source::io_error_reason;

/// Why a command could not do its work.
#[derive(Debug)]
pub enum CliError {
    /// The command line makes no sense; shown with the command's usage.
    Usage(String),
    /// Something else went wrong; shown as it is.
    Failed {
        /// What went wrong: lower case, no final full stop.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The findings that say why were printed already.
    AlreadyReported,
    /// Whoever read the output has gone: nobody is left to tell.
    BrokenPipe,
}

impl CliError {
    /// An error and what to do about it.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), help: Some(help.into()) }
    }

    /// An error that says all there is to say.
    pub fn without_help(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), help: None }
    }

    /// What a failed write means.
    pub fn from_write(what: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::without_help(format!("cannot write {what}: {}", io_error_reason(error))),
        }
    }
}

impl From<pullgate_host::ExecutionError> for CliError {
    fn from(failure: pullgate_host::ExecutionError) -> Self {
        Self::new(
            format!("the module failed: {}", failure.text),
            "this is a fault of pullgate, not of the input: please report it with the input",
        )
    }
}

impl From<pullgate_host::ModuleError> for CliError {
    fn from(error: pullgate_host::ModuleError) -> Self {
        Self::without_help(error.to_string())
    }
}

impl From<InputError> for CliError {
    fn from(InputError { message, help }: InputError) -> Self {
        Self::Failed { message, help }
    }
}
