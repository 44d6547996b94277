//! Requesters that two policies may treat differently: no project, a project, or a project of neither.

use crate::load::ParsedPolicy;
use crate::util::sort;

/// The project of compared requests.
pub(super) enum Requester {
    /// No project. Stands for any project if neither policy has projects.
    Unnamed,
    Project(String),
    /// A project that neither policy has.
    OtherProject(String),
}

impl Requester {
    pub fn project(&self) -> Option<&str> {
        match self {
            Requester::Unnamed => None,
            Requester::Project(name) | Requester::OtherProject(name) => Some(name),
        }
    }
}

/// Returns the projects whose requests the policies may decide differently.
pub(super) fn requesters(old: &ParsedPolicy<'_>, new: &ParsedPolicy<'_>) -> Vec<Requester> {
    let mut names: Vec<String> = Vec::new();
    for read in [old, new] {
        names.extend(read.document.projects.iter().flatten().map(|project| project.name.clone().into_owned()));
    }
    names = sort::sorted(names, Ord::cmp);
    names.dedup();
    let mut requesters = vec![Requester::Unnamed];
    // If both policies deny projects that they do not list, nothing changes for these. If neither has projects, requests
    // without one stand for all.
    let denied = old.policy.denies_unlisted_projects() && new.policy.denies_unlisted_projects();
    if !denied && (old.policy.has_projects() || new.policy.has_projects()) {
        let numbered = (2_u32..).map(|number| format!("another-{number}"));
        let other =
            std::iter::once("another".to_owned()).chain(numbered).find(|name| names.binary_search(name).is_err());
        requesters.extend(other.map(Requester::OtherProject));
    }
    requesters.extend(names.into_iter().map(Requester::Project));
    requesters
}
