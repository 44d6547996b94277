//! The module: an engine and the compiled component.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use pullgate::{
    CertificateReport, Comparison, Denial, EntryReport, Finding, List, NarrowError, PolicyReport, Unreadable,
};
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, EngineWeak};

use crate::bindings::PullgatePre;
use crate::core_module::core_module;
use crate::embedded;
use crate::engine;
use crate::error::{Failure, LoadError, ModuleError};
use crate::evaluator::{Gate, Limits, Options};
use crate::instance::{Bounds, Instance};
use crate::wit_convert;

/// How often deadlines are looked at, in milliseconds.
const TICK_MS: u64 = 10;

/// The rules, compiled and ready to be instantiated. Cheap to clone, and shared by everything that is loaded from it.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    component: PullgatePre<Bounds>,
    digest: String,
    component_digest: String,
    /// The limits for what needs no policy.
    limits: Limits,
    /// An instance at rest, for checking entries.
    checker: Mutex<Option<Instance>>,
    thrown_away: [AtomicU64; CAUSES.len()],
}

/// Why an instance is thrown away.
const CAUSES: [Denial; 3] = [Denial::Trap, Denial::TimeOut, Denial::Memory];

impl Module {
    /// The module that is built into this crate. Made once for the whole process: this costs a few milliseconds, or
    /// about a second on a machine whose processor is not like the one that it was built on.
    ///
    /// # Errors
    ///
    /// If wasmtime does not work on this machine.
    pub fn built_in() -> Result<Self, ModuleError> {
        static BUILT_IN: OnceLock<Module> = OnceLock::new();
        if let Some(module) = BUILT_IN.get() {
            return Ok(module.clone());
        }
        let engine = engine::engine().map_err(|error| ModuleError::Engine(format!("{error:#}")))?;
        let component = embedded::component(&engine)?;
        let module = Self::new(engine, &component, embedded::MODULE_SHA256, embedded::COMPONENT_SHA256)?;
        Ok(BUILT_IN.get_or_init(|| module).clone())
    }

    /// A component of the caller's own, compiled here, which takes about a second. `sha256` is the SHA-256 that the
    /// bytes must have, in hexadecimal.
    ///
    /// # Errors
    ///
    /// If the digest is another, or if the bytes are no component with the interface [`WIT`](crate::WIT).
    pub fn from_component(bytes: &[u8], sha256: &str) -> Result<Self, ModuleError> {
        let found = hex(&Sha256::digest(bytes));
        if !found.eq_ignore_ascii_case(sha256) {
            return Err(ModuleError::Digest { expected: sha256.to_owned(), found });
        }
        let engine = engine::engine().map_err(|error| ModuleError::Engine(format!("{error:#}")))?;
        let component = embedded::compile(&engine, bytes)?;
        let module = core_module(bytes).unwrap_or_default();
        Self::new(engine, &component, &hex(&Sha256::digest(module)), &found)
    }

    fn new(engine: Engine, component: &Component, digest: &str, component_digest: &str) -> Result<Self, ModuleError> {
        // The component imports nothing, so the linker stays empty.
        let component = Linker::new(&engine)
            .instantiate_pre(component)
            .and_then(PullgatePre::new)
            .map_err(|error| ModuleError::Unfit(format!("{error:#}")))?;
        tick(engine.weak()).map_err(|error| ModuleError::Engine(error.to_string()))?;
        let (digest, component_digest) = (digest.to_owned(), component_digest.to_owned());
        let (limits, checker) = (Limits::default(), Mutex::new(None));
        let thrown_away = Default::default();
        let inner = Inner { engine, component, digest, component_digest, limits, checker, thrown_away };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The SHA-256 of the core module inside the component, in lower-case hexadecimal: that of the file in the npm
    /// package too.
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }

    /// The SHA-256 of the component, in lower-case hexadecimal.
    pub fn component_digest(&self) -> &str {
        &self.inner.component_digest
    }

    /// The version of pullgate that the module is from.
    ///
    /// # Errors
    ///
    /// If the module fails.
    pub fn version(&self) -> Result<String, Failure> {
        self.check(|exports, store| exports.pullgate_policy_about().call_version(store))
    }

    /// The SHA-256 of the source of the module's rules, in lower-case hexadecimal: equal to [`pullgate::RULES`] if it
    /// is from the same source as this program.
    ///
    /// # Errors
    ///
    /// If the module fails.
    pub fn rules(&self) -> Result<String, Failure> {
        self.check(|exports, store| exports.pullgate_policy_about().call_rules(store))
    }

    /// How many instances of the policies of this module were thrown away so far, by cause; others took their places.
    pub fn thrown_away(&self) -> [(Denial, u64); 3] {
        std::array::from_fn(|index| (CAUSES[index], self.inner.thrown_away[index].load(Ordering::Relaxed)))
    }

    pub(crate) fn threw_away(&self, cause: Denial) {
        if let Some(index) = CAUSES.iter().position(|known| *known == cause) {
            self.inner.thrown_away[index].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Checks one entry, at most 1,024 bytes, as an element of `list`.
    ///
    /// # Errors
    ///
    /// If the module fails. An entry with errors is a report with findings.
    pub fn check_entry(&self, text: &str, list: List) -> Result<EntryReport, Failure> {
        let report = self.check(|exports, store| {
            exports.pullgate_policy_validation().call_check_entry(store, text, wit_convert::list_in(list))
        })?;
        wit_convert::entry_report(text, report)
    }

    /// Checks certificates given as PEM, at most 1 MiB, as of `at`, in seconds since 1970-01-01 UTC. `pem` is what a file
    /// holds, whatever that is.
    ///
    /// # Errors
    ///
    /// If the module fails. A file with errors is a report with findings.
    pub fn check_certificates(&self, pem: &[u8], at: u64) -> Result<CertificateReport, Failure> {
        let report =
            self.check(|exports, store| exports.pullgate_policy_validation().call_check_certificates(store, pem, at))?;
        wit_convert::certificate_report(report)
    }

    /// Checks a policy document, JSON text of at most 64 MiB, as of `at`, in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    ///
    /// If the module fails. A document with errors is a report with findings.
    pub fn check_policy(&self, document: &str, at: u64) -> Result<PolicyReport, Failure> {
        // An instance of its own, gone afterwards: a large document leaves much memory behind.
        let limits = &self.inner.limits;
        let report = Instance::new(self, limits)?.call(limits.load, |exports, store| {
            exports.pullgate_policy_validation().call_check_policy(store, document, at)
        })?;
        wit_convert::policy_report(report)
    }

    /// Says what replacing one policy document by another does, both as of `at`, in seconds since 1970-01-01 UTC (rule A1).
    /// The inner error has the findings of documents that do not load.
    ///
    /// # Errors
    ///
    /// If the module fails.
    pub fn compare(&self, old: &str, new: &str, at: u64) -> Result<Result<Comparison, Unreadable>, Failure> {
        let limits = &self.inner.limits;
        let compared = Instance::new(self, limits)?.call(limits.load, |exports, store| {
            exports.pullgate_policy_admission().call_compare(store, old, new, at)
        })?;
        match compared {
            Ok(comparison) => Ok(Ok(wit_convert::comparison(comparison))),
            Err(why) => wit_convert::unreadable(why).map(Err),
        }
    }

    /// The policy narrowed to the lists of another document, both as of `at`, in seconds since 1970-01-01 UTC: a document in
    /// canonical form (rule A2). The inner error says why the policy stays as it is.
    ///
    /// # Errors
    ///
    /// If the module fails.
    pub fn narrow(&self, policy: &str, remote: &str, at: u64) -> Result<Result<String, NarrowError>, Failure> {
        let limits = &self.inner.limits;
        let narrowed = Instance::new(self, limits)?.call(limits.load, |exports, store| {
            exports.pullgate_policy_admission().call_narrow(store, policy, remote, at)
        })?;
        match narrowed {
            Ok(document) => Ok(Ok(document)),
            Err(why) => wit_convert::narrow_error(why).map(Err),
        }
    }

    /// Loads a policy document, JSON text of at most 64 MiB, as of `at`, in seconds since 1970-01-01 UTC. With the
    /// policy come the document's findings, none of them an error that keeps a policy from loading.
    ///
    /// # Errors
    ///
    /// If the document has errors, or if the module fails.
    pub fn load(&self, document: &str, at: u64, options: Options) -> Result<(Gate, Vec<Finding>), LoadError> {
        Gate::load(self, document, at, options)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn component(&self) -> &PullgatePre<Bounds> {
        &self.inner.component
    }

    /// Calls a function that needs no policy.
    fn check<T>(
        &self,
        call: impl FnOnce(&crate::bindings::Pullgate, &mut wasmtime::Store<Bounds>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let limits = &self.inner.limits;
        let checker = || self.inner.checker.lock().unwrap_or_else(PoisonError::into_inner);
        let resting = checker().take();
        let mut instance = match resting {
            Some(instance) => instance,
            None => Instance::new(self, limits)?,
        };
        let result = instance.call(limits.decision, call)?;
        *checker() = Some(instance);
        Ok(result)
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Module").field("digest", &self.inner.digest).finish_non_exhaustive()
    }
}

/// How many ticks make up a time, rounded up; one more, since the current tick is partly over.
pub(crate) fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX) / TICK_MS + 2
}

/// Counts the epochs of an engine for as long as it is there.
fn tick(engine: EngineWeak) -> std::io::Result<()> {
    let count = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(Duration::from_millis(TICK_MS));
        }
    };
    thread::Builder::new().name("pullgate-epochs".to_owned()).spawn(count).map(drop)
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
