//! The policy of a daemon in its file: read, watched by its stamp, and replaced atomically. A file that cannot be read
//! repeatedly is rejected before it is opened, as a pipe would block the reader.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use pullgate::{Finding, Severity};
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::error::{InputError, io_error_reason};
use crate::file_stamp::FileStamp;
use crate::findings;
use crate::input::is_stdin;
use crate::policy_source::{LocatedFinding, PolicySource, is_toml};

/// A policy file, JSON or TOML, or a built-in JSON text in its place.
#[derive(Clone, Debug)]
pub struct PolicyFile(PolicyLocation);

#[derive(Clone, Debug)]
enum PolicyLocation {
    File(PathBuf),
    BuiltIn(Cow<'static, str>),
}

/// An error of reading or replacing a policy file. The texts are human-readable.
#[derive(Debug, Error)]
pub enum PolicyFileError {
    /// The path is `-`.
    #[error(
        "the policy cannot come from standard input: it is read again on SIGHUP and when it changes\n\
         give the path of a file"
    )]
    StandardInput,
    /// The file cannot be found.
    #[error("cannot read the policy file `{path}`: {reason}\ngive the path of the policy file")]
    NotFound {
        /// The path.
        path: PathBuf,
        /// The system's error.
        reason: String,
    },
    /// The path is that of a directory.
    #[error("cannot read the policy file `{0}`: it is a directory\ngive the path of a file in it")]
    Directory(PathBuf),
    /// The path is that of a pipe or a device.
    #[error(
        "cannot read the policy file `{0}`: it is a pipe or a device\n\
         the policy is read again on SIGHUP and when it changes: give the path of a file"
    )]
    NotRegular(PathBuf),
    /// The file cannot be read.
    #[error("{message}{}", help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default())]
    Unreadable {
        /// The message.
        message: String,
        /// The remedy.
        help: Option<String>,
    },
    /// The text is no document; with its findings, rendered.
    #[error("{0}")]
    InvalidText(String),
    /// The file to be replaced by JSON is TOML.
    #[error("`{0}` is TOML, and what comes over the API is JSON: keep the policy in a JSON file")]
    Toml(PathBuf),
    /// The file cannot be written.
    #[error("cannot write `{path}`: {}", io_error_reason(.error))]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A built-in text cannot be replaced.
    #[error("the example policy is in no file")]
    BuiltIn,
}

impl PolicyFile {
    /// Creates the policy file with a path; nothing is read.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(PolicyLocation::File(path.into()))
    }

    /// Creates a policy of a constant JSON text, in no file.
    pub fn built_in(json: impl Into<Cow<'static, str>>) -> Self {
        Self(PolicyLocation::BuiltIn(json.into()))
    }

    /// Reads the policy.
    ///
    /// # Errors
    ///
    /// [`PolicyFileError::InvalidText`] if the text is no document, and others if the file cannot be read.
    pub fn read(&self) -> Result<PolicySource, PolicyFileError> {
        let path = match &self.0 {
            PolicyLocation::File(path) => path,
            PolicyLocation::BuiltIn(json) => return Ok(PolicySource::from_json("the example policy", json)),
        };
        require_regular_file(path)?;
        let (document, located) = PolicySource::read(path)
            .map_err(|InputError { message, help }| PolicyFileError::Unreadable { message, help })?;
        if located.is_empty() { Ok(document) } else { Err(PolicyFileError::InvalidText(render(&document, &located))) }
    }

    /// Returns a stamp that changes whenever the text may have changed, without reading it; `None` if there is no file.
    pub fn file_stamp(&self) -> Option<FileStamp> {
        match &self.0 {
            PolicyLocation::File(path) => FileStamp::read(path),
            PolicyLocation::BuiltIn(_) => Some(FileStamp::default()),
        }
    }

    /// Replaces the text by a JSON document, atomically.
    ///
    /// # Errors
    ///
    /// If the file is TOML or cannot be written, or there is none.
    pub fn replace(&self, json: &str) -> Result<(), PolicyFileError> {
        let PolicyLocation::File(path) = &self.0 else { return Err(PolicyFileError::BuiltIn) };
        require_regular_file(path)?;
        let old = fs::read_to_string(path).unwrap_or_default();
        if is_toml(path, &old) {
            return Err(PolicyFileError::Toml(path.clone()));
        }
        replace_file(path, json).map_err(|error| PolicyFileError::Unwritable { path: path.clone(), error })
    }

    /// Renders findings about the text that was read as `pullgate check` does, without colours. Warnings about a
    /// built-in text are left out, as its reader cannot change it.
    pub fn render_findings(&self, document: &PolicySource, mut findings: Vec<Finding>) -> String {
        if let PolicyLocation::BuiltIn(_) = self.0 {
            findings.retain(|finding| finding.severity == Severity::Error);
        }
        if findings.is_empty() { String::new() } else { render(document, &document.locate(findings)) }
    }
}

fn require_regular_file(path: &Path) -> Result<(), PolicyFileError> {
    let owned = || path.to_owned();
    if is_stdin(path) {
        return Err(PolicyFileError::StandardInput);
    }
    match fs::metadata(path) {
        Err(error) => Err(PolicyFileError::NotFound { path: owned(), reason: io_error_reason(&error) }),
        Ok(found) if found.is_dir() => Err(PolicyFileError::Directory(owned())),
        Ok(found) if !found.is_file() => Err(PolicyFileError::NotRegular(owned())),
        Ok(_) => Ok(()),
    }
}

/// Replaces a file atomically: a reader gets the old or the new text, even after a power failure.
fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    // A symbolic link is kept; its target is replaced.
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    // The file is replaced by now, even if this fails.
    if let Err(error) = fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::warn!(%error, "the new policy file may be gone after a power failure");
    }
    Ok(())
}

fn render(document: &PolicySource, located: &[LocatedFinding]) -> String {
    let lines = findings::render(document.sources(), located);
    let count = findings::severity_counts(located.iter().map(|located| located.finding.severity));
    let name = &document.sources()[0].name;
    strip_str(&format!("{}{name}: {count}", lines.join("\n"))).to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use pullgate::check_policy;

    use super::*;

    #[test]
    fn replaced_file_keeps_its_mode_and_its_link_and_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("policy.json"), folder.path().join("link.json"));
        fs::write(&target, "{}").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&target, &link).unwrap();
        let file = PolicyFile::new(&link);
        let before = file.file_stamp().unwrap();
        file.replace(r#"{"whitelist":[]}"#).unwrap();
        assert_eq!(file.read().unwrap().json(), r#"{"whitelist":[]}"#);
        assert_ne!(file.file_stamp(), Some(before));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn toml_is_read_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, "whitelist = []").unwrap();
        let file = PolicyFile::new(&path);
        assert_eq!(file.read().unwrap().json(), r#"{"whitelist":[]}"#);
        assert!(matches!(file.replace("{}"), Err(PolicyFileError::Toml(_))));
        fs::write(&path, "whitelist = [").unwrap();
        assert!(matches!(file.read(), Err(PolicyFileError::InvalidText(_))));
    }

    #[test]
    fn files_that_cannot_be_read_again_are_rejected() {
        assert!(matches!(PolicyFile::new("-").read(), Err(PolicyFileError::StandardInput)));
        assert!(matches!(PolicyFile::new("/dev/null").read(), Err(PolicyFileError::NotRegular(_))));
        assert!(matches!(PolicyFile::new("/").read(), Err(PolicyFileError::Directory(_))));
        let missing = PolicyFile::new("/no/such/file").read().err().unwrap().to_string();
        assert_eq!(
            missing,
            "cannot read the policy file `/no/such/file`: no such file or directory\ngive the path of the policy file"
        );
    }

    #[test]
    fn built_in_text_has_a_constant_stamp_and_renders_errors_only() {
        let rendered = |json: &'static str| {
            let file = PolicyFile::built_in(json);
            assert_eq!(file.file_stamp(), PolicyFile::built_in("{}").file_stamp());
            assert!(matches!(file.replace("{}"), Err(PolicyFileError::BuiltIn)));
            let document = file.read().unwrap();
            let findings = check_policy(document.json(), 0).findings;
            assert!(!findings.is_empty());
            file.render_findings(&document, findings)
        };
        assert_eq!(rendered(r#"{"insecure":["10.2.2.1/24"]}"#), "");
        assert!(rendered(r#"{"insecure":["h:99999"]}"#).contains("port-invalid"));
    }
}
