//! The module: an engine and the compiled component.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use base16ct::lower::encode_string;
use pullgate::Denial;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::bindings::PullgatePre;
use crate::core_module::core_module;
use crate::embedded;
use crate::engine;
use crate::epoch::tick;
use crate::error::ModuleError;
use crate::instance::{Bounds, Instance};
use crate::limits::Limits;

/// The rules, compiled and ready to be instantiated. Cheap to clone, and shared by everything that is loaded from it.
#[derive(Clone)]
pub struct Module {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) component: PullgatePre<Bounds>,
    pub(crate) digest: String,
    pub(crate) component_digest: String,
    /// The limits for what needs no policy.
    pub(crate) limits: Limits,
    /// An instance at rest, for checking entries.
    pub(crate) checker: Mutex<Option<Instance>>,
    pub(crate) thrown_away: [AtomicU64; CAUSES.len()],
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
        let found = encode_string(&Sha256::digest(bytes));
        if !found.eq_ignore_ascii_case(sha256) {
            return Err(ModuleError::Digest { expected: sha256.to_owned(), found });
        }
        let engine = engine::engine().map_err(|error| ModuleError::Engine(format!("{error:#}")))?;
        let component = embedded::compile(&engine, bytes)?;
        let module = core_module(bytes).unwrap_or_default();
        Self::new(engine, &component, &encode_string(&Sha256::digest(module)), &found)
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

    /// How many instances of the policies of this module were thrown away so far, by cause; others took their places.
    pub fn thrown_away(&self) -> [(Denial, u64); 3] {
        std::array::from_fn(|index| (CAUSES[index], self.inner.thrown_away[index].load(Ordering::Relaxed)))
    }

    pub(crate) fn threw_away(&self, cause: Denial) {
        if let Some(index) = CAUSES.iter().position(|known| *known == cause) {
            self.inner.thrown_away[index].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn component(&self) -> &PullgatePre<Bounds> {
        &self.inner.component
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Module").field("digest", &self.inner.digest).finish_non_exhaustive()
    }
}
