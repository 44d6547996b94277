//! The documentation as a site, by mdBook.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use xshell::cmd;

use crate::shell::{cargo, root, shell, target};

/// The version of mdBook that is known to work.
const MDBOOK_VERSION: &str = "0.5.4";

/// The address of files that are not part of the site.
const REPOSITORY: &str = "https://github.com/pullgate/pullgate/blob/main";

/// Builds the site into `target/book`.
///
/// # Errors
///
/// If mdBook cannot be installed, or fails.
pub fn build() -> Result<()> {
    let (sh, source, site) = (shell()?, target().join("book-source"), target().join("book"));
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    for file in cmd!(sh, "git ls-files docs").quiet().read()?.lines().map(Path::new) {
        copy(file, &source.join(file.strip_prefix("docs")?))?;
    }
    let installed = cmd!(sh, "mdbook --version").quiet().ignore_stderr().read().unwrap_or_default();
    if !installed.ends_with(MDBOOK_VERSION) {
        let install = ["install", "mdbook", "--version", MDBOOK_VERSION, "--locked"];
        cargo(&sh).args(install).args(["--no-default-features", "--features", "search"]).run()?;
    }
    cmd!(sh, "mdbook build {source} --dest-dir {site}").run()?;
    println!("the site is in {}", site.display());
    Ok(())
}

/// Copies a file of the repository, a page with links as the site has them.
fn copy(file: &Path, to: &Path) -> Result<()> {
    let (from, folder) = (root().join(file), file.parent().unwrap_or(file));
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    // The summary has the names of the files.
    if file.extension().is_some_and(|extension| extension == "md") && !file.ends_with("SUMMARY.md") {
        let text = fs::read_to_string(&from).with_context(|| format!("cannot read {}", from.display()))?;
        fs::write(to, with_links_of_site(&text, folder))?;
    } else {
        fs::copy(&from, to)?;
    }
    Ok(())
}

/// Returns the text of a page in a folder, with links that lead out of `docs` made links to the repository, and links to a
/// `README.md` made links to the index that the site has of it.
fn with_links_of_site(text: &str, folder: &Path) -> String {
    const START: &str = "](";
    let mut parts = text.split(START);
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let link = &part[..part.find([')', '#', '\n']).unwrap_or(part.len())];
        linked += START;
        match target_of(link, folder) {
            Some(target) if !target.starts_with("docs") => linked += &format!("{REPOSITORY}/{}", target.display()),
            Some(_) => linked += &link.replace("README.md", "index.md"),
            None => linked += link,
        }
        linked += &part[link.len()..];
    }
    linked
}

/// Returns the file of the repository that a link leads to; `None` if it leads elsewhere.
fn target_of(link: &str, folder: &Path) -> Option<PathBuf> {
    if link.is_empty() || link.contains([':', ' ', '(']) {
        return None;
    }
    let mut target = PathBuf::new();
    for component in folder.join(link).components() {
        match component {
            Component::ParentDir => drop(target.pop()),
            other => target.push(other),
        }
    }
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_site_lead_to_the_repository() {
        let page =
            "[a](../wit/x.wit), [b](../../SECURITY.md#scope), [c](../docker.md#x), [d](#e), [f](https://g.test/)";
        let expected = format!(
            "[a](../wit/x.wit), [b]({REPOSITORY}/SECURITY.md#scope), [c](../docker.md#x), [d](#e), [f](https://g.test/)"
        );
        assert_eq!(with_links_of_site(page, Path::new("docs/tutorials")), expected);
        let page = with_links_of_site("[a](../wit/x.wit)\n", Path::new("docs"));
        assert_eq!(page, format!("[a]({REPOSITORY}/wit/x.wit)\n"));
    }
}
