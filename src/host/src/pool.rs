//! Pool of the instances that serve one policy.
//!
//! The first instance is created when the policy loads, or by the first caller. A caller that finds none idle starts the creation of another,
//! in the background and one at a time: a large policy takes seconds to load and microseconds to evaluate, so the
//! caller is better off with the next instance returned. Only without any instance does a caller wait for a new one.
//!
//! [`Pool::acquire`] waits asynchronously, so that a tokio thread stays free however long a policy takes to load.
//! [`Pool::acquire_blocking`] blocks its thread.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::error::{ExecutionError, LoadError};
use crate::instance::PolicyInstance;
use crate::limits::ResourceLimits;
use crate::module::Module;

/// The instances that serve one policy, and the input for creating more.
pub(crate) struct Pool {
    module: Module,
    limits: ResourceLimits,
    document: Arc<str>,
    at: u64,
    state: Mutex<PoolState>,
    /// Wakes waiting threads.
    state_changed: Condvar,
    /// Wakes waiting futures.
    state_changed_async: Notify,
}

struct PoolState {
    /// The idle instances.
    idle: Vec<PolicyInstance>,
    /// The number of instances, idle and leased.
    alive: usize,
    /// True while an instance is being created.
    is_growing: bool,
    /// The number of waiting threads. Waking without waiters would dominate the cost of a lease.
    waiting_threads: usize,
    /// The number of failed creations, followed by the error of the last one.
    load_failures: u64,
    last_failure: ExecutionError,
}

impl PoolState {
    fn record_failure(&mut self, failure: ExecutionError) {
        self.load_failures += 1;
        self.last_failure = failure;
    }
}

impl Pool {
    pub(crate) fn new(
        module: Module,
        limits: ResourceLimits,
        document: Arc<str>,
        at: u64,
        first: Option<PolicyInstance>,
    ) -> Self {
        let idle: Vec<_> = first.into_iter().collect();
        let state = PoolState {
            alive: idle.len(),
            idle,
            is_growing: false,
            waiting_threads: 0,
            load_failures: 0,
            last_failure: ExecutionError::trap("the module could not be started"),
        };
        let (state_changed, state_changed_async) = (Condvar::new(), Notify::new());
        Self { module, limits, document, at, state: Mutex::new(state), state_changed, state_changed_async }
    }

    /// Creates a pool of the same policy, without instances yet.
    pub(crate) fn separate(&self, limits: ResourceLimits) -> Self {
        Self::new(self.module.clone(), limits, Arc::clone(&self.document), self.at, None)
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    pub(crate) fn limits(&self) -> &ResourceLimits {
        &self.limits
    }

    /// Acquires an idle instance or waits for one asynchronously. Waiting needs tokio's clock.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<Lease, ExecutionError> {
        let mut wait = None;
        loop {
            let mut changed = pin!(self.state_changed_async.notified());
            let left = {
                let mut state = self.state();
                match self.try_acquire(&mut state, &mut wait)? {
                    Acquired::Instance(instance) => return Ok(self.lease(instance)),
                    Acquired::Wait(left) => {
                        // Registered before the lock is released, so that no change is missed.
                        changed.as_mut().enable();
                        left
                    }
                }
            };
            // The loop checks the state after a change and after a timeout alike.
            let _ = tokio::time::timeout(left, changed).await;
        }
    }

    /// Like [`acquire`](Self::acquire), and blocks the thread while waiting.
    pub(crate) fn acquire_blocking(self: &Arc<Self>) -> Result<Lease, ExecutionError> {
        let mut state = self.state();
        let mut wait = None;
        loop {
            let left = match self.try_acquire(&mut state, &mut wait)? {
                Acquired::Instance(instance) => return Ok(self.lease(instance)),
                Acquired::Wait(left) => left,
            };
            state.waiting_threads += 1;
            (state, _) = self.state_changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state.waiting_threads -= 1;
        }
    }

    fn lease(self: &Arc<Self>, instance: PolicyInstance) -> Lease {
        Lease { pool: Arc::clone(self), instance: Some(instance), healthy: true }
    }

    /// Acquires an idle instance or returns the time to wait for one. `wait` is the caller's state, none at first.
    fn try_acquire(
        self: &Arc<Self>,
        state: &mut PoolState,
        wait: &mut Option<WaitState>,
    ) -> Result<Acquired, ExecutionError> {
        if let Some(instance) = state.idle.pop() {
            return Ok(Acquired::Instance(instance));
        }
        let WaitState { since, failures } = *wait.get_or_insert_with(|| WaitState::new(state));
        if state.alive > 0 || state.load_failures == failures {
            self.spawn_load(state);
        }
        if state.alive == 0 && state.load_failures != failures {
            return Err(state.last_failure.clone());
        }
        // A lease lasts at most as long as a decision; without instances, a policy is being loaded.
        let longest =
            self.limits.decision_timeout + if state.alive == 0 { self.limits.load_timeout } else { Duration::ZERO };
        let left = longest.checked_sub(since.elapsed()).map(Acquired::Wait);
        left.ok_or_else(|| ExecutionError::time_out("no instance of the module came free in time"))
    }

    /// Starts creating an instance, unless one is being created or the maximum is reached.
    fn spawn_load(self: &Arc<Self>, state: &mut PoolState) {
        if state.is_growing || state.alive >= self.limits.max_instances.max(1) {
            return;
        }
        let pool = Arc::clone(self);
        let load = move || {
            let made = PolicyInstance::new(pool.module.component(), &pool.limits, &pool.document, pool.at);
            pool.finish_load(made.map(|(instance, ..)| instance));
        };
        match thread::Builder::new().name("pullgate-load".to_owned()).spawn(load) {
            Ok(_) => state.is_growing = true,
            Err(error) => {
                state.record_failure(ExecutionError::trap(format!("the module could not be started: {error}")))
            }
        }
    }

    fn finish_load(&self, made: Result<PolicyInstance, LoadError>) {
        let mut state = self.state();
        state.is_growing = false;
        match made {
            Ok(instance) => {
                state.idle.push(instance);
                state.alive += 1;
            }
            Err(LoadError::Failed(failure)) => state.record_failure(failure),
            Err(refused) => state.record_failure(ExecutionError::trap(refused.to_string())),
        }
        drop(state);
        self.state_changed.notify_all();
        self.state_changed_async.notify_waiters();
    }

    /// Locks the state. No code under the lock can panic, so a poisoned state is consistent.
    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of an acquisition attempt.
enum Acquired {
    Instance(PolicyInstance),
    /// No idle instance; the longest time to wait for the next change.
    Wait(Duration),
}

/// The state of the pool at the time a caller began to wait.
struct WaitState {
    since: Instant,
    failures: u64,
}

impl WaitState {
    fn new(state: &PoolState) -> Self {
        Self { since: Instant::now(), failures: state.load_failures }
    }
}

/// A lease of an instance. Panics drop it too, so that the count of instances stays right.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    instance: Option<PolicyInstance>,
    /// False during a call and after a failed one. A lease that is dropped unused returns its instance.
    healthy: bool,
}

impl Lease {
    /// Runs `work` on the instance. The instance returns to the pool on success and is discarded on failure.
    pub(crate) fn run<T>(
        mut self,
        work: impl FnOnce(&mut PolicyInstance) -> Result<T, ExecutionError>,
    ) -> Result<T, ExecutionError> {
        self.healthy = false;
        let result = self.instance.as_mut().map_or_else(|| Err(ExecutionError::trap("no instance")), work);
        self.healthy = result.is_ok();
        if let Err(failure) = &result {
            self.pool.module.record_discard(failure.reason);
        }
        result
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let instance = self.instance.take().filter(|_| self.healthy);
        let mut state = self.pool.state();
        match instance {
            Some(instance) => state.idle.push(instance),
            None => state.alive -= 1,
        }
        let waiting = state.waiting_threads > 0;
        drop(state);
        if waiting {
            self.pool.state_changed.notify_one();
        }
        // Almost free without waiting futures.
        self.pool.state_changed_async.notify_one();
    }
}
