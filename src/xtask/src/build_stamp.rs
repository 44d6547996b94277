//! Records of what was built from what: a file of SHA-256 digests, as `sha256sum --check` reads it, with the digest of
//! all inputs and the way of building in a comment in front.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::command::root;

/// A record beside the files that it is about.
pub struct Record {
    path: PathBuf,
    files: &'static [&'static str],
}

impl Record {
    /// The record `name` in `folder`, about `files` of that folder.
    pub fn new(folder: &Path, name: &str, files: &'static [&'static str]) -> Self {
        Self { path: folder.join(name), files }
    }

    /// How the files were made, if they were made from these inputs and are as they were then.
    pub fn made_by(&self, inputs: &str) -> Option<String> {
        let recorded = fs::read_to_string(&self.path).ok()?;
        let by = recorded.lines().next()?.strip_prefix("# by ")?.strip_suffix(&format!(" from {inputs}"))?;
        (self.text(inputs, by).ok()? == recorded).then(|| by.to_owned())
    }

    /// Records the files as they are.
    pub fn write(&self, inputs: &str, by: &str) -> Result<()> {
        write(&self.path, self.text(inputs, by)?.as_bytes())
    }

    fn text(&self, inputs: &str, by: &str) -> Result<String> {
        let mut text = format!("# by {by} from {inputs}\n");
        for name in self.files {
            let bytes = fs::read(self.path.with_file_name(name))?;
            text.push_str(&format!("{}  {name}\n", hex(&Sha256::digest(bytes))));
        }
        Ok(text)
    }
}

/// The digest of files and of all files in folders, given from the workspace's folder.
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
    Ok(hex(&digest.finalize()))
}

/// The SHA-256 of some bytes, in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Writes a file, unless it is that already: what is built from it need not be built again.
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
