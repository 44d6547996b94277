//! Sets of repositories: namespaces without narrower ones, and no repository at all.

use serde::Serialize;

use crate::reference::repository;

use super::subtree_cover::{Part, Truths, parts};

/// Repositories of references.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repositories {
    /// Whether a login is meant, which names no repository.
    pub login: bool,
    /// Images, by where their repositories are.
    pub within: Vec<Within>,
}

/// The repositories at or below a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Within {
    /// The namespace; empty for all repositories.
    pub namespace: String,
    /// But not at or below these.
    pub except: Vec<String>,
}

/// The namespaces that count, and a repository for each that is in no narrower one.
pub(super) struct Tree {
    /// Sorted, the empty one first.
    pub namespaces: Vec<String>,
    /// None where the namespace is too long for a repository.
    pub examples: Vec<Option<String>>,
}

impl Tree {
    pub fn new(mut namespaces: Vec<String>) -> Self {
        namespaces.push(String::new());
        namespaces = crate::util::sort::sorted(namespaces, Ord::cmp);
        namespaces.dedup();
        let own = |repository: &str, namespace: &str| {
            let deepest = repository::namespaces(repository).find(|path| has(&namespaces, path));
            repository.len() <= repository::MAX_LENGTH && deepest.unwrap_or_default() == namespace
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
        Tree { namespaces, examples }
    }

    /// The set of these namespaces, without those below that are not chosen.
    pub fn set(&self, chosen: &dyn Fn(usize) -> bool, login: bool) -> Repositories {
        let parent = |namespace: &str| {
            let over = repository::namespaces(namespace)
                .skip(1)
                .find_map(|path| self.namespaces.binary_search_by(|other| other.as_str().cmp(path)).ok());
            u32::try_from(over.unwrap_or_default()).ok().filter(|_| !namespace.is_empty())
        };
        let nodes = self.namespaces.iter().zip(&self.examples).enumerate().map(|(place, (namespace, example))| {
            let truths = match (example, chosen(place)) {
                (None, _) => Truths::Empty,
                (_, true) => Truths::Are(vec![0]),
                (_, false) => Truths::Are(Vec::new()),
            };
            (parent(namespace), truths)
        });
        let text = |place: u32| self.namespaces.get(usize::try_from(place).ok()?).cloned();
        let within = |Part { root, except, .. }: Part| Within {
            namespace: text(root).unwrap_or_default(),
            except: except.into_iter().filter_map(text).collect(),
        };
        Repositories { login, within: parts(nodes).into_iter().map(within).collect() }
    }
}

fn has(namespaces: &[String], path: &str) -> bool {
    namespaces.binary_search_by(|other| other.as_str().cmp(path)).is_ok()
}

impl Repositories {
    /// In words; nothing where all is meant.
    pub(super) fn in_words(&self) -> String {
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
            (true, [Within { namespace, except }]) if namespace.is_empty() && except.is_empty() => {
                return String::new();
            }
            (true, _) => parts.push("logins".to_owned()),
            (false, _) => {}
        }
        format!(", {}", parts.join(" and "))
    }
}
