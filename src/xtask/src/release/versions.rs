//! The version of the workspace, in every place that repeats it.

use std::fs;

use anyhow::{Context, Result, bail};

use super::version;
use crate::shell::root;

/// A place that repeats the version: a file, and the text before it. The package of the WIT has a version of its own,
/// which changes with the interface.
const PLACES: &[(&str, &str)] = &[
    ("CHANGELOG.md", "\n## "),
    ("Cargo.toml", "pullgate = { version = \""),
    ("Cargo.toml", "pullgate-connect = { version = \""),
    ("Cargo.toml", "pullgate-host = { version = \""),
    ("Cargo.toml", "pullgate-replay = { version = \""),
    ("Cargo.toml", "pullgate-runtimes = { version = \""),
    ("Cargo.toml", "pullgate-source = { version = \""),
    ("deploy/container/Containerfile", "/pullgate:"),
    ("deploy/helm/pullgate/Chart.yaml", "\nappVersion: "),
    ("deploy/helm/pullgate/Chart.yaml", "\nversion: "),
    ("deploy/kubernetes/base/deployment.yaml", "/pullgate:"),
    ("docs/kubernetes.md", "/pullgate:"),
    ("pkg/package.json", "\n  \"version\": \""),
];

/// Compares the version in all places with the workspace's.
///
/// # Errors
///
/// If one is another, or not there.
pub fn check() -> Result<()> {
    let version = version()?;
    let mut others = Vec::new();
    for (file, before) in PLACES {
        let text = fs::read_to_string(root().join(file)).with_context(|| format!("cannot read {file}"))?;
        match version_after(&text, before) {
            Some(found) if found == version => {}
            Some(found) => others.push(format!("{file} has {found}")),
            None => others.push(format!("{file} has none after `{}`", before.trim())),
        }
    }
    if !others.is_empty() {
        bail!("the version is {version}, but {}", others.join(", "));
    }
    println!("{version}, in {} places", PLACES.len());
    Ok(())
}

/// Returns the version behind the first occurrence of a text.
fn version_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
    let version = rest.get(..end)?.trim_end_matches('.');
    (version.split('.').count() == 3).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_the_version_of_the_workspace() {
        check().unwrap();
    }

    #[test]
    fn version_ends_where_its_numbers_do() {
        assert_eq!(version_after("image: r/pullgate:1.20.3\n", "/pullgate:"), Some("1.20.3"));
        assert_eq!(version_after("as of 1.2.3.", "as of "), Some("1.2.3"));
        assert_eq!(version_after("## Unreleased", "## "), None);
        assert_eq!(version_after("nothing", "## "), None);
    }
}
