//! Seeing that a file changed without reading it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Something that changes whenever a file may have: which file it is, its size and its times. Symbolic links are followed,
/// since Kubernetes changes a mounted ConfigMap by turning one. `None` if there is no such file.
pub fn stamp(path: &Path) -> Option<String> {
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
