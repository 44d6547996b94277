//! Threads for what admits nothing: a runtime and call threads of lower priority.
//!
//! The scheduler runs a thread of normal priority first, so that a flood of the API leaves the processors to admission.

use std::io;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

use pullgate_host::CallThreads;
use rustix::process::setpriority_process;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;

/// Niceness of the threads: the lowest priority of the scheduler's normal class.
const NICENESS: i32 = 19;

/// Maximum number of threads of the runtime: parsing and formatting need no more.
const MAX_RUNTIME_THREADS: usize = 4;

/// Maximum number of its blocking threads. The API's permits allow fewer at once.
const MAX_BLOCKING_THREADS: usize = 16;

/// A runtime of lower priority, which ends with this value.
#[derive(Debug)]
pub struct BackgroundRuntime {
    /// Taken on drop.
    runtime: Option<Runtime>,
    handle: BackgroundHandle,
}

/// A handle to run work on the runtime of lower priority.
#[derive(Clone, Debug)]
pub struct BackgroundHandle(Handle);

impl BackgroundRuntime {
    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// If a thread cannot be spawned.
    pub fn start() -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_RUNTIME_THREADS);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .thread_name("pullgate-api")
            .on_thread_start(lower_priority)
            .enable_all()
            .build()?;
        let handle = BackgroundHandle(runtime.handle().clone());
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// Returns a handle.
    pub fn handle(&self) -> &BackgroundHandle {
        &self.handle
    }
}

impl Drop for BackgroundRuntime {
    fn drop(&mut self) {
        // Without waiting: a file system that does not respond must not keep the process.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl BackgroundHandle {
    /// Returns the runtime of the current task in place of a background one, for tests without a daemon.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn current() -> Self {
        Self(Handle::current())
    }

    /// Returns the handle of the runtime.
    pub fn runtime(&self) -> &Handle {
        &self.0
    }

    /// Runs a future on the runtime. It is cancelled with the returned one.
    pub async fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(future, &self.0);
        // The only other outcome than a result or a panic is the end of the runtime.
        match tasks.join_next().await?.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(done) => Some(done),
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(_)) => None,
        }
    }
}

/// Spawns call threads of lower priority.
///
/// # Errors
///
/// If a thread cannot be spawned.
pub fn background_call_threads(threads: NonZeroUsize) -> io::Result<CallThreads> {
    CallThreads::spawn("pullgate-api-call", threads, lower_priority)
}

/// Lowers the priority of the current thread (setpriority(2): on Linux, process 0 is the calling thread). Without the
/// permission, for instance under a filter of system calls, the thread keeps its priority.
fn lower_priority() {
    if let Err(error) = setpriority_process(None, NICENESS) {
        tracing::warn!(%error, "threads of the API keep the priority of the others");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::getpriority_process;
    use tokio::sync::oneshot;

    use super::*;

    fn current_niceness() -> i32 {
        getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn background_work_has_a_lower_priority_and_ends_with_its_caller() {
        let background = BackgroundRuntime::start().unwrap();
        let niceness = background.handle().run(async { current_niceness() }).await.unwrap();
        assert_eq!((niceness, current_niceness()), (NICENESS, 0));
        let blocking = background.handle().runtime().spawn_blocking(current_niceness).await.unwrap();
        assert_eq!(blocking, NICENESS);

        let (sender, receiver) = oneshot::channel::<()>();
        let endless = background.handle().run(async move {
            let _held = sender;
            std::future::pending::<()>().await;
        });
        assert!(tokio::time::timeout(Duration::from_millis(50), endless).await.is_err());
        assert!(receiver.await.is_err(), "the future is dropped");
    }
}
