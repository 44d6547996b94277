//! The requesters that two policies may tell apart: no project, a project, or a project of neither.

use crate::load::Read;
use crate::util::sort;

/// On whose behalf a request is made.
pub(super) enum Who {
    /// Nobody's, and where neither policy has projects anybody's.
    Nobody,
    Project(String),
    /// Of a project that neither policy has.
    Others(String),
}

impl Who {
    pub fn project(&self) -> Option<&str> {
        match self {
            Who::Nobody => None,
            Who::Project(name) | Who::Others(name) => Some(name),
        }
    }
}

/// On whose behalf there can be requests that the policies may tell apart.
pub(super) fn requesters(old: &Read<'_>, new: &Read<'_>) -> Vec<Who> {
    let mut names: Vec<String> = Vec::new();
    for read in [old, new] {
        names.extend(read.document.projects.iter().flatten().map(|project| project.name.clone().into_owned()));
    }
    names = sort::sorted(names, Ord::cmp);
    names.dedup();
    let mut whos = vec![Who::Nobody];
    // Where one policy only has projects, it denies what the other takes no notice of.
    if old.policy.has_projects() != new.policy.has_projects() {
        let numbered = (2_u32..).map(|number| format!("another-{number}"));
        let other =
            std::iter::once("another".to_owned()).chain(numbered).find(|name| names.binary_search(name).is_err());
        whos.extend(other.map(Who::Others));
    }
    whos.extend(names.into_iter().map(Who::Project));
    whos
}
