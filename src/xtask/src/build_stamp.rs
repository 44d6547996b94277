//! Build stamps: files of SHA-256 digests, as `sha256sum --check` reads them. The comment in front has the digest of all
//! inputs and the toolchain, so that nothing is built twice from the same inputs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::shell::root;

/// The stamp of some files, beside them.
pub struct BuildStamp {
    path: PathBuf,
    files: &'static [&'static str],
}

impl BuildStamp {
    /// Returns the stamp `name` in `folder`, for `files` of that folder.
    pub fn new(folder: &Path, name: &str, files: &'static [&'static str]) -> Self {
        Self { path: folder.join(name), files }
    }

    /// Returns the tool that built the files, if it built them from these inputs and nothing changed them since.
    pub fn builder(&self, inputs: &str) -> Option<String> {
        let stamp = fs::read_to_string(&self.path).ok()?;
        let builder = stamp.lines().next()?.strip_prefix("# by ")?.strip_suffix(&format!(" from {inputs}"))?;
        (self.text(inputs, builder).ok()? == stamp).then(|| builder.to_owned())
    }

    /// Writes the stamp of the files in their present state.
    pub fn write(&self, inputs: &str, builder: &str) -> Result<()> {
        write(&self.path, self.text(inputs, builder)?.as_bytes())
    }

    fn text(&self, inputs: &str, builder: &str) -> Result<String> {
        let mut text = format!("# by {builder} from {inputs}\n");
        for name in self.files {
            let bytes = fs::read(self.path.with_file_name(name))?;
            text.push_str(&format!("{}  {name}\n", sha256(&bytes)));
        }
        Ok(text)
    }
}

/// Returns the digest of files and of all files in folders, given from the workspace's folder.
pub fn inputs(paths: &[&str]) -> Result<String> {
    let mut files = Vec::new();
    for path in paths {
        collect(&root().join(path), &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root())?.display().to_string();
        digest.update(format!("{name}\n{}\n", bytes.len()));
        digest.update(bytes);
    }
    Ok(base16ct::lower::encode_string(&digest.finalize()))
}

/// Returns the SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// Writes a file unless it has these bytes already, so that its time says when it changed.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}
