//! Change detection by file metadata (device, inode, size, mtime, ctime) through symbolic links, so that ConfigMap
//! updates are seen.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

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

/// Returns a stamp that changes whenever the file may have changed: device, inode, size, and times. Symbolic links are
/// followed, as Kubernetes updates a mounted ConfigMap by replacing one. `None` if there is no such file.
pub fn file_stamp(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    Some(format!(
        "{}:{}:{}:{}.{}:{}.{}",
        found.dev(),
        found.ino(),
        found.size(),
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec()
    ))
}
