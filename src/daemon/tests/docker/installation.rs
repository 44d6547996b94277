//! The installations of Docker Engine that the scenarios run under.

use std::env;
use std::path::{Path, PathBuf};

/// Programs of one version.
pub struct Installation {
    /// The folders of the programs, before those of the machine.
    folders: Vec<PathBuf>,
    /// The start of dockerd's version; any where it is empty.
    pub version: &'static str,
}

impl Installation {
    /// Returns the machine's own, of whatever version.
    pub fn of_machine() -> Self {
        Self { folders: Vec::new(), version: "" }
    }

    /// Returns the one that `cargo xtask engines` unpacks.
    pub fn unpacked() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../engines/root");
        assert!(root.exists(), "there is no newer engine: run `cargo xtask engines`");
        let root = root.canonicalize().unwrap();
        Self { folders: ["usr/bin", "usr/sbin"].map(|folder| root.join(folder)).to_vec(), version: "28." }
    }

    /// Returns the value of `PATH`.
    pub fn path(&self) -> String {
        let others = env::var_os("PATH").unwrap_or_default();
        let folders = self.folders.iter().cloned().chain(env::split_paths(&others)).chain(["/usr/sbin".into()]);
        env::join_paths(folders).unwrap().into_string().unwrap()
    }
}
