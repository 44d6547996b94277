//! `cargo xtask module`: the module for npm, its glue, and the component around it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use flate2::Compression;
use flate2::write::GzEncoder;
use xshell::cmd;

use crate::build_stamp::{BuildStamp, inputs, sha256, write};
use crate::dist::{COMPONENT, GLUE, MODULE, TYPES};
use crate::shell::{root, shell, target};
use crate::toolchain::{TARGET, Toolchain};
use crate::wasm_opt::{minify, optimize};
use crate::wasm_sections::{core_modules, without_custom};
use crate::{bindgen, component, dist};

/// Files and folders that decide the bytes of the module. The task itself is among them: it is the recipe.
const INPUTS: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "package-lock.json",
    "rust-toolchain.toml",
    "src/module",
    "src/policy/Cargo.toml",
    "src/policy/build",
    "src/policy/build.rs",
    "src/policy/src",
    "src/unicode/Cargo.toml",
    "src/unicode/build.rs",
    "src/unicode/src",
    "src/xtask/src",
    "wit",
];

/// The files that are built, and their stamp.
const FILES: &[&str] = &[MODULE, COMPONENT, GLUE, TYPES];
const STAMP: &str = "pullgate.sha256";

/// Compiler flags of the module. No component can be made of a module with reference types. Only functions of a few
/// instructions are inlined: by the compiler's own measure the module would have a fifth more with gzip, for a tenth of a
/// decision's time. Loops are unrolled only where the copies come to almost nothing, which is another 6 KB with gzip.
const FLAGS: [&str; 7] = [
    "-Ctarget-feature=-reference-types,-multivalue",
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    // Panics print nothing, so their places are not needed.
    "-Zlocation-detail=none",
    // Fingerprints hash a few kilobytes, and the unrolled SHA-256 alone is as large.
    "--cfg=sha2_backend_soft=\"compact\"",
    "-Cllvm-args=-inline-threshold=40",
    "-Cllvm-args=-unroll-threshold=20",
];

/// Builds the module and the component with the toolchain that this machine has, unless nothing changed.
pub fn build_default() -> Result<()> {
    build(None, false)
}

/// Builds the module and the component, unless nothing changed since or `force` is set, and prints their digests.
pub fn build(wanted: Option<Toolchain>, force: bool) -> Result<()> {
    let dist = dist::folder();
    fs::create_dir_all(&dist)?;
    let stamp = BuildStamp::new(&dist, STAMP, FILES);
    let from = inputs(INPUTS)?;
    let builder = stamp.builder(&from).filter(|by| !force && wanted.is_none_or(|toolchain| toolchain.name() == by));
    match builder {
        Some(by) => println!("nothing changed since the module was built (--toolchain {by})"),
        None => {
            let toolchain = Toolchain::locate(wanted)?;
            make(toolchain, &root(), &toolchain.target_folder(), &dist)?;
            stamp.write(&from, toolchain.name())?;
        }
    }
    report(&dist)
}

/// Builds the module again, of a copy of the sources in another folder, and compares every byte.
///
/// # Errors
///
/// If the module is not built, or if a file is another one.
pub fn reproduce() -> Result<()> {
    let dist = dist::folder();
    let builder = BuildStamp::new(&dist, STAMP, FILES).builder(&inputs(INPUTS)?).context("the module is not built")?;
    let toolchain = Toolchain::from_str(&builder, false).map_err(anyhow::Error::msg)?;
    let elsewhere = target().join("reproduced");
    if elsewhere.exists() {
        fs::remove_dir_all(&elsewhere)?;
    }
    // Longer than the workspace's own path, and with another name.
    let (source, again) = (elsewhere.join("other/sources"), elsewhere.join("dist"));
    copy_sources(&source)?;
    fs::create_dir_all(&again)?;
    make(toolchain, &source, &elsewhere.join("target"), &again)?;
    for name in FILES {
        if fs::read(dist.join(name))? != fs::read(again.join(name))? {
            bail!("`{name}` is another one when it is built in {}", source.display());
        }
        println!("{}  {name}, built in {} too", sha256(&fs::read(again.join(name))?), source.display());
    }
    // 500 MB, of no use to any other build.
    fs::remove_dir_all(&elsewhere)?;
    Ok(())
}

/// Copies all files of the workspace that git has or would take.
fn copy_sources(to: &Path) -> Result<()> {
    let sh = shell()?;
    let names = cmd!(sh, "git ls-files --cached --others --exclude-standard -z").quiet().read()?;
    for name in names.split('\0').filter(|name| root().join(name).is_file()) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().context("a file has no folder")?)?;
        fs::copy(root().join(name), path)?;
    }
    Ok(())
}

/// Builds the module of the sources in a folder, with another folder for what is built, into `dist`.
fn make(toolchain: Toolchain, source: &Path, target: &Path, dist: &Path) -> Result<()> {
    let folder = target.join(TARGET).join("module");
    compile(toolchain, source, target)?;
    let compiled = fs::read(folder.join("pullgate_module.wasm"))?;
    let output = bindgen::run(&compiled, &folder.join("bindgen"))?;
    // Custom sections describe the component's interface, so these are the last to go.
    let module = without_custom(&output.wasm, &|name| !name.starts_with("component-type"))?;
    let module = optimize(&module, &folder.join("optimized"))?;
    let component = component::encode(&module)?;
    write(&dist.join(MODULE), &without_custom(&module, &|_| true)?)?;
    write(&dist.join(COMPONENT), &without_custom(&component, &|_| true)?)?;
    write(&dist.join(GLUE), minify(&output.js, &folder.join("glue"))?.as_bytes())?;
    write(&dist.join(TYPES), output.types.as_bytes())
}

/// Returns the module as it goes into the optimiser, with the names of its functions, and the folder for files beside
/// it. The module must be built.
pub fn linked_module() -> Result<(Vec<u8>, PathBuf)> {
    let stamp = BuildStamp::new(&dist::folder(), STAMP, FILES);
    let builder = stamp.builder(&inputs(INPUTS)?).context("the module is not built")?;
    let toolchain = Toolchain::from_str(&builder, false).map_err(anyhow::Error::msg)?;
    let folder = toolchain.target_folder().join(TARGET).join("module");
    let wasm = fs::read(folder.join("bindgen/pullgate_bg.wasm"))?;
    Ok((without_custom(&wasm, &|name| name != "name")?, folder))
}

fn compile(toolchain: Toolchain, source: &Path, target: &Path) -> Result<()> {
    let mut flags = FLAGS.map(str::to_owned).to_vec();
    for (from, to) in path_prefixes(toolchain, source)? {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    let sh = shell()?;
    sh.change_dir(source);
    let cargo =
        toolchain.cargo_build(&sh, target)?.args(["--locked", "--profile", "module", "--package", "pullgate-module"]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")).run()?;
    Ok(())
}

/// Returns folders of this machine, each with its name in the module: its bytes do not depend on where it was built. Of
/// two that fit, the compiler takes the later one.
fn path_prefixes(toolchain: Toolchain, source: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("there is no home folder")?;
    let mut prefixes = vec![(home.clone(), "/cargo"), (source.to_owned(), "/pullgate")];
    for registry in home.join("registry/src").read_dir().into_iter().flatten() {
        prefixes.push((registry?.path(), "/cargo/registry"));
    }
    prefixes.push((toolchain.sysroot()?.join("lib/rustlib/src/rust"), "/rust"));
    Ok(prefixes)
}

/// Prints the digests of the core module in the npm package and in the component, and the sizes.
fn report(dist: &Path) -> Result<()> {
    let (module, component) = (fs::read(dist.join(MODULE))?, fs::read(dist.join(COMPONENT))?);
    let core = *core_modules(&component)?.first().context("the component has no core module")?;
    let (in_package, in_component) = (sha256(&module), sha256(core));
    println!("{in_package}  core module of the npm package");
    println!("{in_component}  core module of the component");
    if in_package != in_component {
        bail!("the npm package and the component have different core modules");
    }
    for name in [MODULE, GLUE, COMPONENT] {
        let bytes = fs::read(dist.join(name))?;
        println!("{:>9} bytes, {:>7} with gzip  pkg/dist/{name}", bytes.len(), gzip(&bytes)?);
    }
    Ok(())
}

/// Returns the size of bytes with gzip.
pub fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
