//! Check for unused dependencies: each that a manifest names must be named in the package's sources too, or stand in
//! `ignored` of `[workspace.metadata.cargo-machete]`, as that program has it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{cargo, shell};

/// Finds dependencies that no source file of their package names.
///
/// # Errors
///
/// If there is one, or if cargo or a file cannot be read.
pub fn check() -> Result<()> {
    let sh = shell()?;
    let metadata = cargo(&sh).args(["metadata", "--no-deps", "--format-version=1", "--offline"]).quiet().read()?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let ignored = list(&metadata["metadata"]["cargo-machete"], "ignored");
    let mut unused = Vec::new();
    for package in list(&metadata, "packages") {
        let names = unused_dependencies(package, ignored)?;
        unused.extend(names.into_iter().map(|name| format!("`{name}` in {}", text(package, "name"))));
    }
    if !unused.is_empty() {
        bail!("unused dependencies: {}", unused.join(", "));
    }
    Ok(())
}

fn unused_dependencies<'a>(package: &'a Value, ignored: &[Value]) -> Result<Vec<&'a str>> {
    let folder = Path::new(text(package, "manifest_path")).parent().context("a manifest has no folder")?;
    // What the library and the programs are made of; tests, benchmarks, examples and the build script may use more.
    let mut shipped = BTreeSet::new();
    for target in list(package, "targets") {
        let kinds = || list(target, "kind").iter().filter_map(Value::as_str);
        if kinds().any(|kind| ["lib", "bin", "cdylib", "proc-macro"].contains(&kind)) {
            let folder = Path::new(text(target, "src_path")).parent().context("a source file has no folder")?;
            collect_words(folder, &mut shipped)?;
        }
    }
    let mut all = BTreeSet::new();
    collect_words(folder, &mut all)?;
    let is_used = |dependency: &Value| {
        if ignored.contains(&dependency["name"]) {
            return true;
        }
        let name = dependency["rename"].as_str().unwrap_or(text(dependency, "name")).replace('-', "_");
        match dependency["kind"].is_null() {
            true => shipped.contains(&name),
            false => all.contains(&name),
        }
    };
    let unused = list(package, "dependencies").iter().filter(|dependency| !is_used(dependency));
    Ok(unused.map(|dependency| text(dependency, "name")).collect())
}

/// Collects the words of all Rust files in a folder, but for comments that fill a line.
fn collect_words(folder: &Path, words: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_foreign = path.ends_with("node_modules") || path.ends_with("target");
        if path.is_dir() && !is_foreign {
            collect_words(&path, words)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            let split = |line| str::split(line, |character: char| !character.is_alphanumeric() && character != '_');
            words.extend(code.flat_map(split).map(str::to_owned));
        }
    }
    Ok(())
}

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value[member].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unnamed_dependency_is_unused() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let package = json!({
            "manifest_path": folder.join("Cargo.toml"),
            "targets": [{ "kind": ["bin"], "src_path": folder.join("src/main.rs") }],
            "dependencies": [
                { "name": "pinned-crate", "kind": null, "rename": null },
                { "name": "serde_json", "kind": null, "rename": null },
                { "name": "wit-parser", "kind": null, "rename": null },
                { "name": "wit-parser", "kind": "dev", "rename": null },
                { "name": "no-such-crate", "kind": "dev", "rename": null },
                { "name": "no-such-crate", "kind": null, "rename": "anyhow" },
            ],
        });
        // `wit_parser` is used in tests only.
        assert_eq!(unused_dependencies(&package, &[json!("pinned-crate")]).unwrap(), ["wit-parser", "no-such-crate"]);
    }
}
