//! The Debian package, unpacked and run.

use std::fs;

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use super::program::{self, scratch};
use super::{CommitTime, folder, version};
use crate::deb;
use crate::shell::{exists, shell};
use crate::steps::NotRun;

/// Writes the package.
///
/// # Errors
///
/// [`NotRun`] if this machine has no tools for Debian's packages.
pub fn write() -> Result<()> {
    let sh = shell()?;
    if !exists(&sh, "dpkg-deb") {
        return Err(NotRun("there is no `dpkg-deb`: this is no Debian".to_owned()).into());
    }
    let package = deb::package(Some(CommitTime::read()?.seconds))?;
    let name = package.file_name().context("the package has no name")?;
    let package_file = folder()?.join(name);
    fs::copy(&package, &package_file)?;
    let field = |name: &str| cmd!(sh, "dpkg-deb --field {package_file} {name}").quiet().read();
    ensure!(field("Package")? == "pullgate", "the package is called {}", field("Package")?);
    // Upstream's version, and Debian's revision after it.
    let found = field("Version")?;
    let upstream = found.rsplit_once('-').map_or(found.as_str(), |(upstream, _)| upstream);
    ensure!(upstream == version()?, "the package has the version `{found}`");
    let root = scratch("deb")?;
    cmd!(sh, "dpkg-deb --extract {package_file} {root}").run()?;
    let program = root.join("usr/bin/pullgate");
    program::check(|arguments| Ok(cmd!(sh, "{program} {arguments...}").quiet().read()?))?;
    for file in
        ["etc/pullgate/policy.toml", "usr/lib/systemd/system/pullgate.service", "usr/share/man/man1/pullgate.1.gz"]
    {
        ensure!(root.join(file).exists(), "the package lacks `/{file}`");
    }
    // The policy that it brings loads.
    let policy = root.join("etc/pullgate/policy.toml");
    cmd!(sh, "{program} check {policy}").quiet().ignore_stdout().run()?;
    Ok(())
}
