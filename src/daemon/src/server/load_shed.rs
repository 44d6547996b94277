//! What callers can take of this machine: room in memory for what they send or have not read yet, and turns at what takes
//! long. Who gets neither in time is told to come again, and takes that for a denial.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The longest text that needs no room, in bytes: there are only so many connections, and a question about one image must
/// not have to wait for those who take all the room that there is.
pub const SMALL_BODY_BYTES: usize = 8 << 10;

/// After how many seconds to come again.
pub const RETRY_AFTER_SECS: u64 = 10;

/// How long somebody waits for room.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// There was no room, or no turn, in time: why, for a person.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{0}: try again in {RETRY_AFTER_SECS} seconds")]
pub struct Overloaded(&'static str);

/// Room or a turn, until it is dropped. What is short needs none.
pub type Permit = Option<OwnedSemaphorePermit>;

/// Room in memory, counted in KiB.
#[derive(Clone)]
pub struct MemoryBudget {
    semaphore: Arc<Semaphore>,
    capacity_kib: u32,
    overload_message: &'static str,
}

impl MemoryBudget {
    /// Room for so many bytes; `full` says that there is none left.
    pub fn new(bytes: usize, overload_message: &'static str) -> Self {
        let capacity_kib = to_kib(bytes);
        Self {
            semaphore: Arc::new(Semaphore::new(capacity_kib.try_into().unwrap_or(usize::MAX))),
            capacity_kib,
            overload_message,
        }
    }

    /// Waits for room for so many bytes; what needs more than there is gets all of it.
    ///
    /// # Errors
    ///
    /// If there is none in time.
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

/// Turns at what takes long.
#[derive(Clone)]
pub struct ConcurrencyLimit {
    semaphore: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    acquire_timeout: Duration,
    overload_message: &'static str,
}

impl ConcurrencyLimit {
    /// So many at once; so many others wait, and so long. `full` says that one waits in vain.
    pub fn new(at_once: usize, waiting: usize, acquire_timeout: Duration, overload_message: &'static str) -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(at_once)),
            queue: Arc::new(Semaphore::new(waiting)),
            acquire_timeout,
            overload_message,
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    ///
    /// If too many wait already, or it does not come in time.
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

/// Reads on to the end, or until there is more than so much. Says whether that was the end.
///
/// # Errors
///
/// If the body breaks off.
pub async fn read_up_to(body: &mut Body, bytes: &mut Vec<u8>, most: usize) -> Result<bool, axum::Error> {
    // A body that says how long it is need not be begun.
    while bytes.len() as u64 + body.size_hint().lower() <= most as u64 {
        match body.frame().await {
            Some(frame) => bytes.extend(frame?.data_ref().into_iter().flatten()),
            None => return Ok(true),
        }
    }
    Ok(false)
}

/// How long the whole of a body is of which so much was read: at most `most`, and so much where it does not say.
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
