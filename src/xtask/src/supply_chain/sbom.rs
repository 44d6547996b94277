//! Bills of materials in CycloneDX 1.6: what is compiled into the program, and into the module that the npm package has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use toml::Table;

use super::{metadata, text};
use crate::build_stamp::{sha256, write};
use crate::dist;
use crate::shell::{cargo, root, shell, target};
use crate::toolchain::TARGET;

/// The target of the program.
const PROGRAM_TARGET: &str = "x86_64-unknown-linux-gnu";

/// Something that is shipped, and the crate that it is compiled from.
struct Artifact {
    /// The name of the file with the bill.
    file: &'static str,
    package: &'static str,
    target: &'static str,
    kind: &'static str,
    /// The package URL (ECMA-427) without its version.
    purl: &'static str,
}

const ARTIFACTS: [Artifact; 3] = [
    Artifact {
        file: "pullgate.cdx.json",
        package: "pullgate-cli",
        target: PROGRAM_TARGET,
        kind: "application",
        purl: "pkg:generic/pullgate",
    },
    Artifact {
        file: "pullgate-npm.cdx.json",
        package: "pullgate-module",
        target: TARGET,
        kind: "library",
        purl: "pkg:npm/pullgate",
    },
    Artifact {
        file: "pullgate-component.cdx.json",
        package: "pullgate-module",
        target: TARGET,
        kind: "library",
        purl: "pkg:generic/pullgate-component",
    },
];

/// Returns the folder of the bills.
pub fn folder() -> PathBuf {
    target().join("sbom")
}

/// Writes the bill of each artifact into `target/sbom`, and checks them.
pub fn run() -> Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let checksums = checksums()?;
    for artifact in &ARTIFACTS {
        let bill = bill(artifact, &checksums)?;
        check(&bill).with_context(|| format!("{} is not whole", artifact.file))?;
        let path = folder.join(artifact.file);
        write(&path, format!("{bill:#}\n").as_bytes())?;
        println!("{}: {} crates", path.display(), bill["components"].as_array().map_or(0, Vec::len));
    }
    Ok(())
}

/// Returns the bill of an artifact. It has no time and no serial number, so that the same sources give the same bytes.
fn bill(artifact: &Artifact, checksums: &BTreeMap<String, String>) -> Result<Value> {
    let metadata = metadata(&["--filter-platform", artifact.target])?;
    let compiled = compiled_packages(artifact)?;
    let packages: BTreeMap<&str, &Value> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|package| compiled.contains(&(text(package, "name").to_owned(), text(package, "version").to_owned())))
        .map(|package| (text(package, "id"), package))
        .collect();
    if packages.len() != compiled.len() {
        bail!("cargo's tree has {} packages, and its metadata {} of them", compiled.len(), packages.len());
    }
    let own =
        packages.values().find(|package| package["name"] == artifact.package).context("the package is missing")?;
    let root = component(own, artifact, checksums);
    let others = packages.values().filter(|package| package["name"] != artifact.package);
    let components: Vec<Value> = others.map(|package| component(package, artifact, checksums)).collect();
    let dependencies = metadata["resolve"]["nodes"].as_array().into_iter().flatten().filter_map(|node| {
        let package = packages.get(text(node, "id"))?;
        let on = node["dependencies"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let on: Vec<String> = on.filter_map(|id| packages.get(id)).map(|package| reference(package)).collect();
        Some(json!({ "ref": reference(package), "dependsOn": on }))
    });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": root },
        "components": components,
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

/// Returns name and version of the packages that are compiled into an artifact, with the features that it has.
fn compiled_packages(artifact: &Artifact) -> Result<BTreeSet<(String, String)>> {
    let sh = shell()?;
    let tree = cargo(&sh).args(["tree", "--package", artifact.package, "--target", artifact.target]).args([
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--no-dedupe",
        "--format",
        "{p}",
        "--offline",
        "--locked",
    ]);
    let lines = tree.quiet().read()?;
    let package = |line: &str| {
        let mut words = line.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some((name.to_owned(), version.to_owned()))
    };
    lines.lines().map(|line| package(line).with_context(|| format!("cargo's tree has the line `{line}`"))).collect()
}

fn component(package: &Value, artifact: &Artifact, checksums: &BTreeMap<String, String>) -> Value {
    let (name, version) = (text(package, "name"), text(package, "version"));
    let is_root = name == artifact.package;
    let purl = if is_root { format!("{}@{version}", artifact.purl) } else { reference(package) };
    let mut component = json!({
        "type": if is_root { artifact.kind } else { "library" },
        "bom-ref": reference(package),
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{ "expression": text(package, "license").replace('/', " OR ") }],
    });
    if let Some(checksum) = checksums.get(&format!("{name} {version}")) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if is_root && let Ok(digests) = file_digests(artifact) {
        component["hashes"] = digests;
    }
    component
}

/// Returns the digest of the artifact's file.
fn file_digests(artifact: &Artifact) -> Result<Value> {
    let path = match artifact.file {
        "pullgate.cdx.json" => crate::binary::path(),
        "pullgate-npm.cdx.json" => dist::folder().join(dist::MODULE),
        _ => dist::folder().join(dist::COMPONENT),
    };
    let bytes = fs::read(Path::new(&path))?;
    Ok(json!([{ "alg": "SHA-256", "content": sha256(&bytes) }]))
}

/// Returns the package URL of a crate.
fn reference(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(package, "name"), text(package, "version"))
}

/// Returns the digests of Cargo.lock, by name and version.
fn checksums() -> Result<BTreeMap<String, String>> {
    let lock: Table = fs::read_to_string(root().join("Cargo.lock"))?.parse()?;
    let packages =
        lock.get("package").and_then(|packages| packages.as_array()).context("Cargo.lock has no packages")?;
    let member = |package: &toml::Value, name: &str| package.get(name)?.as_str().map(str::to_owned);
    let checksum = |package: &toml::Value| {
        Some((format!("{} {}", member(package, "name")?, member(package, "version")?), member(package, "checksum")?))
    };
    Ok(packages.iter().filter_map(checksum).collect())
}

/// Requires what readers of a bill rely on: every component has its licence, every crate of others its digest, and every
/// reference leads to a component.
fn check(bill: &Value) -> Result<()> {
    let root = &bill["metadata"]["component"];
    let components: Vec<&Value> = bill["components"].as_array().into_iter().flatten().chain([root]).collect();
    let known: BTreeSet<&str> = components.iter().map(|component| text(component, "bom-ref")).collect();
    if known.len() != components.len() {
        bail!("two components have the same reference");
    }
    for component in &components {
        let name = text(component, "name");
        if component["licenses"][0]["expression"].as_str().is_none_or(str::is_empty) {
            bail!("`{name}` has no licence");
        }
        if !name.starts_with("pullgate") && name != "idna_adapter" && component["hashes"].is_null() {
            bail!("`{name}` has no digest");
        }
    }
    for dependency in bill["dependencies"].as_array().into_iter().flatten() {
        let on = dependency["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(unknown) = on.chain([text(dependency, "ref")]).find(|reference| !known.contains(reference)) {
            bail!("`{unknown}` is no component");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bill_without_licence_digest_or_component_is_refused() {
        let component = json!({"bom-ref": "a", "name": "a", "licenses": [{"expression": "MIT"}], "hashes": [{}]});
        let whole = json!({
            "metadata": {"component": {"bom-ref": "p", "name": "pullgate", "licenses": [{"expression": "MIT"}]}},
            "components": [component],
            "dependencies": [{"ref": "p", "dependsOn": ["a"]}],
        });
        assert!(check(&whole).is_ok());
        let error = |change: fn(&mut Value)| {
            let mut bill = whole.clone();
            change(&mut bill);
            check(&bill).unwrap_err().to_string()
        };
        assert_eq!(error(|bill| bill["components"][0]["licenses"] = json!([])), "`a` has no licence");
        assert_eq!(error(|bill| bill["components"][0]["hashes"] = Value::Null), "`a` has no digest");
        assert_eq!(error(|bill| bill["dependencies"][0]["ref"] = json!("b")), "`b` is no component");
        assert_eq!(error(|bill| bill["components"] = json!([])), "`a` is no component");
    }
}
