//! Output to standard output and standard error. A closed pipe (`pullgate decide ... | head -1`) is no error, and
//! colours are for terminals only (`NO_COLOR` and `CLICOLOR` are respected).

use std::fmt::Display;
use std::io::{self, BufWriter, StderrLock, StdoutLock, Write};

use anstream::AutoStream;
use clap::builder::styling::{AnsiColor, Style};
pub use pullgate::display::escape_for_terminal;
use serde::Serialize;

use crate::error::CliError;

pub const GOOD_STYLE: Style = AnsiColor::Green.on_default().bold();
pub const BAD_STYLE: Style = AnsiColor::Red.on_default().bold();
pub const WARNING_STYLE: Style = AnsiColor::Yellow.on_default().bold();
pub const INFO_STYLE: Style = AnsiColor::Cyan.on_default().bold();
pub const LABEL_STYLE: Style = Style::new().dimmed();

/// Buffered standard output.
pub struct OutputWriter {
    stream: BufWriter<AutoStream<StdoutLock<'static>>>,
}

impl OutputWriter {
    /// Creates human-readable output; styles are dropped if the terminal cannot show them.
    pub fn for_people() -> Self {
        let choice = AutoStream::choice(&io::stdout());
        Self { stream: BufWriter::new(AutoStream::new(io::stdout().lock(), choice)) }
    }

    /// Creates output for programs: bytes are written unchanged.
    pub fn for_programs() -> Self {
        Self { stream: BufWriter::new(AutoStream::always_ansi(io::stdout().lock())) }
    }

    /// Creates output for programs if `json`, human-readable output otherwise.
    pub fn new(json: bool) -> Self {
        if json { Self::for_programs() } else { Self::for_people() }
    }

    /// Writes a line.
    pub fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        writeln!(self.stream, "{text}").map_err(|error| stdout_error(&error))
    }

    /// Writes a text unchanged.
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.stream.write_all(text.as_bytes()).map_err(|error| stdout_error(&error))
    }

    /// Flushes the buffer. To be called last, since errors are lost on drop.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.stream.flush().map_err(|error| stdout_error(&error))
    }
}

/// Writes a line to standard error; a failed write is ignored, as it cannot be reported.
pub fn eprint_styled(text: impl Display) {
    let choice = AutoStream::choice(&io::stderr());
    let mut stream: AutoStream<StderrLock<'static>> = AutoStream::new(io::stderr().lock(), choice);
    let _ = writeln!(stream, "{text}");
}

/// Wraps a text in a style.
pub fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Escapes each line of a text as [`escape_for_terminal`] does.
pub fn escape_lines_for_terminal(text: &str) -> String {
    text.lines().map(escape_for_terminal).collect::<Vec<_>>().join("\n")
}

/// Serializes a report to one line of JSON.
pub fn json_line(value: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string(value)
        .map_err(|error| CliError::without_help(format!("cannot write the report as JSON: {error}")))
}

fn stdout_error(error: &io::Error) -> CliError {
    CliError::from_write("standard output", error)
}
