//! The crates of others: their licences and sources, held against `deny.toml`, and the bills of materials.

mod licence;
mod npm_audit;
pub mod sbom;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use toml::Table;

use crate::shell::{cargo, exists_subcommand, root, shell};

/// Holds licences, sources and bans against `deny.toml`.
///
/// # Errors
///
/// If a crate is not as the file says, or if cargo or the file cannot be read.
pub fn check() -> Result<()> {
    let rules = DependencyRules::read()?;
    let metadata = metadata(&[])?;
    let faults: Vec<String> = foreign_packages(&metadata).filter_map(|package| rules.fault(package)).collect();
    if !faults.is_empty() {
        bail!("{} dependencies are not as `deny.toml` says:\n{}", faults.len(), faults.join("\n"));
    }
    println!("{} crates of others are as `deny.toml` says", foreign_packages(&metadata).count());
    Ok(())
}

/// Holds licences, sources and bans against `deny.toml`, the advisories by cargo-deny where it is installed and by npm where
/// its registry answers, and writes the bills of materials.
pub fn run() -> Result<()> {
    check()?;
    sbom::run()?;
    npm_audit::run()?;
    let sh = shell()?;
    if !exists_subcommand(&sh, "deny") {
        println!("advisories: not looked up: `cargo install --locked cargo-deny` brings what does");
        return Ok(());
    }
    cargo(&sh).args(["deny", "check"]).run()?;
    Ok(())
}

/// Returns what `cargo metadata` prints.
fn metadata(arguments: &[&str]) -> Result<Value> {
    let sh = shell()?;
    let command = cargo(&sh).args(["metadata", "--format-version=1", "--offline", "--locked"]).args(arguments);
    Ok(serde_json::from_str(&command.quiet().read()?)?)
}

/// Returns the packages that are not the workspace's own.
fn foreign_packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten().filter(|package| !package["source"].is_null())
}

fn text<'a>(package: &'a Value, member: &str) -> &'a str {
    package[member].as_str().unwrap_or_default()
}

/// The rules of `deny.toml`.
struct DependencyRules {
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
    registries: BTreeSet<String>,
}

impl DependencyRules {
    fn read() -> Result<Self> {
        let text = fs::read_to_string(root().join("deny.toml")).context("cannot read deny.toml")?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let table: Table = text.parse().context("deny.toml is no TOML")?;
        let strings = |section: &str, member: &str, name: Option<&str>| {
            let elements = table.get(section).and_then(|section| section.get(member)).and_then(|list| list.as_array());
            let elements = elements.with_context(|| format!("deny.toml has no list `{section}.{member}`"))?;
            let string = |element: &toml::Value| {
                let element = name.map_or(Some(element), |name| element.get(name));
                element.and_then(toml::Value::as_str).map(str::to_owned)
            };
            let strings: Option<BTreeSet<String>> = elements.iter().map(string).collect();
            strings.with_context(|| format!("`{section}.{member}` of deny.toml has something else than texts"))
        };
        Ok(Self {
            licences: strings("licenses", "allow", None)?,
            banned: strings("bans", "deny", Some("name"))?,
            registries: strings("sources", "allow-registry", None)?,
        })
    }

    /// Returns what is wrong with a package of others, in one line.
    fn fault(&self, package: &Value) -> Option<String> {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let source = text(package, "source");
        let registry = source.strip_prefix("registry+");
        if !registry.is_some_and(|registry| self.registries.contains(registry)) {
            return Some(format!("{name} {version} comes from {source}"));
        }
        if self.banned.contains(name) {
            return Some(format!("{name} {version} is banned"));
        }
        let expression = text(package, "license");
        match licence::is_allowed(expression, &self.licences) {
            Ok(true) => None,
            Ok(false) => Some(format!("{name} {version} has the licence `{expression}`")),
            Err(error) => Some(format!("{name} {version} has a licence that cannot be read: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn foreign_source_banned_name_and_other_licence_are_faults() {
        let rules = DependencyRules::parse(
            "[licenses]\nallow = ['MIT']\n[bans]\ndeny = [{ name = 'bad' }]\n[sources]\nallow-registry = ['https://r']",
        )
        .unwrap();
        let fault = |name: &str, source: &str, licence: &str| {
            rules.fault(&json!({"name": name, "version": "1.0.0", "source": source, "license": licence}))
        };
        assert_eq!(fault("good", "registry+https://r", "MIT OR GPL-3.0-only"), None);
        assert_eq!(fault("bad", "registry+https://r", "MIT").unwrap(), "bad 1.0.0 is banned");
        assert_eq!(fault("good", "git+https://r", "MIT").unwrap(), "good 1.0.0 comes from git+https://r");
        let other = fault("good", "registry+https://r", "GPL-3.0-only").unwrap();
        assert_eq!(other, "good 1.0.0 has the licence `GPL-3.0-only`");
        assert!(fault("good", "registry+https://r", "").unwrap().contains("cannot be read"));
    }
}
