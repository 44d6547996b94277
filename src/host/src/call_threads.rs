//! Threads for calls into the module, so that no call occupies a thread of an async runtime.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::error::ExecutionError;

/// A call with its result's channel.
type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads that run calls into the module. Cheap to clone; the threads end with the last clone.
///
/// Evaluators of one [`CallThreads`] share its threads. Separate ones keep callers apart: no call of the one waits for
/// those of the other.
#[derive(Clone)]
pub struct CallThreads {
    handle: Arc<QueueHandle>,
}

/// The owner of the queue, which closes it on drop.
struct QueueHandle {
    queue: Arc<JobQueue>,
    threads: NonZeroUsize,
}

#[derive(Default)]
struct JobQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl CallThreads {
    /// Spawns the threads. Each runs `on_start` first, for instance to lower its priority.
    ///
    /// # Errors
    ///
    /// If a thread cannot be spawned.
    pub fn spawn(name: &str, threads: NonZeroUsize, on_start: fn()) -> io::Result<Self> {
        let queue = Arc::<JobQueue>::default();
        // Closes the queue if a later thread cannot be spawned.
        let handle = Arc::new(QueueHandle { queue, threads });
        for _ in 0..threads.get() {
            let queue = Arc::clone(&handle.queue);
            thread::Builder::new().name(name.to_owned()).spawn(move || {
                on_start();
                queue.run_jobs();
            })?;
        }
        Ok(Self { handle })
    }

    /// Runs a call on one of the threads. A call whose caller is gone before it begins is not made.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> Result<T, ExecutionError> + Send + 'static,
    ) -> Result<T, ExecutionError> {
        let (sender, receiver) = oneshot::channel();
        self.handle.queue.push(Box::new(move || {
            if !sender.is_closed() {
                // The caller may have left meanwhile.
                let _ = sender.send(call());
            }
        }));
        receiver.await.unwrap_or_else(|_| Err(ExecutionError::trap("the call into the module was given up")))
    }
}

impl JobQueue {
    fn push(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// Runs jobs until the queue is closed.
    fn run_jobs(&self) {
        let mut state = self.lock();
        loop {
            match state.jobs.pop_front() {
                Some(job) => {
                    drop(state);
                    // A panic drops the sender of its call, which is a denial, and must not end the thread.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
                    state = self.lock();
                }
                None if state.is_closed => return,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Locks the state. No code under the lock can panic, so a poisoned state is consistent.
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for QueueHandle {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.changed.notify_all();
    }
}

impl std::fmt::Debug for CallThreads {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CallThreads").field("threads", &self.handle.threads).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    static STARTED: AtomicUsize = AtomicUsize::new(0);

    fn count_start() {
        STARTED.fetch_add(1, Ordering::SeqCst);
    }

    #[tokio::test]
    async fn calls_run_on_the_threads_and_a_panic_is_an_error() {
        let threads = CallThreads::spawn("calls", NonZeroUsize::MIN, || ()).unwrap();
        let name = || Ok(thread::current().name().map(str::to_owned));
        assert_eq!(threads.run(name).await.unwrap().as_deref(), Some("calls"));
        let failed = threads.run(|| -> Result<(), _> { panic!("a defect") }).await;
        assert!(failed.is_err());
        assert_eq!(threads.run(name).await.unwrap().as_deref(), Some("calls"), "the thread goes on");
    }

    #[tokio::test]
    async fn call_of_a_caller_that_is_gone_is_not_made_and_the_threads_end() {
        let threads = CallThreads::spawn("calls", NonZeroUsize::MIN, count_start).unwrap();
        let (release, released) = channel::<()>();
        let (sent, made) = channel();
        let blocking = tokio::spawn({
            let threads = threads.clone();
            async move { threads.run(move || Ok(released.recv())).await }
        });
        while STARTED.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::task::yield_now().await;
        let mut left = Box::pin(threads.run(move || Ok(sent.send(()))));
        assert!(left.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(left);
        release.send(()).unwrap();
        assert!(blocking.await.unwrap().is_ok());
        let queue = Arc::clone(&threads.handle.queue);
        drop(threads);
        assert!(made.recv().is_err(), "the call was dropped");
        while Arc::strong_count(&queue) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
