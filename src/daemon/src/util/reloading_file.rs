//! A value that is read from its files again when one of them may have changed. The policy store has a loop of its own:
//! its reads have a timeout, and it is also replaced over the API.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use pullgate_source::file_stamp::FileStamp;

/// A value parsed from files, with the stamps of the last read.
pub struct ReloadingFile<T> {
    paths: Vec<PathBuf>,
    current: ArcSwap<T>,
    /// The stamps before the last read, so that a change during the read causes another one.
    last_stamps: Mutex<Vec<Option<FileStamp>>>,
}

impl<T> ReloadingFile<T> {
    /// Reads the value for the first time.
    ///
    /// # Errors
    ///
    /// If the read fails.
    pub fn load<E>(paths: Vec<PathBuf>, read: impl FnOnce() -> Result<T, E>) -> Result<Self, E> {
        let last_stamps = Mutex::new(read_stamps(&paths));
        Ok(Self { paths, current: ArcSwap::from_pointee(read()?), last_stamps })
    }

    /// Reads the value again if a file may have changed. Returns whether it was read. On failure the previous value
    /// stays until the next change.
    ///
    /// # Errors
    ///
    /// If the read fails.
    pub fn refresh<E>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<bool, E> {
        if !self.take_change() {
            return Ok(false);
        }
        self.current.store(Arc::new(read()?));
        Ok(true)
    }

    /// Like [`refresh`](Self::refresh), but on failure the value is `fallback` until the next change.
    ///
    /// # Errors
    ///
    /// If the read fails.
    pub fn refresh_or<E>(&self, fallback: T, read: impl FnOnce() -> Result<T, E>) -> Result<bool, E> {
        if !self.take_change() {
            return Ok(false);
        }
        // In effect during the read too, which may take long.
        self.current.store(Arc::new(fallback));
        self.current.store(Arc::new(read()?));
        Ok(true)
    }

    /// Returns the current value.
    pub fn current(&self) -> Guard<Arc<T>> {
        self.current.load()
    }

    /// Returns the current value for a use that takes long.
    pub fn current_arc(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Returns whether a file may have changed since the last call.
    fn take_change(&self) -> bool {
        let stamps = read_stamps(&self.paths);
        let mut last_stamps = self.last_stamps.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last_stamps, stamps.clone()) != stamps
    }
}

fn read_stamps(paths: &[PathBuf]) -> Vec<Option<FileStamp>> {
    paths.iter().map(|path| FileStamp::read(path)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;

    use super::*;

    #[test]
    fn file_is_read_at_each_change_and_a_failure_keeps_the_value_or_falls_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let read = || fs::read_to_string(&path);
        for fallback in [None, Some("none")] {
            fs::write(&path, "first").unwrap();
            let file = ReloadingFile::load(vec![path.clone()], read).unwrap();
            let refresh = || match fallback {
                Some(text) => file.refresh_or(text.to_owned(), read),
                None => file.refresh(read),
            };
            assert!(!refresh().unwrap());
            assert_eq!(**file.current(), "first");
            fs::write(&path, "the second").unwrap();
            assert!(refresh().unwrap() && !refresh().unwrap());
            assert_eq!(**file.current(), "the second");
            fs::remove_file(&path).unwrap();
            assert_eq!(refresh().unwrap_err().kind(), io::ErrorKind::NotFound);
            assert!(!refresh().unwrap(), "nothing has changed since");
            assert_eq!(**file.current(), fallback.unwrap_or("the second"));
        }
    }
}
