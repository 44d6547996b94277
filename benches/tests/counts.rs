//! Costs that can be counted: instructions of the module for fixed inputs, in wasmtime's fuel, and the module's sizes. They
//! are equal on every machine, so that a regression shows where no clock would show it.
//!
//! `benches/counts.json` records them. A change that moves one by more than a hundredth has to record it anew, with
//! `PULLGATE_COUNTS=write` in the environment, and says why in its commit.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use pullgate_benches::{ALLOWED, DENIED, LOOKUP, changed, policy};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, Store};

use bindings::Pullgate;
use bindings::exports::pullgate::policy::admission::{ReferenceKind, Request};
use bindings::exports::pullgate::policy::types::EntryList;

/// Bindings of the component, generated from the WIT.
#[allow(missing_docs, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "pullgate",
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The part of a count that may change without being recorded.
const TOLERANCE: f64 = 0.01;
/// The time of all checks: 2026-11-30.
const AT: u64 = 1_796_000_000;
/// Enough fuel for every call.
const FUEL: u64 = 1 << 50;

type Counts = BTreeMap<String, u64>;

#[test]
fn counts_are_as_recorded() {
    let counts: Counts = sizes().into_iter().chain(fuel()).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("counts.json");
    if std::env::var_os("PULLGATE_COUNTS").is_some_and(|mode| mode == "write") {
        let text = serde_json::to_string_pretty(&counts).expect("numbers are JSON") + "\n";
        return fs::write(&path, text).expect("the folder is writable");
    }
    let recorded: Counts = serde_json::from_str(&fs::read_to_string(&path).expect("the counts are recorded"))
        .expect("the record is an object of numbers");
    assert_eq!(
        counts.keys().collect::<Vec<_>>(),
        recorded.keys().collect::<Vec<_>>(),
        "other things are counted than are recorded: record them with `PULLGATE_COUNTS=write`"
    );
    let moved: Vec<_> = counts
        .iter()
        .filter(|(name, count)| count.abs_diff(recorded[*name]) as f64 > recorded[*name] as f64 * TOLERANCE)
        .map(|(name, count)| format!("{name}: {count}, recorded {}", recorded[name]))
        .collect();
    assert!(
        moved.is_empty(),
        "counts moved by more than a hundredth; if that is meant, record them with `PULLGATE_COUNTS=write`, and say why \
         in the commit:\n{}",
        moved.join("\n")
    );
}

/// Returns the sizes of the module, in bytes.
fn sizes() -> Counts {
    let module = dist("pullgate_bg.wasm");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&module).expect("memory takes everything");
    let gzip = gzip.finish().expect("memory takes everything").len();
    Counts::from([("module bytes".to_owned(), module.len() as u64), ("module bytes, gzip".to_owned(), gzip as u64)])
}

/// Returns the fuel of fixed calls. Each is made twice, and the second counts: the first one also fills tables.
fn fuel() -> Counts {
    let mut instance = Instance::new();
    let mut counts = Counts::new();
    for (name, text) in
        [("name", "registry.example.com:5000"), ("network", "10.2.2.0/24"), ("error", "h*r.example.com")]
    {
        let used = instance.second(|exports, store| {
            exports.pullgate_policy_validation().call_check_entry(store, text, EntryList::Whitelist).map(drop)
        });
        counts.insert(format!("fuel, check-entry, {name}"), used);
    }
    let pem = fs::read(root().join("tests/certificates/ca.pem")).expect("the certificate is there");
    let used = instance.second(|exports, store| {
        exports.pullgate_policy_validation().call_check_certificates(store, &pem, AT).map(drop)
    });
    counts.insert("fuel, check-certificates, one".to_owned(), used);
    for entries in [4, 1_000] {
        let document = policy(entries);
        let used = instance.second(|exports, store| {
            exports.pullgate_policy_validation().call_check_policy(store, &document, AT).map(drop)
        });
        counts.insert(format!("fuel, check-policy, {entries} entries"), used);
        let mut loading = Instance::new();
        let (policy, used) = loading.load(&document);
        counts.insert(format!("fuel, load, {entries} entries"), used);
        for (name, reference) in ALLOWED.into_iter().chain(DENIED).chain([LOOKUP]) {
            let request = || Request { reference, kind: ReferenceKind::Image, project: None, dns_answers: None };
            let used = loading.second(|exports, store| {
                exports.pullgate_policy_admission().policy().call_decide(store, policy, request()).map(drop)
            });
            counts.insert(format!("fuel, decide, {name}, {entries} entries"), used);
        }
    }
    let (old, new) = (policy(1_000), changed(&policy(1_000)));
    let used = instance
        .second(|exports, store| exports.pullgate_policy_admission().call_compare(store, &old, &new, AT).map(drop));
    counts.insert("fuel, compare, 1000 entries".to_owned(), used);
    counts
}

/// An instance of the component whose instructions are counted.
struct Instance {
    store: Store<()>,
    exports: Pullgate,
}

impl Instance {
    fn new() -> Self {
        let mut config = Config::new();
        config.consume_fuel(true);
        let engine = Engine::new(&config).expect("wasmtime works here");
        let component = Component::from_binary(&engine, &dist("pullgate.component.wasm")).expect("it is a component");
        let mut store = Store::new(&engine, ());
        store.set_hostcall_fuel(usize::MAX);
        store.set_fuel(FUEL).expect("fuel is on");
        let exports = Pullgate::instantiate(&mut store, &component, &Linker::new(&engine)).expect("it imports nothing");
        Self { store, exports }
    }

    /// Loads a policy, and returns it with the fuel that it took.
    fn load(&mut self, document: &str) -> (ResourceAny, u64) {
        let mut policy = None;
        let used = self.used(|exports, store| {
            let loaded = exports.pullgate_policy_admission().policy().call_load(store, document, AT)?;
            policy = Some(loaded.unwrap_or_else(|findings| panic!("the policy loads: {findings:?}")).policy);
            Ok(())
        });
        (policy.expect("the policy was loaded"), used)
    }

    /// Makes a call twice, and returns the fuel of the second.
    fn second(&mut self, call: impl Fn(&Pullgate, &mut Store<()>) -> wasmtime::Result<()>) -> u64 {
        self.used(&call);
        self.used(&call)
    }

    fn used(&mut self, call: impl FnOnce(&Pullgate, &mut Store<()>) -> wasmtime::Result<()>) -> u64 {
        self.store.set_fuel(FUEL).expect("fuel is on");
        call(&self.exports, &mut self.store).expect("the call succeeds");
        FUEL - self.store.get_fuel().expect("fuel is on")
    }
}

fn dist(name: &str) -> Vec<u8> {
    let path = root().join("pkg/dist").join(name);
    fs::read(path).unwrap_or_else(|error| panic!("no `pkg/dist/{name}` ({error}): run `cargo xtask module` first"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
