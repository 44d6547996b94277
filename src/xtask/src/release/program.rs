//! The program as archives: linked with the C library of Debian, and with musl, in itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xshell::{Shell, cmd};

use super::archive::{FileTree, gzip};
use super::{CommitTime, folder, version, wasm};
use crate::binary;
use crate::build_stamp::sha256;
use crate::shell::{cargo, exists, root, run_within, shell, target};
use crate::steps::NotRun;

/// The target with the C library of the machine.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The target that needs none.
const STATIC_TARGET: &str = "x86_64-unknown-linux-musl";

/// Time limit of rustup, which has none of its own.
const RUSTUP_TIMEOUT: Duration = Duration::from_secs(120);

/// Writes the archive with the program as it was built and tested.
pub fn write() -> Result<()> {
    write_archive(TARGET, &binary::path())
}

/// Builds the program with musl, and writes the archive with it.
///
/// # Errors
///
/// [`NotRun`] if this machine has no compiler or no standard library for it.
pub fn write_static() -> Result<()> {
    let sh = shell()?;
    if !exists(&sh, "musl-gcc") {
        return Err(NotRun("there is no `musl-gcc`: install Debian's musl-tools".to_owned()).into());
    }
    add_target(&sh)?;
    // AWS-LC is in C.
    let build = cargo(&sh).args(["build", "--release", "--package", "pullgate-cli", "--target", STATIC_TARGET]);
    build.env("CC_x86_64_unknown_linux_musl", "musl-gcc").run()?;
    let program = target().join(STATIC_TARGET).join("release/pullgate");
    // In a root with nothing else: whatever it would load is missing.
    let root = scratch("static")?;
    fs::copy(&program, root.join("pullgate"))?;
    check(|arguments| run_in_root(&root, "/pullgate", arguments))?;
    write_archive(STATIC_TARGET, &program)
}

fn add_target(sh: &Shell) -> Result<()> {
    let sysroot = PathBuf::from(cmd!(sh, "rustc --print sysroot").quiet().read()?);
    if sysroot.join("lib/rustlib").join(STATIC_TARGET).join("lib").exists() {
        return Ok(());
    }
    if !exists(sh, "rustup") {
        return Err(NotRun(format!("the toolchain has no `{STATIC_TARGET}`, and there is no rustup to add it")).into());
    }
    run_within(RUSTUP_TIMEOUT, cmd!(sh, "rustup target add {STATIC_TARGET}"))
        .map_err(|error| NotRun(format!("rustup does not add `{STATIC_TARGET}`: {error:#}")).into())
}

fn write_archive(target: &str, program: &Path) -> Result<()> {
    let name = format!("pullgate-{}-{target}", version()?);
    let mut tree = FileTree::default();
    tree.add_program(format!("{name}/pullgate"), fs::read(program)?);
    for file in ["CHANGELOG.md", "LICENSE", "README.md"] {
        tree.add(format!("{name}/{file}"), fs::read(root().join(file))?);
    }
    tree.add_sources(&format!("{name}/systemd"), "deploy/systemd")?;
    let pages = scratch("man")?;
    let sh = shell()?;
    cmd!(sh, "{program} man {pages}").run()?;
    for page in fs::read_dir(&pages)? {
        let page = page?;
        tree.add(format!("{name}/man/{}", page.file_name().to_string_lossy()), fs::read(page.path())?);
    }
    let archive = folder()?.join(format!("{name}.tar.gz"));
    fs::write(&archive, gzip(&tree.tar(CommitTime::read()?.seconds)?)?)?;
    // As its users get it.
    let unpacked = scratch("program")?;
    cmd!(sh, "tar --extract --gzip --file {archive} --directory {unpacked}").run()?;
    let program = unpacked.join(&name).join("pullgate");
    check(|arguments| Ok(cmd!(sh, "{program} {arguments...}").quiet().read()?))
}

/// Requires that a program has the version of the release, and its module.
pub fn check(run: impl Fn(&[&str]) -> Result<String>) -> Result<()> {
    let (found, wanted) = (run(&["--version"])?, format!("pullgate {}", version()?));
    ensure!(found == wanted, "the program says `{found}`, and should say `{wanted}`");
    let about: Value = serde_json::from_str(&run(&["module", "--json"])?)?;
    for (member, file) in [("module", wasm::core_file()?), ("component", wasm::component_file()?)] {
        let digest = sha256(&fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        if about[member] != *digest {
            bail!("the program has the {member} {}, and {} is {digest}", about[member], file.display());
        }
    }
    Ok(())
}

/// Runs a program with a folder for its root; without root's rights in a user namespace.
pub fn run_in_root(root: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let sh = shell()?;
    let command = match cmd!(sh, "id -u").quiet().read()? == "0" {
        true => cmd!(sh, "chroot {root}"),
        false => cmd!(sh, "unshare --user --map-root-user --root={root}"),
    };
    Ok(command.arg(program).args(arguments).quiet().read()?)
}

/// Returns an empty folder for what is made on the way.
pub fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target().join("release-scratch").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
