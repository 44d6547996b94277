//! The crates that are published: packaged, built from their packages in another workspace, and asked there for the
//! answers of the vectors.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde_json::Value;
use toml::{Table, Value as TomlValue};
use xshell::{Cmd, cmd};

use super::program::scratch;
use super::{folder, version};
use crate::binary;
use crate::shell::{cargo, root, shell, target};
use crate::steps::NotRun;

/// The crate with the rules.
const RULES: &str = "pullgate";

/// The program in the other workspace: it prints the digest of the rules, and the answers to all vectors.
const PROGRAM: &str = "\
use pullgate_tests::{surface, vectors};

fn main() {
    println!(\"{}\", pullgate::RULES_SHA256);
    for case in vectors::all() {
        for line in surface::lines(&surface::Native, &case) {
            println!(\"{line}\");
        }
    }
}
";

/// The test of the rules that is run there too: that of UTS #46, on Unicode's own table.
const TEST: &str = "hosts_are_mapped_as_unicode_does";

/// Writes the packages, after cargo has tried to publish them in their order, and all have been built from them.
pub fn write() -> Result<()> {
    let sh = shell()?;
    let names = package()?;
    let selected = names.iter().flat_map(|name| ["--package", name]);
    cargo(&sh).args(["publish", "--dry-run", "--no-verify", "--allow-dirty", "--locked"]).args(selected).run()?;
    let packages = folder()?.join("crates");
    fs::create_dir_all(&packages)?;
    for name in &names {
        let file = file_name(name)?;
        fs::copy(target().join("package").join(&file), packages.join(&file))?;
    }
    // Of their packages alone, with the versions that are compiled for the program.
    let consumer = other_workspace(&names, &names)?;
    fs::copy(root().join("Cargo.lock"), consumer.with_file_name("Cargo.lock"))?;
    sh.change_dir(&consumer);
    cargo(&sh).args(["build", "--release"]).env("CARGO_TARGET_DIR", target()).run()?;
    compare_answers(&names, Versions::Newest)
}

/// Packages the crates, and asks that of the rules for the answers of the vectors from another workspace.
///
/// # Errors
///
/// [`NotRun`] if crates.io cannot be reached.
pub fn check() -> Result<()> {
    compare_answers(&package()?, Versions::Locked)
}

/// The versions of the crates of others in the other workspace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Versions {
    /// Those that a user gets today.
    Newest,
    /// Those of this workspace's `Cargo.lock`, so that each run has the same. It has none for the Unicode data that the
    /// `[patch]` replaces.
    Locked,
}

/// Packages the crates that are published, into `target/package`. Returns their names.
fn package() -> Result<Vec<String>> {
    let sh = shell()?;
    let metadata = cargo(&sh).args(["metadata", "--no-deps", "--format-version=1", "--locked"]).quiet().read()?;
    let names = published(&serde_json::from_str(&metadata)?);
    ensure!(names.iter().any(|name| name == RULES), "`{RULES}` is not among the crates that are published");
    let selected = names.iter().flat_map(|name| ["--package", name]);
    // Cargo would build each by itself, and all that it depends on once more.
    cargo(&sh).args(["package", "--no-verify", "--allow-dirty", "--locked"]).args(selected).run()?;
    Ok(names)
}

/// Returns the names of the packages that any registry may have.
fn published(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let names = packages.filter(|package| package["publish"].is_null()).filter_map(|package| package["name"].as_str());
    names.map(str::to_owned).collect()
}

fn file_name(name: &str) -> Result<String> {
    Ok(format!("{name}-{}.crate", version()?))
}

/// Makes a workspace that depends on the packages as on those of crates.io, without the `[patch]` of this one, and in
/// it a program that depends on those that are `built`. Returns the folder of the program.
fn other_workspace(names: &[String], built: &[String]) -> Result<PathBuf> {
    let workspace = scratch("consumer")?;
    for name in names {
        let file = fs::File::open(target().join("package").join(file_name(name)?))?;
        tar::Archive::new(GzDecoder::new(file)).unpack(&workspace)?;
    }
    let manifest: Table = fs::read_to_string(root().join("Cargo.toml"))?.parse()?;
    fs::write(workspace.join("Cargo.toml"), consumer_workspace(manifest, names, &version()?)?.to_string())?;
    let consumer = workspace.join("consumer");
    for folder in [consumer.join("src"), consumer.join("tests"), workspace.join("tests")] {
        fs::create_dir_all(folder)?;
    }
    fs::write(consumer.join("Cargo.toml"), consumer_package(built).to_string())?;
    fs::write(consumer.join("src/main.rs"), PROGRAM)?;
    fs::copy(root().join("src/policy/tests/unicode.rs"), consumer.join("tests/unicode.rs"))?;
    let sh = shell()?;
    for folder in ["certificates", "conformance", "vectors"] {
        let (from, to) = (root().join("tests").join(folder), workspace.join("tests"));
        cmd!(sh, "cp --recursive {from} {to}").quiet().run()?;
    }
    Ok(consumer)
}

/// Compares the answers of the rules in another workspace with those of the npm package's module.
fn compare_answers(names: &[String], versions: Versions) -> Result<()> {
    let consumer = other_workspace(names, &[RULES.to_owned()])?;
    let lock = consumer.with_file_name("Cargo.lock");
    if versions == Versions::Locked {
        fs::copy(root().join("Cargo.lock"), &lock)?;
    }
    let (sh, program) = (shell()?, binary::path());
    let module = cmd!(sh, "node tests/node/vectors.mjs").quiet().read()?;
    let module: Vec<&str> = module.lines().collect();
    let about: Value = serde_json::from_str(&cmd!(sh, "{program} module --json").quiet().read()?)?;
    sh.change_dir(&consumer);
    // What is compiled there already, and is the same, is not compiled again.
    sh.set_var("CARGO_TARGET_DIR", target());
    // The test reads its table where cargo has it, without a network.
    fetch(cargo(&sh).args(["fetch", "--quiet"]))?;
    require_data_of_others(&lock)?;
    let answers = cargo(&sh).args(["run", "--profile", "xtask"]).read()?;
    let mut answers = answers.lines();
    let rules = answers.next().unwrap_or_default();
    ensure!(about["rules"] == *rules, "the rules are {rules} there, and {} in the program", about["rules"]);
    ensure!(answers.clone().count() == module.len(), "there are {} answers there", answers.count());
    for (theirs, ours) in answers.zip(&module) {
        ensure!(theirs == *ours, "another workspace answers\n{theirs}\nand the module\n{ours}");
    }
    let test = ["--test", "unicode", "--", "--exact", TEST];
    let output = cargo(&sh).args(["test", "--profile", "xtask"]).args(test).read()?;
    ensure!(output.contains("test result: ok. 1 passed"), "`{TEST}` was not run: {output}");
    println!("{} answers and the test of UTS #46 are the same there", module.len());
    Ok(())
}

/// Downloads the crates of others.
fn fetch(command: Cmd<'_>) -> Result<()> {
    let output = command.ignore_status().output()?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    if is_unreachable(&errors) {
        let reason = errors.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        return Err(NotRun(format!("crates.io cannot be reached: {reason}")).into());
    }
    bail!("the crates of others cannot be fetched: {errors}")
}

/// Returns whether cargo's errors are about the network, and not about what a registry has.
fn is_unreachable(errors: &str) -> bool {
    errors.contains("failed to download from `")
}

/// Returns the manifest of the other workspace: this one's, with the packages in place of the folders.
fn consumer_workspace(mut manifest: Table, names: &[String], version: &str) -> Result<Table> {
    let path = |path: String| TomlValue::Table(Table::from_iter([("path".to_owned(), TomlValue::from(path))]));
    manifest.remove("patch");
    let workspace = manifest.get_mut("workspace").and_then(TomlValue::as_table_mut).context("there is no workspace")?;
    workspace.remove("default-members");
    workspace.insert("members".to_owned(), vec!["consumer", "tests/conformance"].into());
    let dependencies = workspace.get_mut("dependencies").and_then(TomlValue::as_table_mut);
    for (name, dependency) in dependencies.context("the workspace has no dependencies")?.iter_mut() {
        if let Some(dependency) = dependency.as_table_mut()
            && names.contains(name)
        {
            dependency.remove("path").with_context(|| format!("`{name}` has no path"))?;
        }
    }
    let packages = names.iter().map(|name| (name.clone(), path(format!("{name}-{version}"))));
    let patch = Table::from_iter([("crates-io".to_owned(), TomlValue::Table(packages.collect()))]);
    manifest.insert("patch".to_owned(), TomlValue::Table(patch));
    Ok(manifest)
}

/// Returns the manifest of the package in the other workspace, which depends on the packages that are `built`.
fn consumer_package(built: &[String]) -> Table {
    let inherited = TomlValue::Table(Table::from_iter([("workspace".to_owned(), true.into())]));
    let package =
        Table::from_iter([("name".to_owned(), TomlValue::from("consumer")), ("edition".to_owned(), inherited.clone())]);
    let names = built.iter().map(String::as_str).chain(["pullgate-tests", "serde_json"]);
    let dependencies: Table = names.map(|name| (name.to_owned(), inherited.clone())).collect();
    Table::from_iter([("package".to_owned(), package.into()), ("dependencies".to_owned(), dependencies.into())])
}

/// Requires that the other workspace took the Unicode data of crates.io: with this one's, its tests would show nothing.
fn require_data_of_others(lock: &Path) -> Result<()> {
    let lock: Table = fs::read_to_string(lock)?.parse()?;
    let packages = lock.get("package").and_then(TomlValue::as_array).context("Cargo.lock has no packages")?;
    let member = |package: &TomlValue, name: &str| Some(package.get(name)?.as_str()?.to_owned());
    let mut found = Vec::new();
    for name in ["idna", "idna_adapter", "icu_normalizer_data", "icu_properties_data"] {
        let mut named = packages.iter().filter(|package| member(package, "name").as_deref() == Some(name));
        match (named.next(), named.next()) {
            (Some(package), None)
                if member(package, "source").is_some_and(|source| source.starts_with("registry+")) =>
            {
                found.push(format!("{name} {}", member(package, "version").unwrap_or_default()));
            }
            _ => bail!("the other workspace has not one `{name}` of crates.io"),
        }
    }
    println!("another workspace has {}", found.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn crates_that_no_registry_may_have_are_not_published() {
        let package = |name: &str, publish: Value| json!({ "name": name, "publish": publish });
        let metadata =
            json!({ "packages": [package("a", Value::Null), package("b", json!([])), package("c", Value::Null)] });
        assert_eq!(published(&metadata), ["a", "c"]);
    }

    #[test]
    fn only_a_registry_that_is_not_reached_is_no_error() {
        let unreached = "error: failed to get `spdx` as a dependency of package `p v0.1.0 (/p)`\n\nCaused by:\n  \
                         failed to download from `https://index.crates.io/config.json`\n\nCaused by:\n  \
                         [6] Could not resolve hostname (Could not resolve host: index.crates.io)\n";
        assert!(is_unreachable(unreached));
        assert!(!is_unreachable("error: failed to select a version for the requirement `spdx = \"^99\"`\n"));
    }

    #[test]
    fn other_workspace_has_packages_for_folders_and_no_patch_of_this_one() {
        let manifest = "[workspace]\nmembers = ['x']\ndefault-members = ['x']\n[workspace.dependencies]\n\
                        a = { version = '1.0.0', path = 'src/a' }\nb = { path = 'src/b' }\n\
                        [patch.crates-io]\nidna_adapter = { path = 'src/unicode' }\n[profile.release]\nopt-level = 3";
        let other = consumer_workspace(manifest.parse().unwrap(), &["a".to_owned()], "1.0.0").unwrap();
        let expected = "[workspace]\nmembers = ['consumer', 'tests/conformance']\n[workspace.dependencies]\n\
                        a = { version = '1.0.0' }\nb = { path = 'src/b' }\n\
                        [patch.crates-io]\na = { path = 'a-1.0.0' }\n[profile.release]\nopt-level = 3";
        assert_eq!(other, expected.parse::<Table>().unwrap());
        let without_path = "[workspace.dependencies]\na = { version = '1.0.0' }".parse().unwrap();
        assert!(consumer_workspace(without_path, &["a".to_owned()], "1.0.0").is_err());
    }
}
