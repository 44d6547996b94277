//! One instance of the component, with its bounds.

use std::time::Duration;

use pullgate::{Finding, TrustAnchor};
use wasmtime::component::ResourceAny;
use wasmtime::{ResourceLimiter, Store};

use crate::bindings::{Pullgate, PullgatePre};
use crate::epoch::deadline_ticks;
use crate::error::{ExecutionError, LoadError, MemoryLimitExceeded};
use crate::limits::ResourceLimits;
use crate::wit_convert;

/// How many elements a table may have. The module has a few hundred functions.
const MAX_TABLE_ELEMENTS: usize = 1 << 16;

/// An instance of the component. After a failed call it must be thrown away.
pub(crate) struct Instance {
    store: Store<StoreBounds>,
    /// Boxed, since instances are moved about for every call.
    exports: Box<Pullgate>,
}

/// A policy that lives in an instance of its own.
pub(crate) struct PolicyInstance {
    instance: Instance,
    policy: ResourceAny,
}

/// What loading gives: the policy in its instance, its trust anchors, and the findings.
pub(crate) type LoadResult = (PolicyInstance, Vec<TrustAnchor>, Vec<Finding>);

impl Instance {
    pub(crate) fn new(component: &PullgatePre<StoreBounds>, limits: &ResourceLimits) -> Result<Self, ExecutionError> {
        let mut store = Store::new(component.engine(), StoreBounds { max_memory_bytes: limits.max_memory_bytes });
        store.limiter(|bounds| bounds);
        // How much one call may bring out: the findings of a large document are many times what wasmtime thinks usual.
        store.set_hostcall_fuel(limits.max_memory_bytes);
        store.set_epoch_deadline(deadline_ticks(limits.load_timeout));
        let exports = component.instantiate(&mut store).map_err(|error| ExecutionError::from_wasmtime(&error))?;
        Ok(Self { store, exports: Box::new(exports) })
    }

    /// Calls into the component, for as long as `time`.
    pub(crate) fn call<T>(
        &mut self,
        time: Duration,
        call: impl FnOnce(&Pullgate, &mut Store<StoreBounds>) -> wasmtime::Result<T>,
    ) -> Result<T, ExecutionError> {
        self.store.set_epoch_deadline(deadline_ticks(time));
        call(&self.exports, &mut self.store).map_err(|error| ExecutionError::from_wasmtime(&error))
    }
}

impl PolicyInstance {
    /// Loads a policy into a new instance.
    pub(crate) fn new(
        component: &PullgatePre<StoreBounds>,
        limits: &ResourceLimits,
        document: &str,
        at: u64,
    ) -> Result<LoadResult, LoadError> {
        let mut instance = Instance::new(component, limits)?;
        let loaded = instance.call(limits.load_timeout, |exports, store| {
            exports.pullgate_policy_admission().policy().call_load(store, document, at)
        })?;
        match loaded {
            Ok(loaded) => {
                let policy = loaded.policy;
                let authorities = instance.call(limits.load_timeout, |exports, store| {
                    exports.pullgate_policy_admission().policy().call_authorities(store, policy)
                })?;
                let authorities = authorities.into_iter().map(wit_convert::authority).collect();
                Ok((Self { instance, policy }, authorities, wit_convert::findings(loaded.findings)?))
            }
            Err(findings) => Err(LoadError::Policy(wit_convert::findings(findings)?)),
        }
    }

    /// Calls a method of the policy, for as long as `time`.
    pub(crate) fn call<T>(
        &mut self,
        time: Duration,
        call: impl FnOnce(&Pullgate, &mut Store<StoreBounds>, ResourceAny) -> wasmtime::Result<T>,
    ) -> Result<T, ExecutionError> {
        let policy = self.policy;
        self.instance.call(time, |exports, store| call(exports, store, policy))
    }
}

/// What an instance may have. Wanting more ends the call.
pub(crate) struct StoreBounds {
    max_memory_bytes: usize,
}

impl ResourceLimiter for StoreBounds {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.max_memory_bytes { Err(MemoryLimitExceeded(self.max_memory_bytes).into()) } else { Ok(true) }
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        Err(MemoryLimitExceeded(self.max_memory_bytes).into())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}
