//! `cargo xtask bench`: times and memory beside other programs, in one run, as tables.
//!
//! Two programs measure: `benches/runner`, a workspace of its own, so that no other build compiles what it compares
//! with, and `benches/node`. Each measures what it compares in turns, in one process.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xshell::cmd;

use crate::machine::{self, Machine};
use crate::markdown::{self, BENCHMARKS, Document};
use crate::shell::{cargo, exists, root, shell, target};
use crate::{binary, module, node, npm, promises, web};

/// A group of measurements: one table.
pub struct Group {
    pub name: &'static str,
    measured_by: MeasuringProgram,
    /// True if it is the program `pullgate` that is measured.
    runs_program: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum MeasuringProgram {
    /// The program of `benches/runner`.
    Runner,
    /// `benches/node`, in Node.js.
    Node,
}

/// The groups, in the order in which they are measured.
pub const GROUPS: [Group; 9] = [
    Group { name: "decisions", measured_by: MeasuringProgram::Runner, runs_program: false },
    Group { name: "engines", measured_by: MeasuringProgram::Runner, runs_program: false },
    Group { name: "loading", measured_by: MeasuringProgram::Runner, runs_program: false },
    Group { name: "command-line", measured_by: MeasuringProgram::Runner, runs_program: true },
    Group { name: "start", measured_by: MeasuringProgram::Runner, runs_program: true },
    Group { name: ADMISSION, measured_by: MeasuringProgram::Runner, runs_program: true },
    Group { name: "engines-in-node", measured_by: MeasuringProgram::Node, runs_program: false },
    Group { name: "entries", measured_by: MeasuringProgram::Node, runs_program: false },
    Group { name: "certificates", measured_by: MeasuringProgram::Node, runs_program: false },
];

/// The group that other programs in front of Docker Engine and Kubernetes are in.
const ADMISSION: &str = "admission";

/// These programs: their folders in `benches/peers`, and their names.
const PEERS: [(&str, &str); 2] = [("opa-docker-authz", "opa-docker-authz"), ("gatekeeper", "gatekeeper-webhook")];

/// The version of OPA whose compiler makes the WebAssembly that runs in Node.js.
const OPA: &str = "github.com/open-policy-agent/opa@v1.22.4";

/// The last results of each group, from the folder of the workspace.
const RESULTS: &str = "benches/results.json";

/// The promises, held against the results.
const SPECIFICATION: &str = "SPECIFICATION.md";

/// A table as the measuring programs print it. Its cells are texts, numbers, or null.
#[derive(Serialize, Deserialize)]
struct MeasuredTable {
    name: String,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// The results of one group.
#[derive(Serialize, Deserialize)]
pub struct GroupResult {
    pub machine: Machine,
    pub columns: Vec<String>,
    /// Rows of texts, numbers and nulls.
    pub rows: Vec<Vec<Value>>,
}

/// Measures the named groups, or all. Results go to `target/bench`, and those of a run that is not quick also into
/// `benches/results.json`, `docs/benchmarks.md` and `SPECIFICATION.md`.
pub fn run(names: &[String], is_quick: bool) -> Result<()> {
    let wanted = |group: &&Group| names.is_empty() || names.iter().any(|name| name == group.name);
    let groups: Vec<&Group> = GROUPS.iter().filter(wanted).collect();
    let of = |program: MeasuringProgram| -> Vec<&str> {
        groups.iter().filter(|group| group.measured_by == program).map(|group| group.name).collect()
    };
    let (by_runner, by_node) = (of(MeasuringProgram::Runner), of(MeasuringProgram::Node));
    node::check()?;
    module::build_default()?;
    if groups.iter().any(|group| group.runs_program) {
        web::build()?;
        binary::build()?;
    }
    let runner = build_runner()?;
    let peers = target().join("bench/peers");
    if groups.iter().any(|group| group.name == ADMISSION) {
        build_peers(&peers)?;
    }
    let mut opa_wasm = None;
    if !by_node.is_empty() {
        npm::install("benches/node")?;
        opa_wasm = compile_opa_policy()?;
    }
    if !is_quick {
        machine::wait_until_idle();
    }

    let machine = Machine::read()?;
    println!("{machine}");
    let sh = shell()?;
    let quick = is_quick.then_some("--quick");
    let mut tables: Vec<MeasuredTable> = Vec::new();
    if !by_runner.is_empty() {
        let program = binary::path();
        tables.extend(parse(&cmd!(sh, "{runner} {quick...} {program} {peers} {by_runner...}").read()?)?);
    }
    if !by_node.is_empty() {
        let opa_wasm = opa_wasm.unwrap_or_default();
        let script = root().join("benches/node/bench.mjs");
        tables.extend(parse(&cmd!(sh, "node {script} {quick...} {runner} {opa_wasm} {by_node...}").read()?)?);
    }
    let results: BTreeMap<String, GroupResult> = tables
        .into_iter()
        .map(|MeasuredTable { name, columns, rows }| (name, GroupResult { machine: machine.clone(), columns, rows }))
        .collect();
    for (name, GroupResult { columns, rows, .. }) in &results {
        println!("\n{name}\n\n{}", markdown::table(columns, rows));
    }
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    write_json(&folder.join("results.json"), &results)?;
    if is_quick { Ok(()) } else { record(results) }
}

fn parse(text: &str) -> Result<Vec<MeasuredTable>> {
    serde_json::from_str(text).context("the measuring program printed no tables")
}

/// Replaces the recorded results of the measured groups, their tables, and that of the promises.
fn record(results: BTreeMap<String, GroupResult>) -> Result<()> {
    let path = root().join(RESULTS);
    let mut recorded: BTreeMap<String, GroupResult> = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("`{RESULTS}` cannot be read"))?,
        Err(_) => BTreeMap::new(),
    };
    let mut document = Document::open(BENCHMARKS)?;
    for (name, result) in results {
        let GroupResult { machine, columns, rows } = &result;
        let content = markdown::table(columns, rows) + "\n" + &markdown::paragraph(&machine.to_string());
        document.replace(&name, &content)?;
        recorded.insert(name, result);
    }
    write_json(&path, &recorded)?;
    document.write()?;
    let mut specification = Document::open(SPECIFICATION)?;
    specification.replace("promises", &promises::table(&recorded)?)?;
    specification.write()
}

fn write_json(path: &Path, results: &BTreeMap<String, GroupResult>) -> Result<()> {
    let text = serde_json::to_string_pretty(results)? + "\n";
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Builds the program that measures natively, into the common target folder: most of its dependencies are there.
fn build_runner() -> Result<PathBuf> {
    let (sh, target) = (shell()?, target());
    let build = cargo(&sh).args(["build", "--release", "--locked", "--manifest-path", "benches/runner/Cargo.toml"]);
    build.arg("--target-dir").arg(&target).run()?;
    Ok(target.join("release/pullgate-bench-runner"))
}

/// Builds the programs of `benches/peers` by Go. One that cannot be built is not there afterwards, and its row says so.
fn build_peers(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let sh = shell()?;
    for (source, name) in PEERS {
        let source = root().join("benches/peers").join(source);
        let (_folder, program) = (sh.push_dir(&source), folder.join(name));
        if let Err(error) = cmd!(sh, "go build -trimpath -buildvcs=false -o {program} .").run() {
            println!("{name} is left out: {error}");
        }
    }
    Ok(())
}

/// Compiles the rules in Rego to WebAssembly; `None` without Go.
fn compile_opa_policy() -> Result<Option<PathBuf>> {
    let sh = shell()?;
    if cmd!(sh, "go version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        println!("OPA is left out: there is no Go to build its compiler");
        return Ok(None);
    }
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    let (rules, bundle) = (root().join("benches/runner/registry.rego"), folder.join("opa.tar.gz"));
    cmd!(sh, "go run {OPA} build --target wasm --entrypoint registry/allow --output {bundle} {rules}").run()?;
    if !exists(&sh, "tar") {
        bail!("`tar` is missing: install it");
    }
    cmd!(sh, "tar --extract --file {bundle} --directory {folder} /policy.wasm").ignore_stderr().run()?;
    Ok(Some(folder.join("policy.wasm")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_its_section() {
        let mut document = Document::open(BENCHMARKS).unwrap();
        for group in GROUPS {
            document.replace(group.name, "").unwrap();
        }
        Document::open(SPECIFICATION).unwrap().replace("promises", "").unwrap();
    }

    /// The benchmarks resolve their dependencies by themselves, and measure the runtime that the program has.
    #[test]
    fn runner_has_the_runtime_of_the_program() {
        for name in ["cranelift-codegen", "idna", "wasmtime"] {
            let locked = |lock| machine::locked_version(lock, name).unwrap();
            assert_eq!(locked("Cargo.lock"), locked("benches/runner/Cargo.lock"), "{name}");
        }
    }

    #[test]
    fn runner_is_compiled_as_the_program() {
        let profile = |path: &str, end: &str| {
            let manifest = fs::read_to_string(root().join(path)).unwrap();
            let profile = manifest.split_once("[profile.release]\n").unwrap().1;
            let (profile, _) = profile.split_once(end).unwrap_or((profile, ""));
            profile.lines().filter(|line| !line.starts_with("overflow-checks")).collect::<Vec<_>>().join("\n")
        };
        let (program, runner) = (profile("Cargo.toml", "\n\n["), profile("benches/runner/Cargo.toml", "\n\n["));
        assert_eq!(program.trim(), runner.trim());
    }
}
