//! `cargo xtask module`: the module for npm, its glue, and the component around it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::bindgen::bind;
use crate::command::{root, run};
use crate::component::component;
use crate::optimise::{minify, optimise};
use crate::record::{Record, inputs, sha256, write};
use crate::way::{TARGET, Way, find};
use crate::{precompile, sections};

/// The module for npm, in `pkg/dist`.
pub const MODULE: &str = "pullgate_bg.wasm";
/// The component, in `pkg/dist`.
pub const COMPONENT: &str = "pullgate.component.wasm";
/// The glue that JavaScript loads the module with, in `pkg/dist`.
const GLUE: &str = "pullgate.js";
/// The types of the glue, in `pkg/dist`.
const TYPES: &str = "pullgate.d.ts";

/// What decides the bytes that are built. The task itself is among it: it is the recipe.
const INPUTS: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "package-lock.json",
    "rust-toolchain.toml",
    "src/module",
    "src/policy/Cargo.toml",
    "src/policy/build.rs",
    "src/policy/src",
    "src/unicode/Cargo.toml",
    "src/unicode/build.rs",
    "src/unicode/src",
    "src/xtask/src",
    "wit",
];

/// How the module is compiled. A component cannot be made of a module that speaks in reference types. Only functions of a
/// few instructions are inlined: by the compiler's own measure the module would have a fifth more with gzip, for a tenth of
/// a decision's time.
const FLAGS: [&str; 6] = [
    "-Ctarget-feature=-reference-types,-multivalue",
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    // Nobody is told where a panic was.
    "-Zlocation-detail=none",
    // A fingerprint is taken of a few kilobytes, and the unrolled SHA-256 has as many.
    "--cfg=sha2_backend_soft=\"compact\"",
    "-Cllvm-args=-inline-threshold=40",
];

/// Builds the module and the component, unless they are there and nothing changed since, and shows their digests.
pub fn build(wanted: Option<Way>, force: bool) -> Result<()> {
    let dist = dist();
    fs::create_dir_all(&dist)?;
    let record = Record::new(&dist, "pullgate.sha256", &[MODULE, COMPONENT, GLUE, TYPES]);
    let from = inputs(INPUTS)?;
    let made = record.made_by(&from).filter(|by| !force && wanted.is_none_or(|way| way.name() == by));
    match made {
        Some(by) => println!("nothing changed since the module was built (--way {by})"),
        None => {
            let way = find(wanted)?;
            make(way, &dist)?;
            record.write(&from, way.name())?;
        }
    }
    precompile::precompile(&dist)?;
    report(&dist)
}

/// Where everything is written to.
pub fn dist() -> PathBuf {
    root().join("pkg/dist")
}

fn make(way: Way, dist: &Path) -> Result<()> {
    let folder = root().join(way.target_folder()).join(TARGET).join("module");
    compile(way)?;
    let compiled = fs::read(folder.join("pullgate_module.wasm"))?;
    let bound = bind(&compiled, &folder.join("bound"))?;
    // What the component is made from is described in custom sections: they are the last to go.
    let module = sections::without(&bound.wasm, &|name| !name.starts_with("component-type"))?;
    let module = optimise(&module, &folder.join("optimised"))?;
    let component = component(&module)?;
    write(&dist.join(MODULE), &sections::without(&module, &|_| true)?)?;
    write(&dist.join(COMPONENT), &sections::without(&component, &|_| true)?)?;
    write(&dist.join(GLUE), minify(&bound.js, &folder.join("glue"))?.as_bytes())?;
    write(&dist.join(TYPES), bound.types.as_bytes())
}

fn compile(way: Way) -> Result<()> {
    let mut flags = FLAGS.map(str::to_owned).to_vec();
    for (from, to) in renamed(way)? {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    let mut command = way.cargo_build()?;
    command.args(["--locked", "--profile", "module", "--package", "pullgate-module"]);
    run(command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")))
}

/// Folders of this machine, and what the module calls them: its bytes say nothing of where it was built. Of two that
/// fit, the compiler takes the later one.
fn renamed(way: Way) -> Result<Vec<(PathBuf, &'static str)>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("there is no home folder")?;
    let mut renamed = vec![(home.clone(), "/cargo"), (root(), "/pullgate")];
    for registry in home.join("registry/src").read_dir().into_iter().flatten() {
        renamed.push((registry?.path(), "/cargo/registry"));
    }
    renamed.push((way.sysroot()?.join("lib/rustlib/src/rust"), "/rust"));
    Ok(renamed)
}

/// Shows the digest of the core module, as it is in the npm package and as it is in the component, and the sizes.
fn report(dist: &Path) -> Result<()> {
    let (module, component) = (fs::read(dist.join(MODULE))?, fs::read(dist.join(COMPONENT))?);
    let core = *sections::core_modules(&component)?.first().context("the component has no core module")?;
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

fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
