//! The machine that a benchmark runs on, its load, and the versions of what is measured.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xshell::cmd;

use crate::shell::{root, shell};

/// The load below which a machine is idle enough.
const IDLE_LOAD: f64 = 0.5;
/// The maximum wait for an idle machine. The load is a mean of a minute, and building has just ended.
const IDLE_TIMEOUT: Duration = Duration::from_secs(150);

/// Crates that are measured, at the versions of `benches/runner/Cargo.lock`.
const CRATES: [&str; 4] = ["wasmtime", "cedar-policy", "regorus", "cel"];

/// Go modules that are measured, by the manifest that has their version.
const GO_MODULES: [(&str, &str, &str); 2] = [
    ("gatekeeper", "github.com/open-policy-agent/gatekeeper/v3", "benches/peers/gatekeeper/go.mod"),
    ("opa", "github.com/open-policy-agent/opa", "benches/peers/opa-docker-authz/go.mod"),
];

/// A machine with what is installed on it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Machine {
    /// The date of the measurement, UTC.
    pub date: String,
    /// The commit that was measured.
    commit: String,
    cpu: String,
    processors: usize,
    kernel: String,
    /// The mean number of runnable processes in the last minute, before the measurement.
    load: f64,
    /// Programs and packages with their versions.
    versions: BTreeMap<String, String>,
}

impl Machine {
    pub fn read() -> Result<Self> {
        let sh = shell()?;
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let mut versions: BTreeMap<String, String> = CRATES
            .iter()
            .map(|name| Ok(((*name).to_owned(), locked_version("benches/runner/Cargo.lock", name)?)))
            .collect::<Result<_>>()?;
        let rustc = cmd!(sh, "rustc --version").quiet().read()?;
        versions.insert("rustc".to_owned(), rustc.split(' ').nth(1).unwrap_or(&rustc).to_owned());
        versions
            .insert("node".to_owned(), cmd!(sh, "node --version").quiet().read()?.trim_start_matches('v').to_owned());
        versions.extend(npm_packages()?);
        for (name, module, manifest) in GO_MODULES {
            versions.insert(name.to_owned(), required_version(manifest, module)?);
        }
        let is_changed = !cmd!(sh, "git status --porcelain --untracked-files=no").quiet().read()?.is_empty();
        let commit = cmd!(sh, "git rev-parse --short=10 HEAD").quiet().read()?;
        Ok(Self {
            date: cmd!(sh, "date --utc +%Y-%m-%d").quiet().read()?,
            commit: if is_changed { format!("{commit} with changes") } else { commit },
            cpu: cpu.map_or("unknown processor", |(_, name)| name).to_owned(),
            processors: thread::available_parallelism().map_or(1, usize::from),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            load: load().unwrap_or_default(),
            versions,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, commit, cpu, processors, kernel, load, versions } = self;
        let versions: Vec<_> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let versions = versions.join(", ");
        write!(formatter, "{date}, commit {commit}; {cpu}, {processors} processors, ")?;
        write!(formatter, "Linux {kernel}, load {load:.2}; {versions}.")
    }
}

/// Waits until the machine is idle, and says so where it never is.
pub fn wait_until_idle() {
    let start = Instant::now();
    while load().is_some_and(|load| load > IDLE_LOAD) {
        if start.elapsed() > IDLE_TIMEOUT {
            println!("the machine is not idle: only ratios of one table can be compared");
            return;
        }
        thread::sleep(Duration::from_secs(1));
    }
}

fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// Returns the version of a package in a lock file of cargo.
pub fn locked_version(lock: &str, name: &str) -> Result<String> {
    let text = fs::read_to_string(root().join(lock)).with_context(|| format!("cannot read `{lock}`"))?;
    let start = format!("name = \"{name}\"\nversion = \"");
    let version = text.split_once(&start).and_then(|(_, rest)| rest.split_once('"'));
    version.map(|(version, _)| version.to_owned()).with_context(|| format!("`{lock}` does not name `{name}`"))
}

/// Returns the version of a module that a manifest of Go requires.
fn required_version(manifest: &str, module: &str) -> Result<String> {
    let text = fs::read_to_string(root().join(manifest)).with_context(|| format!("cannot read `{manifest}`"))?;
    let version = text.lines().find_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("require ").unwrap_or(line).strip_prefix(module)?.strip_prefix(" v")
    });
    version.map(str::to_owned).with_context(|| format!("`{manifest}` does not require `{module}`"))
}

/// Returns the packages that are measured in Node.js, with their versions.
fn npm_packages() -> Result<BTreeMap<String, String>> {
    const TOOLS: [&str; 2] = ["esbuild", "reflect-metadata"];
    let manifest: Value = serde_json::from_str(&fs::read_to_string(root().join("benches/node/package.json"))?)?;
    let packages = manifest["devDependencies"].as_object().context("`benches/node` has no packages")?;
    let measured = packages.iter().filter(|(name, _)| !TOOLS.contains(&name.as_str()));
    Ok(measured.map(|(name, version)| (name.clone(), version.as_str().unwrap_or_default().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_is_described_in_one_line() {
        let text = Machine::read().unwrap().to_string();
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in ["commit ", "processors", "wasmtime ", "rustc ", "node ", "validator ", "gatekeeper 3", "opa 1"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn unknown_package_is_an_error() {
        let error = locked_version("Cargo.lock", "no-such-crate").unwrap_err().to_string();
        assert_eq!(error, "`Cargo.lock` does not name `no-such-crate`");
    }
}
