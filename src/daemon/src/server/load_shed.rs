//! Load shedding: a memory budget for request and response bodies, and concurrency limits for expensive endpoints. A
//! caller that gets no permit in time receives 503 with `Retry-After`, which every frontend treats as a denial.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bodies up to this size need no permit, so that a request about one image never waits behind large uploads. The
/// connection limit bounds their sum.
pub const SMALL_BODY_BYTES: usize = 8 << 10;

/// Value of the `Retry-After` header in seconds.
pub const RETRY_AFTER_SECS: u64 = 10;

/// Timeout for acquiring memory.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// No permit was free in time; the text says which resource was exhausted.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{0}: try again in {RETRY_AFTER_SECS} seconds")]
pub struct Overloaded(&'static str);

/// A permit, held until it is dropped. Small bodies need none.
pub type Permit = Option<OwnedSemaphorePermit>;

/// A weighted semaphore over bytes of memory, counted in KiB.
#[derive(Clone)]
pub struct MemoryBudget {
    semaphore: Arc<Semaphore>,
    capacity_kib: u32,
    overload_message: &'static str,
}

impl MemoryBudget {
    /// Creates a budget of so many bytes; `overload_message` is the text of its error.
    pub fn new(bytes: usize, overload_message: &'static str) -> Self {
        let capacity_kib = to_kib(bytes);
        Self {
            semaphore: Arc::new(Semaphore::new(capacity_kib.try_into().unwrap_or(usize::MAX))),
            capacity_kib,
            overload_message,
        }
    }

    /// Acquires memory for so many bytes, at most the whole budget.
    ///
    /// # Errors
    ///
    /// If it is not free in time.
    pub async fn acquire(&self, bytes: usize) -> Result<Permit, Overloaded> {
        if bytes <= SMALL_BODY_BYTES {
            return Ok(None);
        }
        let room = Arc::clone(&self.semaphore).acquire_many_owned(to_kib(bytes).min(self.capacity_kib));
        acquire_within(ACQUIRE_TIMEOUT, room, self.overload_message).await
    }
}

fn to_kib(bytes: usize) -> u32 {
    bytes.div_ceil(1 << 10).try_into().unwrap_or(u32::MAX)
}

/// A concurrency limit with a bounded queue.
#[derive(Clone)]
pub struct ConcurrencyLimit {
    semaphore: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    acquire_timeout: Duration,
    overload_message: &'static str,
}

impl ConcurrencyLimit {
    /// Creates a limit of `at_once` permits and `waiting` callers in the queue, each for at most `acquire_timeout`;
    /// `overload_message` is the text of its error.
    pub fn new(at_once: usize, waiting: usize, acquire_timeout: Duration, overload_message: &'static str) -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(at_once)),
            queue: Arc::new(Semaphore::new(waiting)),
            acquire_timeout,
            overload_message,
        }
    }

    /// Acquires a permit.
    ///
    /// # Errors
    ///
    /// If the queue is full, or no permit is free in time.
    pub async fn acquire(&self) -> Result<Permit, Overloaded> {
        if let Ok(turn) = Arc::clone(&self.semaphore).try_acquire_owned() {
            return Ok(Some(turn));
        }
        let _waiting = self.queue.try_acquire().map_err(|_| Overloaded(self.overload_message))?;
        acquire_within(self.acquire_timeout, Arc::clone(&self.semaphore).acquire_owned(), self.overload_message).await
    }
}

async fn acquire_within<E>(
    wait: Duration,
    room: impl Future<Output = Result<OwnedSemaphorePermit, E>>,
    full: &'static str,
) -> Result<Permit, Overloaded> {
    match timeout(wait, room).await {
        Ok(Ok(room)) => Ok(Some(room)),
        _ => Err(Overloaded(full)),
    }
}

/// Reads a body until its end or until it exceeds `most` bytes. Returns whether it ended.
///
/// # Errors
///
/// If the body breaks off.
pub async fn read_up_to(body: &mut Body, bytes: &mut Vec<u8>, most: usize) -> Result<bool, axum::Error> {
    // A body with a `Content-Length` over the limit is not read at all.
    while bytes.len() as u64 + body.size_hint().lower() <= most as u64 {
        match body.frame().await {
            Some(frame) => bytes.extend(frame?.data_ref().into_iter().flatten()),
            None => return Ok(true),
        }
    }
    Ok(false)
}

/// Returns the expected length of a body of which `read` bytes are read, at most `most`; `most` if the body does not
/// declare one.
pub fn expected_len(body: &Body, read: usize, most: usize) -> usize {
    let rest = body.size_hint().upper().and_then(|rest| usize::try_from(rest).ok());
    rest.map_or(most, |rest| read.saturating_add(rest).min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn memory_is_counted_and_waited_for() {
        let budget = MemoryBudget::new(1 << 20, "full");
        let all = budget.acquire(5 << 20).await.unwrap();
        assert!(budget.acquire(SMALL_BODY_BYTES).await.unwrap().is_none(), "what is short needs none");
        assert_eq!(budget.acquire(SMALL_BODY_BYTES + 1).await.map(|_| ()), Err(Overloaded("full")));
        drop(all);
        let half = budget.acquire(1 << 19).await.unwrap();
        assert!(half.is_some() && budget.acquire(1 << 19).await.is_ok());
        assert_eq!(Overloaded("full").to_string(), "full: try again in 10 seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn queue_of_a_concurrency_limit_is_limited() {
        let turns = ConcurrencyLimit::new(1, 1, Duration::from_secs(9), "full");
        let first = turns.acquire().await.unwrap();
        let (second, third) = tokio::join!(turns.acquire(), async {
            let since = tokio::time::Instant::now();
            let third = turns.acquire().await;
            assert_eq!(since.elapsed(), Duration::ZERO, "who finds the line full does not wait");
            third
        });
        assert_eq!([second, third].map(|turn| turn.map(|_| ())), [const { Err(Overloaded("full")) }; 2]);
        drop(first);
        assert!(turns.acquire().await.is_ok());
    }
}
