//! Debian's packages.

use anyhow::{Result, bail};

use crate::command::{exists, output, program, run};

/// Installs those of the packages that are missing.
pub fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !exists("apt-get") {
        bail!("the Debian packages {list} are missing, and this is no Debian");
    }
    if output(program("id").arg("-u"))? != "0" {
        bail!("the Debian packages {list} are missing: run `apt-get install {list}` as root");
    }
    println!("installing {list}");
    let apt_get = || {
        let mut command = program("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet");
        command
    };
    run(apt_get().arg("update"))?;
    run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(missing))
}

fn is_installed(package: &str) -> bool {
    let state = output(program("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]));
    state.is_ok_and(|state| state == "installed")
}
