//! Files with secrets, which only their owner and group should be able to read.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pullgate_source::file_stamp::read_regular_file;

/// Permission of everybody to read.
const READABLE_BY_ALL: u32 = 0o004;

/// Reads a file with a secret. Warns if every user may read it.
///
/// # Errors
///
/// Those of read(2).
pub fn read_secret_file(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = read_regular_file(path)?;
    if fs::metadata(path).is_ok_and(|found| found.permissions().mode() & READABLE_BY_ALL != 0) {
        let file = path.display();
        tracing::warn!(%file, "every user may read this secret: `chmod o-r` takes that away");
    }
    Ok(bytes)
}
