//! Files that are read again when they change: seeing that they did without reading them, and reading them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Reads a file whole. What is no file, such as a pipe, is refused before it is opened: it could hold up who reads it.
///
/// # Errors
///
/// As read(2).
pub fn read_regular_file(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() && !found.is_dir() {
        return Err(io::Error::other("it is a pipe or a device, which cannot be read again: give the path of a file"));
    }
    fs::read(path)
}

/// Something that changes whenever a file may have: which file it is, its size and its times. Symbolic links are followed,
/// since Kubernetes changes a mounted ConfigMap by turning one. `None` if there is no such file.
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
