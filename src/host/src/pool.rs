//! The instances that serve one policy.
//!
//! The first is made when the policy loads. Another is made, in the background and one at a time, when a caller finds
//! none at rest: a large policy takes seconds to load and microseconds to ask, so a caller is better off with the next
//! instance that comes back. Only when no instance is left does a caller wait for a new one.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Failure, LoadError};
use crate::gate::Limits;
use crate::instance::Loaded;
use crate::module::Module;

/// The instances that serve one policy, and what is needed to make another.
pub(crate) struct Pool {
    module: Module,
    limits: Limits,
    document: Box<str>,
    at: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The instances at rest.
    idle: Vec<Loaded>,
    /// How many there are, at rest and at work.
    alive: usize,
    /// Whether one is being made.
    growing: bool,
    /// How many callers wait. Waking nobody would cost more than all else here.
    waiting: usize,
    /// How many could not be made, and why the last one could not.
    failures: u64,
    failure: Failure,
}

impl State {
    fn failed(&mut self, failure: Failure) {
        self.failures += 1;
        self.failure = failure;
    }
}

impl Pool {
    pub(crate) fn new(module: Module, limits: Limits, document: Box<str>, at: u64, first: Loaded) -> Self {
        let state = State {
            idle: vec![first],
            alive: 1,
            growing: false,
            waiting: 0,
            failures: 0,
            failure: Failure::trap("the module could not be started"),
        };
        Self { module, limits, document, at, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Lends an instance to `work`. It comes back if the work succeeds and is thrown away if not.
    pub(crate) fn with<T>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Loaded) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut lease = Lease { pool: self, instance: Some(self.take()?), sound: false };
        let result = lease.instance.as_mut().map_or_else(|| Err(Failure::trap("no instance")), work);
        lease.sound = result.is_ok();
        if let Err(failure) = &result {
            self.module.threw_away(failure.reason);
        }
        result
    }

    /// Takes an instance at rest, or waits for one.
    fn take(self: &Arc<Self>) -> Result<Loaded, Failure> {
        let mut state = self.state();
        if let Some(instance) = state.idle.pop() {
            return Ok(instance);
        }
        let (start, seen) = (Instant::now(), state.failures);
        loop {
            if state.alive > 0 || state.failures == seen {
                self.grow(&mut state);
            }
            if state.alive == 0 && state.failures != seen {
                return Err(state.failure.clone());
            }
            // The work of others takes as long as a decision may; when there are none, a policy is being loaded.
            let wait = self.limits.decision + if state.alive == 0 { self.limits.load } else { Duration::ZERO };
            let Some(left) = wait.checked_sub(start.elapsed()) else {
                return Err(Failure::time_out("no instance of the module came free in time"));
            };
            state.waiting += 1;
            (state, _) = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
            if let Some(instance) = state.idle.pop() {
                return Ok(instance);
            }
        }
    }

    /// Starts making an instance, unless one is being made or there are enough.
    fn grow(self: &Arc<Self>, state: &mut State) {
        if state.growing || state.alive >= self.limits.instances.max(1) {
            return;
        }
        let pool = Arc::clone(self);
        let load = move || {
            let made = Loaded::new(&pool.module, &pool.limits, &pool.document, pool.at);
            pool.grown(made.map(|(instance, ..)| instance));
        };
        match thread::Builder::new().name("pullgate-load".to_owned()).spawn(load) {
            Ok(_) => state.growing = true,
            Err(error) => state.failed(Failure::trap(format!("the module could not be started: {error}"))),
        }
    }

    fn grown(&self, made: Result<Loaded, LoadError>) {
        let mut state = self.state();
        state.growing = false;
        match made {
            Ok(instance) => {
                state.idle.push(instance);
                state.alive += 1;
            }
            Err(LoadError::Failed(failure)) => state.failed(failure),
            Err(refused) => state.failed(Failure::trap(refused.to_string())),
        }
        drop(state);
        self.changed.notify_all();
    }

    /// The state. Nothing that can panic runs under the lock, so what a panicking thread leaves is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance at work. Dropped by a panic too, so that the pool's count stays right.
struct Lease<'p> {
    pool: &'p Pool,
    instance: Option<Loaded>,
    sound: bool,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let instance = self.instance.take().filter(|_| self.sound);
        let mut state = self.pool.state();
        match instance {
            Some(instance) => state.idle.push(instance),
            None => state.alive -= 1,
        }
        let waiting = state.waiting > 0;
        drop(state);
        if waiting {
            self.pool.changed.notify_one();
        }
    }
}
