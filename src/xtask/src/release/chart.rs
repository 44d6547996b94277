//! The manifests for Kubernetes, and the chart, as archives.

use std::fs;

use anyhow::Result;

use super::archive::{FileTree, gzip};
use super::{CommitTime, folder, version};
use crate::helm::CHART;
use crate::shell::root;

/// Writes both.
pub fn write() -> Result<()> {
    // Helm takes an archive of any name, and finds the chart in the folder of its name.
    for (name, top, sources) in [("chart", "pullgate", CHART), ("kubernetes", "kubernetes", "deploy/kubernetes")] {
        let mut tree = FileTree::default();
        tree.add_sources(top, sources)?;
        tree.add(format!("{top}/LICENSE"), fs::read(root().join("LICENSE"))?);
        let file = folder()?.join(format!("pullgate-{name}-{}.tgz", version()?));
        fs::write(file, gzip(&tree.tar(CommitTime::read()?.seconds)?)?)?;
    }
    Ok(())
}
