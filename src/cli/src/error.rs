//! Errors of commands. All of them are exit code 2, and 3 for `compare` and `replay`.

use std::io;

use pullgate_source::InputError;
pub use pullgate_source::io_error_reason;

/// An error of a command.
#[derive(Debug)]
pub enum CliError {
    /// Invalid command line; printed with the usage of the command.
    Usage(String),
    /// Any other error; printed as it is.
    Failed {
        /// The message: lower case, no final full stop.
        message: String,
        /// The remedy.
        help: Option<String>,
    },
    /// The findings that explain the error are already printed.
    AlreadyReported,
    /// The reader of standard output is gone (EPIPE); nothing is printed.
    BrokenPipe,
}

impl CliError {
    /// Creates an error with a remedy.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), help: Some(help.into()) }
    }

    /// Creates an error without a remedy.
    pub fn without_help(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), help: None }
    }

    /// Converts the error of a write; a broken pipe is silent.
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
