//! One instance of the component, with its bounds.

use std::time::Duration;

use pullgate::{Authority, Finding};
use wasmtime::component::ResourceAny;
use wasmtime::{ResourceLimiter, Store};

use crate::bindings::{Pullgate, PullgatePre};
use crate::epoch::ticks;
use crate::error::{Failure, LoadError, OverMemory};
use crate::limits::Limits;
use crate::wit_convert;

/// How many elements a table may have. The module has a few hundred functions.
const TABLE: usize = 1 << 16;

/// An instance of the component. After a failed call it must be thrown away.
pub(crate) struct Instance {
    store: Store<Bounds>,
    /// Boxed, since instances are moved about for every call.
    exports: Box<Pullgate>,
}

/// A policy that lives in an instance of its own.
pub(crate) struct Loaded {
    instance: Instance,
    policy: ResourceAny,
}

/// What loading gives: the policy in its instance, its trust anchors, and the findings.
pub(crate) type Loading = (Loaded, Vec<Authority>, Vec<Finding>);

impl Instance {
    pub(crate) fn new(component: &PullgatePre<Bounds>, limits: &Limits) -> Result<Self, Failure> {
        let mut store = Store::new(component.engine(), Bounds { memory: limits.memory });
        store.limiter(|bounds| bounds);
        // How much one call may bring out: the findings of a large document are many times what wasmtime thinks usual.
        store.set_hostcall_fuel(limits.memory);
        store.set_epoch_deadline(ticks(limits.load));
        let exports = component.instantiate(&mut store).map_err(|error| Failure::of(&error))?;
        Ok(Self { store, exports: Box::new(exports) })
    }

    /// Calls into the component, for as long as `time`.
    pub(crate) fn call<T>(
        &mut self,
        time: Duration,
        call: impl FnOnce(&Pullgate, &mut Store<Bounds>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        self.store.set_epoch_deadline(ticks(time));
        call(&self.exports, &mut self.store).map_err(|error| Failure::of(&error))
    }
}

impl Loaded {
    /// Loads a policy into a new instance.
    pub(crate) fn new(
        component: &PullgatePre<Bounds>,
        limits: &Limits,
        document: &str,
        at: u64,
    ) -> Result<Loading, LoadError> {
        let mut instance = Instance::new(component, limits)?;
        let loaded = instance.call(limits.load, |exports, store| {
            exports.pullgate_policy_admission().policy().call_load(store, document, at)
        })?;
        match loaded {
            Ok(loaded) => {
                let policy = loaded.policy;
                let authorities = instance.call(limits.load, |exports, store| {
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
        call: impl FnOnce(&Pullgate, &mut Store<Bounds>, ResourceAny) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let policy = self.policy;
        self.instance.call(time, |exports, store| call(exports, store, policy))
    }
}

/// What an instance may have. Wanting more ends the call.
pub(crate) struct Bounds {
    memory: usize,
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.memory { Err(OverMemory(self.memory).into()) } else { Ok(true) }
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        Err(OverMemory(self.memory).into())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE)
    }
}
