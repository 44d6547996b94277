//! Standard output and standard error. A reader that goes away (`pullgate decide ... | head -1`) is no error to shout
//! about, and colour is for terminals only (`NO_COLOR` and `CLICOLOR` are obeyed).

use std::fmt::Display;
use std::io::{self, BufWriter, StderrLock, StdoutLock, Write};

use anstream::AutoStream;
use clap::builder::styling::{AnsiColor, Style};
pub use pullgate_source::findings::escape_for_terminal;
use serde::Serialize;

use crate::error::CliError;

pub const GOOD_STYLE: Style = AnsiColor::Green.on_default().bold();
pub const BAD_STYLE: Style = AnsiColor::Red.on_default().bold();
pub const WARNING_STYLE: Style = AnsiColor::Yellow.on_default().bold();
pub const INFO_STYLE: Style = AnsiColor::Cyan.on_default().bold();
pub const LABEL_STYLE: Style = Style::new().dimmed();

/// Standard output, buffered.
pub struct OutputWriter {
    stream: BufWriter<AutoStream<StdoutLock<'static>>>,
}

impl OutputWriter {
    /// For people: styles are dropped where they cannot be shown.
    pub fn for_people() -> Self {
        let choice = AutoStream::choice(&io::stdout());
        Self { stream: BufWriter::new(AutoStream::new(io::stdout().lock(), choice)) }
    }

    /// For programs: every byte goes out as it is.
    pub fn for_programs() -> Self {
        Self { stream: BufWriter::new(AutoStream::always_ansi(io::stdout().lock())) }
    }

    /// For programs if `json`, for people otherwise.
    pub fn new(json: bool) -> Self {
        if json { Self::for_programs() } else { Self::for_people() }
    }

    /// Writes a text and a line end.
    pub fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        writeln!(self.stream, "{text}").map_err(|error| stdout_error(&error))
    }

    /// Writes a text as it is.
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.stream.write_all(text.as_bytes()).map_err(|error| stdout_error(&error))
    }

    /// Sends what is buffered on its way. To be called last: what a drop writes, nobody checks.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.stream.flush().map_err(|error| stdout_error(&error))
    }
}

/// Standard error. That it cannot be written is nothing that anybody could be told.
pub fn eprint_styled(text: impl Display) {
    let choice = AutoStream::choice(&io::stderr());
    let mut stream: AutoStream<StderrLock<'static>> = AutoStream::new(io::stderr().lock(), choice);
    let _ = writeln!(stream, "{text}");
}

/// A text in a style.
pub fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// As [`visible`], of a text that has lines.
pub fn escape_lines_for_terminal(text: &str) -> String {
    text.lines().map(escape_for_terminal).collect::<Vec<_>>().join("\n")
}

/// Returns a report for programs: one line of JSON.
pub fn json_line(value: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string(value)
        .map_err(|error| CliError::without_help(format!("cannot write the report as JSON: {error}")))
}

fn stdout_error(error: &io::Error) -> CliError {
    CliError::from_write("standard output", error)
}
