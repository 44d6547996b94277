//! Installation of Debian's packages.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::shell::{exists, shell};

/// Installs the packages that are missing.
///
/// # Errors
///
/// If a package is missing and this is no Debian, or if only root can install it.
pub fn install(packages: &[&str]) -> Result<()> {
    let sh = shell()?;
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(&sh, package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !exists(&sh, "apt-get") {
        bail!("the Debian packages {list} are missing, and this is no Debian");
    }
    if cmd!(sh, "id -u").quiet().read()? != "0" {
        bail!("the Debian packages {list} are missing: run `apt-get install {list}` as root");
    }
    sh.set_var("DEBIAN_FRONTEND", "noninteractive");
    cmd!(sh, "apt-get --quiet update").run()?;
    cmd!(sh, "apt-get --quiet install --yes --no-install-recommends {missing...}").run()?;
    Ok(())
}

fn is_installed(sh: &Shell, package: &str) -> bool {
    const FORMAT: &str = "--showformat=${db:Status-Status}";
    let status = cmd!(sh, "dpkg-query --show {FORMAT} {package}").quiet().ignore_stderr().read();
    status.is_ok_and(|status| status == "installed")
}
