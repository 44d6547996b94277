//! Input texts: policy files, certificate files, standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Stdin};
use std::path::Path;
use std::sync::Arc;

use crate::error::{InputError, io_error_reason};
use crate::lines::LineIndex;

/// Maximum length of a line of standard input in bytes, far above that of any reference or entry.
const MAX_LINE_BYTES: usize = 1 << 20;

/// An input text with its display name.
#[derive(Debug)]
pub struct InputText {
    /// The display name: a path, or a flag.
    pub name: String,
    /// The text, which evaluators share.
    pub text: Arc<str>,
    /// True if the text has line numbers; a flag has none.
    pub is_file: bool,
}

impl InputText {
    /// Reads a whole file, or standard input if the path is `-`. `None` if there are more than `limit` bytes.
    ///
    /// `what` names the purpose of the file in errors, as in ``cannot read the WHAT `x.toml` ``.
    pub fn read(path: &Path, what: &str, limit: usize) -> Result<Option<Self>, InputError> {
        let name = display_name(path);
        let bytes = read_bytes(path, what, limit.saturating_add(1))?;
        if bytes.len() > limit {
            return Ok(None);
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Self { name, text: text.into(), is_file: true })),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                Err(encoding_error(&name, what, &error.into_bytes(), valid))
            }
        }
    }

    /// Creates the input of a flag.
    pub fn from_flag(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.into(), is_file: false }
    }
}

/// Reads the first `limit` bytes of a file, or of standard input if the path is `-`.
pub fn read_bytes(path: &Path, what: &str, limit: usize) -> Result<Vec<u8>, InputError> {
    let room = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = if is_stdin(path) {
        io::stdin().lock().take(room).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(room).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(read_error(&display_name(path), what, &error)),
    }
}

/// Returns whether a path stands for standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Returns the display name of a path.
pub fn display_name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// The lines of standard input, read incrementally.
pub struct StdinLines {
    input: BufReader<Stdin>,
    number: usize,
}

impl StdinLines {
    /// Opens a reader of standard input.
    pub fn open() -> Self {
        Self { input: BufReader::with_capacity(1 << 16, io::stdin()), number: 0 }
    }

    /// Reads the next line, without its `\n` or `\r\n`. Invalid UTF-8 becomes U+FFFD, which no reference or entry can
    /// contain, so such a line is refused and never misread.
    pub fn next_line(&mut self) -> Result<Option<String>, InputError> {
        let mut line = Vec::new();
        let room = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.input.by_ref().take(room).read_until(b'\n', &mut line);
        read.map_err(|error| InputError::bare(format!("cannot read standard input: {}", io_error_reason(&error))))?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if line.len() > MAX_LINE_BYTES {
            return Err(InputError::new(
                format!("line {} of standard input has over {MAX_LINE_BYTES} bytes", self.number),
                "give one reference or entry a line",
            ));
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        let line = String::from_utf8_lossy(&line);
        // Some programs begin their output with a byte-order mark.
        let line = if self.number == 1 { line.trim_start_matches('\u{feff}') } else { &*line };
        Ok(Some(line.to_owned()))
    }

    /// Returns whether reading the next line may block, so that output should be flushed first.
    pub fn would_block(&self) -> bool {
        self.input.buffer().is_empty()
    }
}

fn read_error(name: &str, what: &str, error: &io::Error) -> InputError {
    let message = format!("cannot read the {what} `{name}`: {}", io_error_reason(error));
    match error.kind() {
        io::ErrorKind::NotFound => {
            InputError::new(message, format!("give the path of the {what}, or `-` for standard input"))
        }
        io::ErrorKind::IsADirectory => InputError::new(message, "give the path of a file in it"),
        io::ErrorKind::PermissionDenied => InputError::new(message, "make the file readable for this user"),
        _ => InputError::bare(message),
    }
}

fn encoding_error(name: &str, what: &str, bytes: &[u8], valid: usize) -> InputError {
    // DER, the binary form of certificates, begins with a sequence with at least two length bytes.
    const DER: &[u8] = &[0x30, 0x82];
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if utf16 {
        return InputError::new(format!("the {what} `{name}` is UTF-16 text"), "save it as UTF-8");
    }
    if bytes.starts_with(DER) {
        return InputError::new(
            format!("the {what} `{name}` is binary, as a certificate in DER form or a PKCS #12 file is"),
            format!("give it as PEM text: `openssl x509 -inform der -in {name}` writes a DER certificate so"),
        );
    }
    let text = String::from_utf8_lossy(&bytes[..valid]);
    let place = LineIndex::new(&text).position(text.len());
    InputError::new(
        format!("the {what} `{name}` is not UTF-8 text: line {}, column {}", place.line, place.column),
        "save it as UTF-8",
    )
}
