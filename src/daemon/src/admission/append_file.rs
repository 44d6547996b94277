//! A file that is appended to by whole lines.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::util::sanitize::io_error_reason;

/// An append-only file of lines.
pub struct AppendFile {
    path: PathBuf,
    file: File,
    /// True if the file ends in a partial line.
    has_partial_line: bool,
}

impl AppendFile {
    /// Opens or creates the file.
    ///
    /// # Errors
    ///
    /// Those of open(2), with the path.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open_nonblocking(path).map_err(|error| {
            let why = if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
                "it is a pipe or a socket that nobody reads".to_owned()
            } else {
                io_error_reason(&error)
            };
            io::Error::new(error.kind(), format!("`{}`: {why}", path.display()))
        })?;
        Ok(Self { path: path.to_owned(), file, has_partial_line: false })
    }

    /// Reopens the path, after log rotation renamed the file.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open). The old file stays open.
    pub fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path)?;
        Ok(())
    }

    /// Appends a line, including its end.
    ///
    /// # Errors
    ///
    /// Those of write(2). A partial line is removed or terminated, so that it cannot merge with the next one.
    pub fn append_line(&mut self, line: &str) -> io::Result<()> {
        if self.has_partial_line {
            self.write(b"\n").map_err(|(_, error)| error)?;
            self.has_partial_line = false;
        }
        let before = self.file_len();
        self.write(line.as_bytes()).map_err(|(written, error)| {
            self.has_partial_line = written > 0 && !self.truncate_partial(before, written);
            error
        })
    }

    /// Writes all bytes, or returns the number written with the error.
    fn write(&mut self, bytes: &[u8]) -> Result<(), (u64, io::Error)> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err((byte_len(bytes) - byte_len(rest), io::ErrorKind::WriteZero.into())),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((byte_len(bytes) - byte_len(rest), error)),
            }
        }
        Ok(())
    }

    /// Truncates a partial write if it is still the end of the file: another program may append to it too.
    fn truncate_partial(&self, before: Option<u64>, written: u64) -> bool {
        before.is_some_and(|before| self.file_len() == Some(before + written) && self.file.set_len(before).is_ok())
    }

    /// Returns the length of a regular file.
    fn file_len(&self) -> Option<u64> {
        self.file.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
    }
}

fn byte_len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Opens a file without blocking: a pipe without a reader is an error.
fn open_nonblocking(path: &Path) -> io::Result<File> {
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().create(true).append(true).mode(0o640).custom_flags(at_once).open(path)?;
    // Writes may block.
    fcntl_setfl(&file, fcntl_getfl(&file)?.difference(OFlags::NONBLOCK))?;
    Ok(file)
}
