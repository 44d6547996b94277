//! `cargo xtask release --dry-run`: everything that a release has, made and checked in one folder. Nothing is
//! published.

mod archive;
mod chart;
pub mod crates;
mod debian;
mod image;
mod npm;
mod oci;
mod program;
mod registry;
mod signature;
mod versions;
mod wasm;

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::build_stamp::sha256;
use crate::shell::{root, shell, target};
use crate::steps::{self, Step};
use crate::{binary, helm, module, supply_chain, web};

/// Steps of a release: each part is made, and then checked as its users get it.
const STEPS: &[Step] = &[
    ("versions", versions::check),
    ("module", module::build_default),
    ("module in another folder", module::reproduce),
    ("page", web::build),
    ("program", binary::build),
    ("module and component", wasm::write),
    ("program as an archive", program::write),
    ("static program as an archive", program::write_static),
    ("npm package", npm::write),
    ("Debian package", debian::write),
    ("Helm chart", helm::check),
    ("manifests and chart for Kubernetes", chart::write),
    ("bills of materials", bills_of_materials),
    ("container image", image::write),
    ("component as an OCI artifact", wasm::write_artifact),
    ("both in a registry", registry::push_and_pull),
    ("crates", crates::write),
    ("checksums and signature", sign),
];

/// The key that signs, where it is not the test's.
static SIGNING_KEY: OnceLock<PathBuf> = OnceLock::new();

/// Makes and checks a release in its folder, signed with the private key in a file, or with one made for this run.
pub fn dry_run(key: Option<PathBuf>) -> Result<()> {
    if let Some(key) = key {
        let key = fs::canonicalize(&key).with_context(|| format!("cannot read the key {}", key.display()))?;
        SIGNING_KEY.get_or_init(|| key);
    }
    let folder = folder()?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let sh = shell()?;
    if cmd!(sh, "git status --porcelain").quiet().read().map_or(true, |changes| !changes.is_empty()) {
        println!("this is no release: files differ from those of the commit");
    }
    steps::take(STEPS)?;
    list()
}

/// Returns the folder of the release.
fn folder() -> Result<PathBuf> {
    Ok(target().join(format!("release-{}", version()?)))
}

/// Returns the version of the workspace.
fn version() -> Result<String> {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml"))?.parse()?;
    let package = manifest.get("workspace").and_then(|workspace| workspace.get("package"));
    let version = package.and_then(|package| package.get("version")).and_then(toml::Value::as_str);
    version.map(str::to_owned).context("Cargo.toml has no `workspace.package.version`")
}

/// The time of the commit, which stands for the time of the release: the same sources give the same bytes.
struct CommitTime {
    /// Seconds since 1970-01-01 UTC.
    seconds: u64,
    /// The same by RFC 3339.
    text: String,
}

impl CommitTime {
    fn read() -> Result<Self> {
        const DATE: &str = "--date=format-local:%Y-%m-%dT%H:%M:%SZ";
        let sh = shell()?;
        let line = cmd!(sh, "git log --max-count=1 {DATE}").arg("--format=%ct %cd").env("TZ", "UTC").quiet().read();
        let line = line.context("there is no commit")?;
        let (seconds, text) = line.split_once(' ').context("git prints no time")?;
        Ok(Self { seconds: seconds.parse()?, text: text.to_owned() })
    }
}

/// Copies the bills of materials of what was built before.
fn bills_of_materials() -> Result<()> {
    supply_chain::sbom::run()?;
    for file in fs::read_dir(supply_chain::sbom::folder())? {
        let file = file?;
        fs::copy(file.path(), folder()?.join(file.file_name()))?;
    }
    Ok(())
}

/// Returns the names of all files in the folder, in order, from there.
fn files() -> Result<Vec<String>> {
    let folder = folder()?;
    let mut names = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(each) = folders.pop() {
        for entry in fs::read_dir(&each)? {
            let path = entry?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => names.push(path.strip_prefix(&folder)?.display().to_string()),
            }
        }
    }
    names.sort();
    Ok(names)
}

/// The file of checksums, as `sha256sum --check` reads it.
const CHECKSUMS: &str = "SHA256SUMS";

fn sign() -> Result<()> {
    let folder = folder()?;
    let mut sums = String::new();
    for name in files()? {
        sums.push_str(&format!("{}  {name}\n", sha256(&fs::read(folder.join(&name))?)));
    }
    fs::write(folder.join(CHECKSUMS), sums)?;
    signature::sign(&folder, CHECKSUMS, SIGNING_KEY.get().map(PathBuf::as_path))?;
    let sh = shell()?;
    sh.change_dir(&folder);
    cmd!(sh, "sha256sum --check --strict --quiet {CHECKSUMS}").run()?;
    signature::verify(&folder, CHECKSUMS)
}

/// The files of a release, and whether every machine can make them. `docs/releasing.md` says what each is.
const FILES: &[(&str, bool)] = &[
    ("SHA256SUMS", true),
    ("SHA256SUMS.sig", true),
    ("TEST-KEY.pem", false),
    ("pullgate-VERSION-component.oci.tar", true),
    ("pullgate-VERSION-image.oci.tar", false),
    ("pullgate-VERSION-x86_64-unknown-linux-gnu.tar.gz", true),
    ("pullgate-VERSION-x86_64-unknown-linux-musl.tar.gz", false),
    ("pullgate-VERSION.component.wasm", true),
    ("pullgate-VERSION.core.wasm", true),
    ("pullgate-chart-VERSION.tgz", true),
    ("pullgate-component.cdx.json", true),
    ("pullgate-kubernetes-VERSION.tgz", true),
    ("pullgate-npm-VERSION.tgz", true),
    ("pullgate-npm.cdx.json", true),
    ("pullgate.cdx.json", true),
    ("pullgate_VERSION-1_amd64.deb", false),
    ("release-key.pem", false),
];

/// Returns what is wrong with the names of a release, in one line.
fn fault(names: &[String], version: &str) -> Option<String> {
    let named = |file: &str| file.replace("VERSION", version);
    let is_known = |name: &&String| name.ends_with(".crate") || FILES.iter().any(|(file, _)| named(file) == **name);
    let unknown = names.iter().find(|name| !is_known(name)).map(|name| format!("`{name}` is no file of a release"));
    let missing = FILES.iter().find(|(file, is_required)| *is_required && !names.contains(&named(file)));
    unknown.or_else(|| missing.map(|(file, _)| format!("`{}` is missing", named(file))))
}

/// Prints the files with their sizes and checksums.
///
/// # Errors
///
/// If one is missing, or belongs to no release.
fn list() -> Result<()> {
    let folder = folder()?;
    let names = files()?;
    println!("{}", folder.display());
    let mut all = 0;
    for name in &names {
        let bytes = fs::read(folder.join(name))?;
        println!("{:>11}  {}  {name}", bytes.len(), sha256(&bytes));
        all += bytes.len();
    }
    println!("{all:>11}  {} files", names.len());
    fault(&names, &version()?).map_or(Ok(()), |fault| bail!("{fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_a_release_is_documented() {
        let page = fs::read_to_string(root().join("docs/releasing.md")).unwrap();
        for (file, _) in FILES {
            let kind = file.split_once(".cdx").map_or(*file, |_| "*.cdx.json");
            assert!(page.contains(&format!("`{kind}`")), "{file}");
        }
    }

    #[test]
    fn missing_and_unknown_files_are_faults() {
        let mut names: Vec<String> = FILES.iter().map(|(file, _)| file.replace("VERSION", "1.2.3")).collect();
        names.push("crates/pullgate-1.2.3.crate".to_owned());
        assert_eq!(fault(&names, "1.2.3"), None);
        assert_eq!(fault(&names, "1.2.4").unwrap(), "`pullgate-1.2.3-component.oci.tar` is no file of a release");
        names.retain(|name| name != "pullgate-npm-1.2.3.tgz");
        assert_eq!(fault(&names, "1.2.3").unwrap(), "`pullgate-npm-1.2.3.tgz` is missing");
        names.push("key.pem".to_owned());
        assert_eq!(fault(&names, "1.2.3").unwrap(), "`key.pem` is no file of a release");
    }
}
