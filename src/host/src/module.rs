//! The module: an engine and the compiled component.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

#[cfg(feature = "compiler")]
use base16ct::lower::encode_string;
use pullgate::DenialReason;
#[cfg(feature = "compiler")]
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::bindings::PullgatePre;
#[cfg(feature = "compiler")]
use crate::core_module::core_module;
use crate::embedded;
use crate::engine;
use crate::epoch::spawn_epoch_ticker;
use crate::error::ModuleError;
use crate::instance::{Instance, StoreBounds};
use crate::limits::ResourceLimits;

/// The rules, compiled and ready to be instantiated. Cheap to clone; every policy loaded from it shares it.
#[derive(Clone)]
pub struct Module {
    pub(crate) inner: Arc<ModuleState>,
}

pub(crate) struct ModuleState {
    pub(crate) component: PullgatePre<StoreBounds>,
    pub(crate) digest: String,
    pub(crate) component_digest: String,
    /// The limits of calls without a policy.
    pub(crate) limits: ResourceLimits,
    /// An idle instance for calls without a policy.
    pub(crate) idle_instance: Mutex<Option<Instance>>,
    pub(crate) discarded_instances: [AtomicU64; DISCARD_CAUSES.len()],
}

/// The reasons to discard an instance.
const DISCARD_CAUSES: [DenialReason; 3] = [DenialReason::Trap, DenialReason::TimeOut, DenialReason::Memory];

impl Module {
    /// Returns the embedded module, created once per process within a few milliseconds.
    ///
    /// # Errors
    ///
    /// If wasmtime does not work on this machine, or if the processor lacks an instruction of the machine code.
    pub fn built_in() -> Result<Self, ModuleError> {
        static BUILT_IN: OnceLock<Module> = OnceLock::new();
        if let Some(module) = BUILT_IN.get() {
            return Ok(module.clone());
        }
        let engine = engine()?;
        let component = embedded::component(&engine)?;
        let module = Self::new(&engine, &component, embedded::MODULE_SHA256, embedded::COMPONENT_SHA256)?;
        Ok(BUILT_IN.get_or_init(|| module).clone())
    }

    /// Compiles a given component, which takes about a second. `sha256` is the expected SHA-256 of the bytes in
    /// hexadecimal.
    ///
    /// # Errors
    ///
    /// If the digest differs, or if the bytes are no component with the interface [`WIT`](crate::WIT).
    #[cfg(feature = "compiler")]
    pub fn from_component(bytes: &[u8], sha256: &str) -> Result<Self, ModuleError> {
        let found = encode_string(&Sha256::digest(bytes));
        if !found.eq_ignore_ascii_case(sha256) {
            return Err(ModuleError::Digest { expected: sha256.to_owned(), found });
        }
        let engine = engine()?;
        let component = Component::from_binary(&engine, bytes)
            .map_err(|error| ModuleError::InvalidComponent(format!("{error:#}")))?;
        let module = core_module(bytes).unwrap_or_default();
        Self::new(&engine, &component, &encode_string(&Sha256::digest(module)), &found)
    }

    fn new(engine: &Engine, component: &Component, digest: &str, component_digest: &str) -> Result<Self, ModuleError> {
        // The component imports nothing, so the linker stays empty.
        let component = Linker::new(engine)
            .instantiate_pre(component)
            .and_then(PullgatePre::new)
            .map_err(|error| ModuleError::InvalidComponent(format!("{error:#}")))?;
        spawn_epoch_ticker(engine.weak()).map_err(|error| ModuleError::Engine(error.to_string()))?;
        let (digest, component_digest) = (digest.to_owned(), component_digest.to_owned());
        let (limits, checker) = (ResourceLimits::default(), Mutex::new(None));
        let thrown_away = Default::default();
        let inner = ModuleState {
            component,
            digest,
            component_digest,
            limits,
            idle_instance: checker,
            discarded_instances: thrown_away,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the SHA-256 of the core module inside the component, in lower-case hexadecimal; it equals that of the
    /// file in the npm package.
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }

    /// Returns the SHA-256 of the component in lower-case hexadecimal.
    pub fn component_digest(&self) -> &str {
        &self.inner.component_digest
    }

    /// Returns the number of instances discarded so far, by reason.
    pub fn discarded_instances(&self) -> [(DenialReason, u64); 3] {
        std::array::from_fn(|index| {
            (DISCARD_CAUSES[index], self.inner.discarded_instances[index].load(Ordering::Relaxed))
        })
    }

    pub(crate) fn record_discard(&self, cause: DenialReason) {
        if let Some(index) = DISCARD_CAUSES.iter().position(|known| *known == cause) {
            self.inner.discarded_instances[index].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn component(&self) -> &PullgatePre<StoreBounds> {
        &self.inner.component
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Module").field("digest", &self.inner.digest).finish_non_exhaustive()
    }
}

fn engine() -> Result<Engine, ModuleError> {
    Engine::new(&engine::config()).map_err(|error| ModuleError::Engine(format!("{error:#}")))
}
