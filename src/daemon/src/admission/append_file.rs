//! The end of a file, where each line is whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::util::sanitize::io_error_reason;

/// A file that lines are added to.
pub struct AppendFile {
    path: PathBuf,
    file: File,
    /// Whether a part of a line stands at the end.
    has_partial_line: bool,
}

impl AppendFile {
    /// Opens it, or makes it.
    ///
    /// # Errors
    ///
    /// As open(2), with the path.
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

    /// Goes on in a new file where the old one was renamed.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open). The old one stays.
    pub fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path)?;
        Ok(())
    }

    /// Adds a line, with its end.
    ///
    /// # Errors
    ///
    /// As write(2). Of that line nothing is left that another one could be taken for a part of.
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

    /// Writes all of it, or says how much was written.
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

    /// Cuts off what was written last, if it is the last there is: another program may write there too.
    fn truncate_partial(&self, before: Option<u64>, written: u64) -> bool {
        before.is_some_and(|before| self.file_len() == Some(before + written) && self.file.set_len(before).is_ok())
    }

    /// How long it is, if it is a file on a disk.
    fn file_len(&self) -> Option<u64> {
        self.file.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
    }
}

fn byte_len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Opens a file without waiting: a pipe is had when somebody reads it, and only then.
fn open_nonblocking(path: &Path) -> io::Result<File> {
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().create(true).append(true).mode(0o640).custom_flags(at_once).open(path)?;
    // Writing may wait.
    fcntl_setfl(&file, fcntl_getfl(&file)?.difference(OFlags::NONBLOCK))?;
    Ok(file)
}
