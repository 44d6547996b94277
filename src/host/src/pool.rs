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

use crate::error::{Failure, LoadError};
use crate::instance::Loaded;
use crate::limits::Limits;
use crate::module::Module;

/// The instances that serve one policy, and what is needed to make another.
pub(crate) struct Pool {
    module: Module,
    limits: Limits,
    document: Box<str>,
    at: u64,
    state: Mutex<State>,
    /// Wakes threads that wait.
    changed: Condvar,
    /// Wakes futures that wait.
    changed_for_futures: Notify,
}

struct State {
    /// The instances at rest.
    idle: Vec<Loaded>,
    /// How many there are, at rest and at work.
    alive: usize,
    /// Whether one is being made.
    growing: bool,
    /// How many threads wait. Waking nobody would cost more than all else here.
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
        let (changed, changed_for_futures) = (Condvar::new(), Notify::new());
        Self { module, limits, document, at, state: Mutex::new(state), changed, changed_for_futures }
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes an instance at rest, or waits for one as a future does. Where it waits it needs tokio's clock.
    pub(crate) async fn instance(self: &Arc<Self>) -> Result<Lease<'_>, Failure> {
        let mut wait = None;
        loop {
            let mut changed = pin!(self.changed_for_futures.notified());
            let left = {
                let mut state = self.state();
                match self.take(&mut state, &mut wait)? {
                    Taken::Instance(instance) => return Ok(self.lend(instance)),
                    Taken::Wait(left) => {
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
    pub(crate) fn instance_now(self: &Arc<Self>) -> Result<Lease<'_>, Failure> {
        let mut state = self.state();
        let mut wait = None;
        loop {
            let left = match self.take(&mut state, &mut wait)? {
                Taken::Instance(instance) => return Ok(self.lend(instance)),
                Taken::Wait(left) => left,
            };
            state.waiting += 1;
            (state, _) = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    fn lend(&self, instance: Loaded) -> Lease<'_> {
        Lease { pool: self, instance: Some(instance), sound: false }
    }

    /// Takes an instance at rest, or says for how long to wait for one. `wait` is the caller's, none at first.
    fn take(self: &Arc<Self>, state: &mut State, wait: &mut Option<Wait>) -> Result<Taken, Failure> {
        if let Some(instance) = state.idle.pop() {
            return Ok(Taken::Instance(instance));
        }
        let Wait { since, failures } = *wait.get_or_insert_with(|| Wait::new(state));
        if state.alive > 0 || state.failures == failures {
            self.grow(state);
        }
        if state.alive == 0 && state.failures != failures {
            return Err(state.failure.clone());
        }
        // The work of others takes as long as a decision may; when there are none, a policy is being loaded.
        let longest = self.limits.decision + if state.alive == 0 { self.limits.load } else { Duration::ZERO };
        let left = longest.checked_sub(since.elapsed()).map(Taken::Wait);
        left.ok_or_else(|| Failure::time_out("no instance of the module came free in time"))
    }

    /// Starts making an instance, unless one is being made or there are enough.
    fn grow(self: &Arc<Self>, state: &mut State) {
        if state.growing || state.alive >= self.limits.instances.max(1) {
            return;
        }
        let pool = Arc::clone(self);
        let load = move || {
            let made = Loaded::new(pool.module.component(), &pool.limits, &pool.document, pool.at);
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
        self.changed_for_futures.notify_waiters();
    }

    /// The state. Nothing that can panic runs under the lock, so what a panicking thread leaves is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a caller gets at once.
enum Taken {
    Instance(Loaded),
    /// None, and this is the longest to wait for the next change.
    Wait(Duration),
}

/// What a caller that waits has seen at first.
struct Wait {
    since: Instant,
    failures: u64,
}

impl Wait {
    fn new(state: &State) -> Self {
        Self { since: Instant::now(), failures: state.failures }
    }
}

/// An instance at work. Dropped by a panic too, so that the pool's count stays right.
pub(crate) struct Lease<'p> {
    pool: &'p Pool,
    instance: Option<Loaded>,
    sound: bool,
}

impl Lease<'_> {
    /// Lends the instance to `work`. It goes back if the work succeeds and is thrown away if not.
    pub(crate) fn run<T>(mut self, work: impl FnOnce(&mut Loaded) -> Result<T, Failure>) -> Result<T, Failure> {
        let result = self.instance.as_mut().map_or_else(|| Err(Failure::trap("no instance")), work);
        self.sound = result.is_ok();
        if let Err(failure) = &result {
            self.pool.module.threw_away(failure.reason);
        }
        result
    }
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
        // Costs next to nothing where no future waits.
        self.pool.changed_for_futures.notify_one();
    }
}
