//! Sets of repositories: namespaces without narrower ones, and logins, which name no repository.

use serde::Serialize;

use crate::reference::repository;

use super::subtree_cover::{LabelledSubtree, Labels, minimal_cover};

/// A set of repositories of references.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositorySet {
    /// True if the set includes logins, which name no repository.
    pub login: bool,
    /// The repositories of images.
    pub within: Vec<NamespaceSubtree>,
}

/// The repositories at or below a namespace, with exceptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSubtree {
    /// The namespace; empty for all repositories.
    pub namespace: String,
    /// Namespaces that are excluded, with everything below them.
    pub except: Vec<String>,
}

/// The namespaces of the compared entries, each with a repository that is in no narrower one.
pub(super) struct NamespaceTree {
    /// Sorted, the empty one first.
    pub namespaces: Vec<String>,
    /// Example repositories; absent if the namespace is too long to have one.
    pub examples: Vec<Option<String>>,
}

impl NamespaceTree {
    pub fn new(mut namespaces: Vec<String>) -> Self {
        namespaces.push(String::new());
        namespaces = crate::util::sort::sorted(namespaces, Ord::cmp);
        namespaces.dedup();
        let own = |repository: &str, namespace: &str| {
            let deepest = repository::namespaces(repository).find(|path| contains_namespace(&namespaces, path));
            repository.len() <= repository::MAX_REPOSITORY_BYTES && deepest.unwrap_or_default() == namespace
        };
        let example = |namespace: &String| {
            if namespace.is_empty() {
                return std::iter::once("app".to_owned())
                    .chain((1_u32..).map(|number| format!("app{number}")))
                    .find(|path| own(path, ""));
            }
            Some(format!("{namespace}/app"))
                .filter(|path| own(path, namespace))
                .or(Some(namespace.clone()).filter(|path| own(path, namespace)))
        };
        let examples = namespaces.iter().map(example).collect();
        NamespaceTree { namespaces, examples }
    }

    /// Returns the set of the chosen namespaces, without narrower ones that are not chosen.
    pub fn subset(&self, chosen: &dyn Fn(usize) -> bool, login: bool) -> RepositorySet {
        let parent = |namespace: &str| {
            let over = repository::namespaces(namespace)
                .skip(1)
                .find_map(|path| self.namespaces.binary_search_by(|other| other.as_str().cmp(path)).ok());
            u32::try_from(over.unwrap_or_default()).ok().filter(|_| !namespace.is_empty())
        };
        let nodes = self.namespaces.iter().zip(&self.examples).enumerate().map(|(position, (namespace, example))| {
            let labels = match (example, chosen(position)) {
                (None, _) => Labels::Inherited,
                (_, true) => Labels::Own(vec![0]),
                (_, false) => Labels::Own(Vec::new()),
            };
            (parent(namespace), labels)
        });
        let text = |position: u32| self.namespaces.get(usize::try_from(position).ok()?).cloned();
        let within = |LabelledSubtree { root, except, .. }: LabelledSubtree| NamespaceSubtree {
            namespace: text(root).unwrap_or_default(),
            except: except.into_iter().filter_map(text).collect(),
        };
        RepositorySet { login, within: minimal_cover(nodes).into_iter().map(within).collect() }
    }
}

fn contains_namespace(namespaces: &[String], path: &str) -> bool {
    namespaces.binary_search_by(|other| other.as_str().cmp(path)).is_ok()
}

impl RepositorySet {
    /// Returns the set in words; empty if it includes everything.
    pub(super) fn describe(&self) -> String {
        let list =
            |namespaces: &[String]| namespaces.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
        let parts = self.within.iter().map(|within| match (within.namespace.as_str(), within.except.as_slice()) {
            ("", []) => "every repository".to_owned(),
            ("", except) => format!("repositories outside {}", list(except)),
            (namespace, []) => format!("repositories in `{namespace}`"),
            (namespace, except) => format!("repositories in `{namespace}` but not in {}", list(except)),
        });
        let mut parts: Vec<String> = parts.collect();
        match (self.login, self.within.as_slice()) {
            (true, [NamespaceSubtree { namespace, except }]) if namespace.is_empty() && except.is_empty() => {
                return String::new();
            }
            (true, _) => parts.push("logins".to_owned()),
            (false, _) => {}
        }
        format!(", {}", parts.join(" and "))
    }
}
