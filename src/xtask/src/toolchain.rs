//! The way to a compiler for WebAssembly that can build its own standard library. Where rustup reaches its server, the
//! pinned toolchain is one; where only Debian's archive can be reached, Debian has another.
//!
//! The standard library is built along with the module so that panics become bare traps. Nobody could read their
//! messages, and without them the module is a tenth smaller and faster.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::apt;
use crate::command::{cargo, exists, output, program, run_within, without_toolchain};

/// The target of the module.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A way to a compiler for WebAssembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// The pinned toolchain, with its component `rust-src`.
    Rustup,
    /// Debian's `rustc-web` and `cargo-web`, with `rust-web-src`.
    Debian,
}

impl Way {
    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Way::Rustup => "rustup",
            Way::Debian => "debian",
        }
    }

    /// The folder of what is compiled this way. Two compilers in one would throw out each other's work.
    pub fn target_folder(self) -> &'static str {
        match self {
            Way::Rustup => "target",
            Way::Debian => "target/debian",
        }
    }

    /// Where the compiler has its own files.
    pub fn sysroot(self) -> Result<PathBuf> {
        let mut rustc = match self {
            Way::Rustup => program("rustc"),
            Way::Debian => debian_program("/usr/bin/rustc"),
        };
        Ok(output(rustc.args(["--print", "sysroot"]))?.into())
    }

    /// A `cargo build` for WebAssembly; package, profile and flags are the caller's to add.
    pub fn cargo_build(self) -> Result<Command> {
        let mut command = match self {
            Way::Rustup => cargo(),
            Way::Debian => {
                let mut command = debian_program("/usr/bin/cargo");
                command.env("RUSTC", "/usr/bin/rustc");
                command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?);
                command
            }
        };
        command.args(["build", "--target", TARGET, "--target-dir", self.target_folder()]);
        command.args(["-Zbuild-std=std", "-Zbuild-std-features=optimize_for_size"]);
        // Building the standard library is not stable yet, and these compilers are stable ones.
        command.env("RUSTC_BOOTSTRAP", "1");
        Ok(command)
    }
}

/// Finds the way that this machine has, makes it ready, and says in one line which it is.
pub fn find(wanted: Option<Way>) -> Result<Way> {
    let (way, how) = match wanted {
        Some(Way::Rustup) => (Way::Rustup, rustup()?),
        Some(Way::Debian) => (Way::Debian, debian()?),
        None => match rustup() {
            Ok(how) => (Way::Rustup, how),
            Err(no_rustup) => {
                let how = debian().with_context(|| format!("{no_rustup:#}; and Debian's packages are no way out"))?;
                (Way::Debian, format!("{how}, since {no_rustup:#}"))
            }
        },
    };
    println!("compiler for {TARGET}: {how}");
    Ok(way)
}

/// How long rustup may take. It has no limit of its own where a network swallows what is sent.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// Debian's packages: compiler, cargo, and the source of the standard library.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

fn rustup() -> Result<String> {
    if has_source()? {
        return Ok("the pinned toolchain".to_owned());
    }
    if !exists("rustup") {
        bail!("the pinned toolchain lacks `rust-src` and there is no rustup to add it");
    }
    run_within(RUSTUP_LIMIT, program("rustup").args(["component", "add", "rust-src"]))?;
    if !has_source()? {
        bail!("`rustup component add rust-src` added it to another toolchain");
    }
    Ok("the pinned toolchain, to which rustup added `rust-src`".to_owned())
}

/// Whether the pinned toolchain has the source of its standard library.
fn has_source() -> Result<bool> {
    Ok(Way::Rustup.sysroot()?.join("lib/rustlib/src/rust/library/std/Cargo.toml").exists())
}

fn debian() -> Result<String> {
    apt::install(&PACKAGES)?;
    linker()?;
    Ok(format!("Debian's {}", output(debian_program("/usr/bin/rustc").arg("--version"))?))
}

/// A linker for WebAssembly: the pinned toolchain's own, or LLVM's.
fn linker() -> Result<PathBuf> {
    let own = Way::Rustup.sysroot()?.join("lib/rustlib").join(host()?).join("bin/rust-lld");
    if own.exists() {
        return Ok(own);
    }
    match exists("wasm-ld") {
        true => Ok(Path::new("wasm-ld").to_owned()),
        false => bail!("there is no linker for {TARGET}: install LLVM's lld, which has `wasm-ld`"),
    }
}

/// The triple of this machine.
fn host() -> Result<String> {
    let about = output(program("rustc").arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

/// A program of Debian's, which is to know nothing of the toolchain that started this one.
fn debian_program(path: &str) -> Command {
    let mut command = program(path);
    without_toolchain(&mut command);
    command
}
