//! Archives whose bytes follow from the files alone: in order, of root's, all with one time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};
use xshell::cmd;

use crate::shell::{root, shell};

/// The mode of a program and of a folder.
const EXECUTABLE: u32 = 0o755;
/// The mode of every other file.
const READABLE: u32 = 0o644;

/// A tree of files, by their paths.
#[derive(Default)]
pub struct FileTree {
    files: BTreeMap<String, (Vec<u8>, u32)>,
}

impl FileTree {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<String>, content: Vec<u8>) {
        self.files.insert(path.into(), (content, READABLE));
    }

    /// Adds a program.
    pub fn add_program(&mut self, path: impl Into<String>, content: Vec<u8>) {
        self.files.insert(path.into(), (content, EXECUTABLE));
    }

    /// Adds all files of a folder of the workspace below `prefix`, but what git ignores: keys may lie beside manifests.
    /// Scripts are programs.
    pub fn add_sources(&mut self, prefix: &str, folder: &str) -> Result<()> {
        let sh = shell()?;
        let names = cmd!(sh, "git ls-files --cached --others --exclude-standard -z -- {folder}").quiet().read()?;
        for name in names.split('\0').filter(|name| !name.is_empty()) {
            let content = fs::read(root().join(name)).with_context(|| format!("cannot read {name}"))?;
            let inside = format!("{prefix}{}", name.strip_prefix(folder).unwrap_or(name));
            match content.starts_with(b"#!") {
                true => self.add_program(inside, content),
                false => self.add(inside, content),
            }
        }
        Ok(())
    }

    /// Returns the tree as a tar archive, with every folder before what is in it.
    pub fn tar(&self, seconds: u64) -> Result<Vec<u8>> {
        let mut builder = Builder::new(Vec::new());
        let parents = self.files.keys().flat_map(|path| Path::new(path).ancestors().skip(1));
        let folders: BTreeSet<&Path> = parents.filter(|folder| *folder != Path::new("")).collect();
        for folder in folders {
            let mut header = header(EntryType::Directory, EXECUTABLE, seconds);
            builder.append_data(&mut header, format!("{}/", folder.display()), &[][..])?;
        }
        for (path, (content, mode)) in &self.files {
            let mut header = header(EntryType::Regular, *mode, seconds);
            header.set_size(content.len().try_into()?);
            builder.append_data(&mut header, path, content.as_slice())?;
        }
        Ok(builder.into_inner()?)
    }
}

fn header(kind: EntryType, mode: u32, seconds: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(seconds);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// Returns the bytes with gzip, without a name or a time in its header.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder: GzEncoder<Vec<u8>> = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_has_every_folder_once_and_the_order_of_names() {
        let mut tree = FileTree::default();
        tree.add_program("p/b/run", b"run".to_vec());
        tree.add("p/a", b"text".to_vec());
        let bytes = tree.tar(7).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let (path, header) = (entry.path().unwrap().display().to_string(), entry.header());
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 7));
            (path, header.mode().unwrap(), header.size().unwrap())
        });
        let expected = [("p/", 0o755, 0), ("p/b/", 0o755, 0), ("p/a", 0o644, 4), ("p/b/run", 0o755, 3)];
        let expected = expected.map(|(path, mode, size)| (path.to_owned(), mode, size));
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn same_files_give_same_bytes_in_any_order() {
        let tree = |names: [&str; 2]| {
            let mut tree = FileTree::default();
            for name in names {
                tree.add(name, name.as_bytes().to_vec());
            }
            gzip(&tree.tar(1).unwrap()).unwrap()
        };
        assert_eq!(tree(["a", "b"]), tree(["b", "a"]));
        assert_ne!(tree(["a", "b"]), tree(["a", "c"]));
    }
}
