//! Node.js, which makes the module smaller, builds the page, and runs what npm gives out.

use anyhow::{Context, Result, bail};
use semver::Version;

use crate::command::{exists, output, program};

/// The oldest version that will do, as `engines` has it in every `package.json` here.
const OLDEST: Version = Version::new(20, 19, 0);

/// Fails where Node.js or npm is missing, or Node.js is too old.
pub fn check() -> Result<()> {
    for name in ["node", "npm"] {
        if !exists(name) {
            bail!("`{name}` is missing: {}", help());
        }
    }
    suits(&output(program("node").arg("--version"))?)
}

fn help() -> String {
    format!("install Node.js {}.{} or later, with npm", OLDEST.major, OLDEST.minor)
}

/// Refuses a version, as `node --version` prints it, that is too old.
fn suits(found: &str) -> Result<()> {
    let version = Version::parse(found.strip_prefix('v').unwrap_or(found)).ok();
    let version = version.with_context(|| format!("`node --version` prints `{found}`, which is no version"))?;
    if version < OLDEST {
        bail!("Node.js is too old, `node --version` prints `{found}`: {}", help());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::command::root;

    #[test]
    fn too_old_is_said() {
        for found in ["v20.19.0", "v22.12.0", "v27.0.0-nightly20261101"] {
            suits(found).unwrap();
        }
        for found in ["v20.18.3", "v18.20.8"] {
            let said = suits(found).unwrap_err().to_string();
            assert!(said.contains(found) && said.contains("install Node.js 20.19 or later"), "{said}");
        }
        assert!(suits("20").unwrap_err().to_string().contains("no version"));
    }

    #[test]
    fn everything_here_says_the_same() {
        let engines = format!("\"node\": \">={}.{}\"", OLDEST.major, OLDEST.minor);
        for folder in [".", "benches/certificates", "benches/form", "pkg", "tests/browser", "tests/npm", "www"] {
            let text = fs::read_to_string(root().join(folder).join("package.json")).unwrap();
            assert!(text.contains(&engines), "{folder}");
        }
        let readme = fs::read_to_string(root().join("README.md")).unwrap();
        assert!(readme.contains(&format!("Node.js {}.{} or later", OLDEST.major, OLDEST.minor)));
    }
}
