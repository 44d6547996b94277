//! The files of a host below a root folder: read for comparison, and written whole.
//!
//! A file is written next to its place, synchronized and renamed, so that no reader sees a part of it. All files of an
//! export are prepared before the first one takes its place.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use pullgate_source::io_error_reason;
use serde::Serialize;
use tempfile::NamedTempFile;
use thiserror::Error;

/// Maximum size of a file that is read, far above that of any configuration.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// Maximum number of symbolic links that are followed.
const MAX_LINKS: usize = 16;

/// The files of a host: those below a folder, or texts in memory.
#[derive(Clone, Debug)]
pub struct HostFiles(Storage);

#[derive(Clone, Debug)]
enum Storage {
    Folder(PathBuf),
    /// Texts by their absolute paths.
    Memory(BTreeMap<String, String>),
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigFile {
    /// The path below the root.
    pub path: String,
    /// The permissions of a new file.
    pub mode: u32,
    /// The content.
    #[serde(flatten)]
    pub content: FileContent,
    /// True if the file was there, and its other members were kept.
    #[serde(rename = "merged")]
    pub is_merged: bool,
}

/// The content of a file to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// A text.
    Text(String),
    /// A symbolic link to this path.
    Link(String),
}

/// A file that cannot be read or written.
#[derive(Debug, Error)]
#[error("cannot {action} `{path}`: {}", io_error_reason(.error))]
pub struct HostFileError {
    /// The verb.
    pub action: &'static str,
    /// The path.
    pub path: PathBuf,
    /// The error.
    pub error: io::Error,
}

impl ConfigFile {
    /// Creates a text that everybody may read.
    pub fn text(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), mode: 0o644, content: FileContent::Text(text.into()), is_merged: false }
    }

    /// Says that other members of the file were kept.
    pub fn merged(mut self, is_merged: bool) -> Self {
        self.is_merged = is_merged;
        self
    }
}

impl HostFiles {
    /// Returns the files below a root folder, `/` for those of this machine.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self(Storage::Folder(root.into()))
    }

    /// Returns a host without any files.
    pub fn none() -> Self {
        Self::of_texts([])
    }

    /// Returns a host that has these texts, each with its absolute path, and nothing else. Nothing can be written to
    /// it.
    pub fn of_texts(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Storage::Memory(texts.into_iter().collect()))
    }

    fn root(&self) -> Option<&Path> {
        match &self.0 {
            Storage::Folder(root) => Some(root),
            Storage::Memory(_) => None,
        }
    }

    /// Returns a text in memory.
    fn text_in_memory(&self, path: &str) -> Option<&String> {
        match &self.0 {
            Storage::Folder(_) => None,
            Storage::Memory(texts) => texts.get(path),
        }
    }

    /// Returns the place of a path of the host, with symbolic links resolved below the root; `None` if it is not there.
    fn locate(&self, path: &str) -> Option<PathBuf> {
        let root = self.root()?;
        let mut place = root.to_owned();
        let mut rest: Vec<_> = Path::new(path.trim_start_matches('/'))
            .components()
            .rev()
            .map(|part| part.as_os_str().to_owned())
            .collect();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            match part.to_str() {
                Some("..") if place != root => drop(place.pop()),
                Some("." | ".." | "/") => {}
                _ => {
                    let next = place.join(&part);
                    match fs::symlink_metadata(&next) {
                        Ok(metadata) if metadata.is_symlink() => {
                            links += 1;
                            let target = fs::read_link(&next).ok().filter(|_| links <= MAX_LINKS)?;
                            if target.is_absolute() {
                                root.clone_into(&mut place);
                            }
                            rest.extend(target.components().rev().map(|part| part.as_os_str().to_owned()));
                        }
                        Ok(_) => place = next,
                        Err(_) => return None,
                    }
                }
            }
        }
        Some(place)
    }

    /// Reads a text; `None` if there is no such file. What is not UTF-8 becomes U+FFFD.
    pub fn read(&self, path: &str) -> Result<Option<String>, HostFileError> {
        if let Some(text) = self.text_in_memory(path) {
            return Ok(Some(text.clone()));
        }
        let Some(place) = self.locate(path).filter(|place| place.is_file()) else { return Ok(None) };
        let failed = |error| HostFileError { action: "read", path: place.clone(), error };
        if fs::metadata(&place).map_err(failed)?.len() > MAX_FILE_BYTES {
            return Err(failed(io::Error::other(format!("it has over {MAX_FILE_BYTES} bytes"))));
        }
        let bytes = fs::read(&place).map_err(failed)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Returns the names in a folder, sorted; `None` if there is no such folder.
    pub fn names_in(&self, path: &str) -> Option<Vec<String>> {
        if let Storage::Memory(texts) = &self.0 {
            let folder = format!("{}/", path.trim_end_matches('/'));
            let below = texts.keys().filter_map(|text| text.strip_prefix(&folder));
            let mut names: Vec<_> = below.filter_map(|rest| Some(rest.split('/').next()?.to_owned())).collect();
            // The paths are sorted, and the names need not be: `-` is before `/`.
            names.sort();
            names.dedup();
            return Some(names).filter(|names| !names.is_empty());
        }
        let entries = fs::read_dir(self.locate(path)?).ok()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.collect();
        names.sort();
        Some(names)
    }

    /// Returns whether there is a folder.
    pub fn is_folder(&self, path: &str) -> bool {
        match &self.0 {
            Storage::Folder(_) => self.locate(path).is_some_and(|place| place.is_dir()),
            Storage::Memory(_) => self.names_in(path).is_some(),
        }
    }

    /// Returns whether there is a file.
    pub fn is_file(&self, path: &str) -> bool {
        self.text_in_memory(path).is_some() || self.locate(path).is_some_and(|place| place.is_file())
    }

    /// Returns whether there is a file that can be executed.
    pub fn is_executable(&self, path: &str) -> bool {
        let metadata = self.locate(path).and_then(|place| fs::metadata(place).ok());
        metadata.is_some_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    }

    /// Returns the path of the file that a path leads to, as the host has it.
    pub fn target_of(&self, path: &str) -> Option<String> {
        if self.text_in_memory(path).is_some() {
            return Some(path.to_owned());
        }
        let place = self.locate(path)?;
        let below = place.strip_prefix(self.root()?).ok()?;
        Some(format!("/{}", below.display()))
    }

    /// Writes files. Those that are there are replaced, with their permissions kept; a symbolic link to a file stays
    /// one.
    pub fn write(&self, files: &[ConfigFile]) -> Result<Vec<PathBuf>, HostFileError> {
        let Some(root) = self.root() else { return Ok(Vec::new()) };
        let mut prepared = Vec::new();
        for file in files {
            let place = match (self.locate(&file.path), &file.content) {
                (Some(place), FileContent::Text(_)) => place,
                _ => root.join(file.path.trim_start_matches('/')),
            };
            let failed = |error| HostFileError { action: "write", path: place.clone(), error };
            let folder = place.parent().unwrap_or(root).to_owned();
            fs::create_dir_all(&folder).map_err(failed)?;
            let replacement = Replacement::prepare(&place, &folder, file).map_err(failed)?;
            prepared.push((place, folder, replacement));
        }
        let mut written = Vec::new();
        for (place, folder, replacement) in prepared {
            let failed = |error| HostFileError { action: "write", path: place.clone(), error };
            replacement.take_place(&place).map_err(failed)?;
            // Without this the new name can be lost with the power, though not the old file.
            File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
            written.push(place);
        }
        Ok(written)
    }
}

/// A file that is written, and not in its place yet.
enum Replacement {
    Text(NamedTempFile),
    Link(tempfile::TempPath),
}

impl Replacement {
    fn prepare(place: &Path, folder: &Path, file: &ConfigFile) -> io::Result<Self> {
        match &file.content {
            FileContent::Text(text) => {
                let mut temporary = tempfile::Builder::new().prefix(".pullgate-").tempfile_in(folder)?;
                temporary.write_all(text.as_bytes())?;
                let permissions = match fs::metadata(place) {
                    Ok(metadata) => metadata.permissions(),
                    Err(_) => Permissions::from_mode(file.mode),
                };
                temporary.as_file().set_permissions(permissions)?;
                temporary.as_file().sync_all()?;
                Ok(Self::Text(temporary))
            }
            FileContent::Link(target) => {
                let make = |path: &Path| symlink(OsStr::new(target), path);
                Ok(Self::Link(tempfile::Builder::new().prefix(".pullgate-").make_in(folder, make)?.into_temp_path()))
            }
        }
    }

    fn take_place(self, place: &Path) -> io::Result<()> {
        match self {
            Self::Text(file) => file.persist(place).map(drop).map_err(|failed| failed.error),
            Self::Link(link) => link.persist(place).map_err(|failed| failed.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_keep_their_permissions() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::below(root.path());
        let link = ConfigFile {
            path: "/opt/bin/verifier".to_owned(),
            mode: 0,
            content: FileContent::Link("/usr/bin/pullgate".to_owned()),
            is_merged: false,
        };
        files.write(&[ConfigFile::text("/etc/x/a.json", "1"), link.clone()]).unwrap();
        let place = root.path().join("etc/x/a.json");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o644);
        fs::set_permissions(&place, Permissions::from_mode(0o600)).unwrap();
        files.write(&[ConfigFile::text("/etc/x/a.json", "2"), link]).unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "2");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_link(root.path().join("opt/bin/verifier")).unwrap(), Path::new("/usr/bin/pullgate"));
        assert_eq!(files.names_in("/etc/x").unwrap(), ["a.json"], "no temporary file stays");
    }

    #[test]
    fn links_are_resolved_below_the_root() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::below(root.path());
        fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        fs::create_dir_all(root.path().join("opt")).unwrap();
        fs::write(root.path().join("usr/bin/p"), "x").unwrap();
        symlink("/usr/bin/p", root.path().join("opt/absolute")).unwrap();
        symlink("../../../usr/bin/p", root.path().join("opt/relative")).unwrap();
        symlink("/etc/passwd", root.path().join("opt/outside")).unwrap();
        symlink("loop", root.path().join("opt/loop")).unwrap();
        for link in ["/opt/absolute", "/opt/relative"] {
            assert_eq!(files.target_of(link).as_deref(), Some("/usr/bin/p"));
            assert_eq!(files.read(link).unwrap().as_deref(), Some("x"));
        }
        assert!(!files.is_file("/opt/outside") && !files.is_file("/opt/loop"));
        assert_eq!(files.read("/opt/nothing").unwrap(), None);
    }

    #[test]
    fn texts_in_memory_are_files_of_folders() {
        let texts = ["/etc/x/a/b.toml", "/etc/x/a-b", "/etc/x/c"].map(|path| (path.to_owned(), path.to_owned()));
        let files = HostFiles::of_texts(texts);
        assert_eq!(files.names_in("/etc/x").unwrap(), ["a", "a-b", "c"]);
        assert_eq!(files.names_in("/etc/x/a/").unwrap(), ["b.toml"]);
        assert_eq!(files.read("/etc/x/c").unwrap().as_deref(), Some("/etc/x/c"));
        assert!(files.is_folder("/etc") && files.is_file("/etc/x/c") && !files.is_file("/etc/x"));
        assert!(
            !files.is_folder("/etc/x/c") && files.names_in("/et").is_none() && files.read("/etc").unwrap().is_none()
        );
        assert_eq!(files.target_of("/etc/x/c").as_deref(), Some("/etc/x/c"));
        assert_eq!(files.write(&[ConfigFile::text("/a", "1")]).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn nothing_takes_its_place_if_one_file_cannot_be_written() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::below(root.path());
        fs::write(root.path().join("file"), "").unwrap();
        let error = files.write(&[ConfigFile::text("/a", "1"), ConfigFile::text("/file/b", "2")]).unwrap_err();
        assert!(error.to_string().contains("cannot write"), "{error}");
        assert!(!files.is_file("/a"));
    }
}
