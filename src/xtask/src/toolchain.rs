//! Toolchains for WebAssembly that can build the standard library: the pinned one where rustup reaches its server,
//! Debian's packages elsewhere.
//!
//! The standard library is built along with the module so that panics become bare traps. Their messages would reach
//! nobody, and without them the module is a tenth smaller and faster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use xshell::{Cmd, Shell, cmd};

use crate::apt;
use crate::shell::{cargo, exists, run_within, shell, target, without_toolchain};

/// The target of the module.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A toolchain for WebAssembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Toolchain {
    /// The pinned toolchain, with its component `rust-src`.
    Rustup,
    /// Debian's `rustc-web` and `cargo-web`, with `rust-web-src`.
    Debian,
}

impl Toolchain {
    /// Finds the toolchain that this machine has, installs its missing parts, and prints it in one line.
    ///
    /// # Errors
    ///
    /// If the wanted toolchain is not to be had, or if none is.
    pub fn locate(wanted: Option<Self>) -> Result<Self> {
        let (toolchain, description) = match wanted {
            Some(Self::Rustup) => (Self::Rustup, locate_rustup()?),
            Some(Self::Debian) => (Self::Debian, locate_debian()?),
            None => match locate_rustup() {
                Ok(description) => (Self::Rustup, description),
                Err(no_rustup) => {
                    let description = locate_debian()
                        .with_context(|| format!("{no_rustup:#}; and Debian's packages are no way out"))?;
                    (Self::Debian, format!("{description}, since {no_rustup:#}"))
                }
            },
        };
        println!("compiler for {TARGET}: {description}");
        Ok(toolchain)
    }

    /// Returns the name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rustup => "rustup",
            Self::Debian => "debian",
        }
    }

    /// Returns the target folder. Two compilers in one would throw out each other's work.
    pub fn target_folder(self) -> PathBuf {
        match self {
            Self::Rustup => target(),
            Self::Debian => target().join("debian"),
        }
    }

    /// Returns the folder of the compiler's own files.
    pub fn sysroot(self) -> Result<PathBuf> {
        let sh = shell()?;
        let rustc = match self {
            Self::Rustup => cmd!(sh, "rustc"),
            Self::Debian => without_toolchain(cmd!(sh, "/usr/bin/rustc")),
        };
        Ok(rustc.args(["--print", "sysroot"]).quiet().read()?.into())
    }

    /// Returns a `cargo build` for WebAssembly into the folder `target`; package, profile and flags are the caller's to
    /// add.
    pub fn cargo_build<'a>(self, sh: &'a Shell, target: &Path) -> Result<Cmd<'a>> {
        let cargo = match self {
            Self::Rustup => cargo(sh),
            Self::Debian => without_toolchain(cmd!(sh, "/usr/bin/cargo"))
                .env("RUSTC", "/usr/bin/rustc")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?),
        };
        Ok(cargo
            .args(["build", "--target", TARGET, "--target-dir"])
            .arg(target)
            .args(["-Zbuild-std=std", "-Zbuild-std-features=optimize_for_size"])
            // Building the standard library is not stable yet, and these compilers are stable ones.
            .env("RUSTC_BOOTSTRAP", "1"))
    }
}

/// Time limit of rustup, which has none of its own where a network swallows what is sent.
const RUSTUP_TIMEOUT: Duration = Duration::from_secs(60);

/// Debian's packages: compiler, cargo, and the source of the standard library.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

fn locate_rustup() -> Result<String> {
    if has_source()? {
        return Ok("the pinned toolchain".to_owned());
    }
    let sh = shell()?;
    if !exists(&sh, "rustup") {
        bail!("the pinned toolchain lacks `rust-src` and there is no rustup to add it");
    }
    run_within(RUSTUP_TIMEOUT, cmd!(sh, "rustup component add rust-src"))?;
    if !has_source()? {
        bail!("`rustup component add rust-src` added it to another toolchain");
    }
    Ok("the pinned toolchain, to which rustup added `rust-src`".to_owned())
}

/// Returns whether the pinned toolchain has the source of its standard library.
fn has_source() -> Result<bool> {
    Ok(Toolchain::Rustup.sysroot()?.join("lib/rustlib/src/rust/library/std/Cargo.toml").exists())
}

fn locate_debian() -> Result<String> {
    apt::install(&DEBIAN_PACKAGES)?;
    linker()?;
    let sh = shell()?;
    Ok(format!("Debian's {}", without_toolchain(cmd!(sh, "/usr/bin/rustc --version")).quiet().read()?))
}

/// Returns a linker for WebAssembly: the pinned toolchain's own, or LLVM's.
fn linker() -> Result<PathBuf> {
    let sh = shell()?;
    let own = Toolchain::Rustup.sysroot()?.join("lib/rustlib").join(host_triple(&sh)?).join("bin/rust-lld");
    if own.exists() {
        return Ok(own);
    }
    match exists(&sh, "wasm-ld") {
        true => Ok(Path::new("wasm-ld").to_owned()),
        false => bail!("there is no linker for {TARGET}: install LLVM's lld, which has `wasm-ld`"),
    }
}

fn host_triple(sh: &Shell) -> Result<String> {
    let version = cmd!(sh, "rustc -vV").quiet().read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}
