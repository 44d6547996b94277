//! Change detection by file metadata (device, inode, size, mtime, ctime) through symbolic links, so that ConfigMap
//! updates are seen.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The metadata of a file that changes whenever its content may have changed. The default is that of no file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

impl FileStamp {
    /// Reads the stamp of a file. Symbolic links are followed, as Kubernetes updates a mounted ConfigMap by replacing
    /// one. `None` if there is no such file.
    pub fn read(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// Reads a whole file. A pipe or device is rejected before it is opened, as it could block.
///
/// # Errors
///
/// Those of read(2).
pub fn read_regular_file(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() && !found.is_dir() {
        return Err(io::Error::other("it is a pipe or a device, which cannot be read again: give the path of a file"));
    }
    fs::read(path)
}
