//! Node.js, which optimises the module, builds the page, and runs the npm package.

use anyhow::{Context, Result, bail};
use semver::Version;
use xshell::cmd;

use crate::shell::{exists, shell};

/// The oldest supported version, as `engines` has it in every `package.json` here.
const OLDEST_VERSION: Version = Version::new(20, 19, 0);

/// Fails where Node.js or npm is missing, or Node.js is too old.
pub fn check() -> Result<()> {
    let sh = shell()?;
    for name in ["node", "npm"] {
        if !exists(&sh, name) {
            bail!("`{name}` is missing: {}", help());
        }
    }
    check_version(&cmd!(sh, "node --version").quiet().read()?)
}

fn help() -> String {
    format!("install Node.js {}.{} or later, with npm", OLDEST_VERSION.major, OLDEST_VERSION.minor)
}

/// Refuses a version, in the form that `node --version` prints, that is too old.
fn check_version(found: &str) -> Result<()> {
    let version = Version::parse(found.strip_prefix('v').unwrap_or(found)).ok();
    let version = version.with_context(|| format!("`node --version` prints `{found}`, which is no version"))?;
    if version < OLDEST_VERSION {
        bail!("Node.js is too old, `node --version` prints `{found}`: {}", help());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::shell::root;

    #[test]
    fn old_version_is_refused() {
        for found in ["v20.19.0", "v22.12.0", "v27.0.0-nightly20261101"] {
            check_version(found).unwrap();
        }
        for found in ["v20.18.3", "v18.20.8"] {
            let said = check_version(found).unwrap_err().to_string();
            assert!(said.contains(found) && said.contains("install Node.js 20.19 or later"), "{said}");
        }
        assert!(check_version("20").unwrap_err().to_string().contains("no version"));
    }

    #[test]
    fn every_manifest_names_the_oldest_version() {
        let engines = format!("\"node\": \">={}.{}\"", OLDEST_VERSION.major, OLDEST_VERSION.minor);
        for folder in [".", "benches/form", "benches/node", "pkg", "tests/browser", "tests/npm", "www"] {
            let text = fs::read_to_string(root().join(folder).join("package.json")).unwrap();
            assert!(text.contains(&engines), "{folder}");
        }
        let readme = fs::read_to_string(root().join("README.md")).unwrap();
        assert!(readme.contains(&format!("Node.js {}.{} or later", OLDEST_VERSION.major, OLDEST_VERSION.minor)));
    }
}
