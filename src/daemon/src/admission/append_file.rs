//! The end of a file, where each line is whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::util::sanitize::reason;

/// A file that lines are added to.
pub struct Lines {
    path: PathBuf,
    file: File,
    /// Whether a part of a line stands at the end.
    is_torn: bool,
}

impl Lines {
    /// Opens it, or makes it.
    ///
    /// # Errors
    ///
    /// As open(2), with the path.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open(path).map_err(|error| {
            let why = if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
                "it is a pipe or a socket that nobody reads".to_owned()
            } else {
                reason(&error)
            };
            io::Error::new(error.kind(), format!("`{}`: {why}", path.display()))
        })?;
        Ok(Self { path: path.to_owned(), file, is_torn: false })
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
    pub fn add(&mut self, line: &str) -> io::Result<()> {
        if self.is_torn {
            self.write(b"\n").map_err(|(_, error)| error)?;
            self.is_torn = false;
        }
        let before = self.length();
        self.write(line.as_bytes()).map_err(|(written, error)| {
            self.is_torn = written > 0 && !self.takes_back(before, written);
            error
        })
    }

    /// Writes all of it, or says how much was written.
    fn write(&mut self, bytes: &[u8]) -> Result<(), (u64, io::Error)> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err((length(bytes) - length(rest), io::ErrorKind::WriteZero.into())),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((length(bytes) - length(rest), error)),
            }
        }
        Ok(())
    }

    /// Cuts off what was written last, if it is the last there is: another program may write there too.
    fn takes_back(&self, before: Option<u64>, written: u64) -> bool {
        before.is_some_and(|before| self.length() == Some(before + written) && self.file.set_len(before).is_ok())
    }

    /// How long it is, if it is a file on a disk.
    fn length(&self) -> Option<u64> {
        self.file.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Opens a file without waiting: a pipe is had when somebody reads it, and only then.
fn open(path: &Path) -> io::Result<File> {
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().create(true).append(true).mode(0o640).custom_flags(at_once).open(path)?;
    // Writing may wait.
    fcntl_setfl(&file, fcntl_getfl(&file)?.difference(OFlags::NONBLOCK))?;
    Ok(file)
}
