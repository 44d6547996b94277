//! The instances that serve one policy.
//!
//! The first is made when the policy loads. Another is made, in the background and one at a time, when a caller finds
//! none at rest: a large policy takes seconds to load and microseconds to ask, so a caller is better off with the next
//! instance that comes back. Only when no instance is left does a caller wait for a new one.
//!
//! [`Pool::instance`] waits as a future does: a thread of tokio's goes on with other work, however long a policy takes to
//! load. [`Pool::instance_now`] blocks its thread.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::error::{ExecutionError, LoadError};
use crate::instance::PolicyInstance;
use crate::limits::ResourceLimits;
use crate::module::Module;

/// The instances that serve one policy, and what is needed to make another.
pub(crate) struct Pool {
    module: Module,
    limits: ResourceLimits,
    document: Box<str>,
    at: u64,
    state: Mutex<PoolState>,
    /// Wakes threads that wait.
    state_changed: Condvar,
    /// Wakes futures that wait.
    state_changed_async: Notify,
}

struct PoolState {
    /// The instances at rest.
    idle: Vec<PolicyInstance>,
    /// How many there are, at rest and at work.
    alive: usize,
    /// Whether one is being made.
    is_growing: bool,
    /// How many threads wait. Waking nobody would cost more than all else here.
    waiting_threads: usize,
    /// How many could not be made, and why the last one could not.
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
        document: Box<str>,
        at: u64,
        first: PolicyInstance,
    ) -> Self {
        let state = PoolState {
            idle: vec![first],
            alive: 1,
            is_growing: false,
            waiting_threads: 0,
            load_failures: 0,
            last_failure: ExecutionError::trap("the module could not be started"),
        };
        let (state_changed, state_changed_async) = (Condvar::new(), Notify::new());
        Self { module, limits, document, at, state: Mutex::new(state), state_changed, state_changed_async }
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    pub(crate) fn limits(&self) -> &ResourceLimits {
        &self.limits
    }

    /// Takes an instance at rest, or waits for one as a future does. Where it waits it needs tokio's clock.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<Lease<'_>, ExecutionError> {
        let mut wait = None;
        loop {
            let mut changed = pin!(self.state_changed_async.notified());
            let left = {
                let mut state = self.state();
                match self.try_acquire(&mut state, &mut wait)? {
                    Acquired::Instance(instance) => return Ok(self.lease(instance)),
                    Acquired::Wait(left) => {
                        // Before anybody else can change the state, so that no change is missed.
                        changed.as_mut().enable();
                        left
                    }
                }
            };
            // Whether it changed or not is looked at above.
            let _ = tokio::time::timeout(left, changed).await;
        }
    }

    /// As [`instance`](Self::instance), and blocks the thread while it waits.
    pub(crate) fn acquire_blocking(self: &Arc<Self>) -> Result<Lease<'_>, ExecutionError> {
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

    fn lease(&self, instance: PolicyInstance) -> Lease<'_> {
        Lease { pool: self, instance: Some(instance), healthy: false }
    }

    /// Takes an instance at rest, or says for how long to wait for one. `wait` is the caller's, none at first.
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
        // The work of others takes as long as a decision may; when there are none, a policy is being loaded.
        let longest =
            self.limits.decision_timeout + if state.alive == 0 { self.limits.load_timeout } else { Duration::ZERO };
        let left = longest.checked_sub(since.elapsed()).map(Acquired::Wait);
        left.ok_or_else(|| ExecutionError::time_out("no instance of the module came free in time"))
    }

    /// Starts making an instance, unless one is being made or there are enough.
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

    /// The state. Nothing that can panic runs under the lock, so what a panicking thread leaves is whole.
    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a caller gets at once.
enum Acquired {
    Instance(PolicyInstance),
    /// None, and this is the longest to wait for the next change.
    Wait(Duration),
}

/// What a caller that waits has seen at first.
struct WaitState {
    since: Instant,
    failures: u64,
}

impl WaitState {
    fn new(state: &PoolState) -> Self {
        Self { since: Instant::now(), failures: state.load_failures }
    }
}

/// An instance at work. Dropped by a panic too, so that the pool's count stays right.
pub(crate) struct Lease<'p> {
    pool: &'p Pool,
    instance: Option<PolicyInstance>,
    healthy: bool,
}

impl Lease<'_> {
    /// Lends the instance to `work`. It goes back if the work succeeds and is thrown away if not.
    pub(crate) fn run<T>(
        mut self,
        work: impl FnOnce(&mut PolicyInstance) -> Result<T, ExecutionError>,
    ) -> Result<T, ExecutionError> {
        let result = self.instance.as_mut().map_or_else(|| Err(ExecutionError::trap("no instance")), work);
        self.healthy = result.is_ok();
        if let Err(failure) = &result {
            self.pool.module.record_discard(failure.reason);
        }
        result
    }
}

impl Drop for Lease<'_> {
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
        // Costs next to nothing where no future waits.
        self.pool.state_changed_async.notify_one();
    }
}
