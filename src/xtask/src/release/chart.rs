//! The manifests for Kubernetes, and the chart, as archives.

use std::fs;

use anyhow::Result;

use super::archive::{FileTree, gzip};
use super::{CommitTime, folder, version};
use crate::helm::{self, CHART};
use crate::shell::root;

/// Writes both, after the chart has been rendered where there is Helm.
pub fn write() -> Result<()> {
    helm::check()?;
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
