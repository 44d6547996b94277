//! The npm package, packed and installed into an empty project.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xshell::cmd;

use super::program::scratch;
use super::{folder, version, wasm};
use crate::build_stamp::sha256;
use crate::shell::shell;

/// A project that asks the package who it is, and for a decision.
const CONSUMER: &str = "\
import { loadPolicy, moduleDigest, version } from 'pullgate';
const { policy } = loadPolicy({ whitelist: ['registry.example.com'] });
const decided = ['registry.example.com/app', 'alpine'].map((reference) => policy.decide({ reference }).decision);
console.log(JSON.stringify({ version: version(), digest: moduleDigest(), decided }));
";

/// Writes the package.
pub fn write() -> Result<()> {
    crate::npm::install(".")?;
    let (sh, packed) = (shell()?, scratch("npm")?);
    sh.change_dir("pkg");
    cmd!(sh, "npm pack --silent --pack-destination {packed}").run()?;
    let tarball = folder()?.join(format!("pullgate-npm-{}.tgz", version()?));
    fs::copy(packed.join(format!("pullgate-{}.tgz", version()?)), &tarball).context("npm packed another name")?;

    let project = scratch("npm-project")?;
    sh.change_dir(&project);
    fs::write(project.join("package.json"), r#"{ "private": true, "type": "module" }"#)?;
    fs::write(project.join("main.js"), CONSUMER)?;
    cmd!(sh, "npm install --offline --no-audit --no-fund --silent {tarball}").run()?;
    let answer: Value = serde_json::from_str(&cmd!(sh, "node main.js").quiet().read()?)?;
    ensure!(answer["version"] == *version()?, "the package says that it is {}", answer["version"]);
    let module = sha256(&fs::read(wasm::core_file()?)?);
    ensure!(answer["digest"] == *module, "the package has the module {}, and not {module}", answer["digest"]);
    ensure!(answer["decided"] == serde_json::json!(["allow", "deny"]), "the package decides {}", answer["decided"]);
    Ok(())
}
