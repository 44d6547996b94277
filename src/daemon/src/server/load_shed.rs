//! Load shedding: a memory budget for request and response bodies, and concurrency limits for expensive endpoints. A
//! caller that gets no permit in time receives 503 with `Retry-After`, which every frontend treats as a denial.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// Bodies up to this size need no permit, so that a request about one image never waits behind large uploads. The
/// connection limit bounds their sum.
pub const SMALL_BODY_BYTES: usize = 8 << 10;

/// Value of the `Retry-After` header in seconds.
pub const RETRY_AFTER_SECS: u64 = 10;

/// Timeout for acquiring memory.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum time that one body waits for memory in total, so that a body cannot wait at each of its steps.
const MAX_BODY_WAIT: Duration = Duration::from_secs(10);

/// Step in which the permit of a body grows with what has arrived, in bytes of the body.
const GROWTH_STEP_BYTES: usize = 8 << 10;

/// Minimum progress of a body that holds a permit: so many bytes, or its end, within the timeout. A stalled upload
/// gives its memory back after that.
const MIN_PROGRESS_BYTES: usize = 16 << 10;
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(2);

/// No permit was free in time; the text says which resource was exhausted.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{0}: try again in {RETRY_AFTER_SECS} seconds")]
pub struct Overloaded(&'static str);

/// A permit, held until it is dropped. Small bodies need none.
pub type Permit = Option<OwnedSemaphorePermit>;

/// The error of a body that is not read to its end.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It broke off.
    #[error("it broke off: {0}")]
    Interrupted(#[from] axum::Error),
    /// It made no progress.
    #[error("nothing of it came for {} seconds", PROGRESS_TIMEOUT.as_secs())]
    Stalled,
    /// It was too long underway.
    #[error("it was not complete after {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// Its memory was not free in time.
    #[error("{0}")]
    Overloaded(#[from] Overloaded),
}

/// A weighted semaphore over bytes of memory, counted in KiB.
#[derive(Clone)]
pub struct MemoryBudget {
    semaphore: Arc<Semaphore>,
    capacity_kib: u32,
    /// The memory in bytes that one byte of a body becomes at most.
    expansion: usize,
    overload_message: &'static str,
}

impl MemoryBudget {
    /// Creates a budget of so many bytes; `overload_message` is the text of its error.
    pub fn new(bytes: usize, overload_message: &'static str) -> Self {
        let capacity_kib = to_kib(bytes);
        Self {
            semaphore: Arc::new(Semaphore::new(capacity_kib.try_into().unwrap_or(usize::MAX))),
            capacity_kib,
            expansion: 1,
            overload_message,
        }
    }

    /// Counts each byte of a body as so many, for what it becomes once it is read.
    #[must_use]
    pub fn with_expansion(self, expansion: usize) -> Self {
        Self { expansion, ..self }
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
        self.acquire_kib(to_kib(bytes).min(self.capacity_kib), ACQUIRE_TIMEOUT).await
    }

    async fn acquire_kib(&self, kib: u32, wait: Duration) -> Result<Permit, Overloaded> {
        let room = Arc::clone(&self.semaphore).acquire_many_owned(kib);
        acquire_within(wait, room, self.overload_message).await
    }

    /// Reads a body until its end or until it exceeds `most` bytes, above [`SMALL_BODY_BYTES`] with a permit that grows
    /// with what has arrived. Returns whether it ended. The client has `time` for it, without the waits for memory.
    ///
    /// # Errors
    ///
    /// If the body breaks off, stalls or takes longer, or if its memory is not free in time.
    pub async fn read_body(
        &self,
        body: &mut Body,
        bytes: &mut Vec<u8>,
        permit: &mut Permit,
        most: usize,
        time: Duration,
    ) -> Result<bool, BodyError> {
        let mut deadline = Instant::now() + time;
        // Small bodies hold no permit, so that they need not make progress.
        let small = timeout_at(deadline, read_up_to(body, bytes, SMALL_BODY_BYTES.min(most))).await;
        if small.map_err(|_| BodyError::TimedOut(time))?? {
            return Ok(true);
        }
        let mut mark = (bytes.len(), Instant::now());
        let mut waited = Duration::ZERO;
        loop {
            let since = Instant::now();
            self.grow_permit(permit, bytes.len(), MAX_BODY_WAIT.saturating_sub(waited)).await?;
            // The time that the body waits for its permit is not the client's.
            let wait = since.elapsed();
            (waited, deadline) = (waited + wait, deadline + wait);
            mark = match bytes.len() >= mark.0 + MIN_PROGRESS_BYTES {
                true => (bytes.len(), Instant::now()),
                false => (mark.0, mark.1 + wait),
            };
            // A body with a `Content-Length` over the limit is not read at all.
            if bytes.len() as u64 + body.size_hint().lower() > most as u64 {
                return Ok(false);
            }
            let stalled = mark.1 + PROGRESS_TIMEOUT;
            let frame = timeout_at(stalled.min(deadline), body.frame()).await;
            match frame.map_err(|_| if deadline < stalled { BodyError::TimedOut(time) } else { BodyError::Stalled })? {
                Some(frame) => bytes.extend(frame?.data_ref().into_iter().flatten()),
                None => return Ok(true),
            }
        }
    }

    /// Grows a permit to what a body of so many bytes becomes, by whole steps.
    async fn grow_permit(&self, permit: &mut Permit, bytes: usize, wait: Duration) -> Result<(), Overloaded> {
        let counted = bytes.next_multiple_of(GROWTH_STEP_BYTES).saturating_mul(self.expansion);
        let wanted = to_kib(counted).min(self.capacity_kib);
        let held = permit.as_ref().map_or(0, |permit| u32::try_from(permit.num_permits()).unwrap_or(u32::MAX));
        if wanted <= held {
            return Ok(());
        }
        match (permit.as_mut(), self.acquire_kib(wanted - held, wait.min(ACQUIRE_TIMEOUT)).await?) {
            (Some(held), Some(more)) => held.merge(more),
            (_, more) => *permit = more,
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::future::join_all;
    use futures_util::stream::{self, StreamExt};

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

    /// Timeout for reading a body, unless a test is about it.
    const READ_TIME: Duration = Duration::from_secs(999);

    /// A body that stalls after so many bytes.
    fn stalled(bytes: usize) -> Body {
        let begun = stream::iter([Ok::<_, Infallible>("x".repeat(bytes))]);
        Body::from_stream(begun.chain(stream::pending()))
    }

    /// A body of frames of so many bytes, each after so long.
    fn slow(frames: usize, bytes: usize, each: Duration) -> Body {
        Body::from_stream(stream::iter(0..frames).then(move |_| async move {
            tokio::time::sleep(each).await;
            Ok::<_, Infallible>("x".repeat(bytes))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn permit_grows_with_what_has_arrived_and_a_stalled_body_gives_it_back() {
        let budget = MemoryBudget::new(8 << 20, "full").with_expansion(4);
        let read = async |mut body: Body| {
            let (mut bytes, mut permit) = (Vec::new(), None);
            let read = budget.read_body(&mut body, &mut bytes, &mut permit, 8 << 20, READ_TIME).await;
            read.map(|ended| (ended, bytes.len(), permit.map(|permit| permit.num_permits())))
        };
        assert_eq!(read(Body::from("x".repeat(SMALL_BODY_BYTES))).await.unwrap(), (true, SMALL_BODY_BYTES, None));
        let arrived = 1 << 20;
        assert_eq!(read(Body::from("x".repeat(arrived))).await.unwrap(), (true, arrived, Some(4 << 10)));
        assert!(!read(Body::from("x".repeat(9 << 20))).await.unwrap().0);

        // Stalled uploads hold the memory of what they have sent, and for two seconds.
        let uploads = join_all((0..24).map(|_| read(stalled(9 << 10))));
        let other = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            read(Body::from("x".repeat(arrived))).await
        };
        let since = Instant::now();
        let (uploads, other) = tokio::join!(uploads, other);
        assert!(other.is_ok() && uploads.iter().all(|upload| matches!(upload, Err(BodyError::Stalled))));
        assert!(since.elapsed() < PROGRESS_TIMEOUT + Duration::from_millis(100), "{:?}", since.elapsed());
        assert!(matches!(read(slow(100, 16, Duration::from_secs(1))).await, Ok((true, 1_600, None))), "it is small");
        assert!(matches!(read(slow(9_999, 16, Duration::from_millis(2))).await, Err(BodyError::Stalled)));
        assert!(read(slow(9, 16 << 10, Duration::from_secs(1))).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_finds_no_memory_is_refused() {
        let budget = MemoryBudget::new(1 << 20, "full");
        let held = budget.acquire(1 << 20).await.unwrap();
        let (mut bytes, mut permit) = (Vec::new(), None);
        let mut body = Body::from("x".repeat(SMALL_BODY_BYTES + 1));
        let refused = budget.read_body(&mut body, &mut bytes, &mut permit, 1 << 20, READ_TIME).await;
        assert!(matches!(refused, Err(BodyError::Overloaded(_))), "{refused:?}");
        drop(held);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_memory_are_not_the_time_of_the_client_and_end() {
        let budget = MemoryBudget::new(1 << 20, "full");
        let seconds = Duration::from_secs;
        let read =
            async |mut body: Body| budget.read_body(&mut body, &mut Vec::new(), &mut None, 1 << 20, seconds(6)).await;
        let hold = async |time| {
            let held = budget.acquire(1 << 20).await.unwrap();
            tokio::time::sleep(time).await;
            drop(held);
        };
        // Five seconds of the client's, and four of the budget's.
        let (read_whole, ()) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                read(slow(5, 16 << 10, seconds(1))).await
            },
            hold(seconds(5)),
        );
        assert!(matches!(read_whole, Ok(true)), "{read_whole:?}");
        let too_slow = read(slow(7, 16 << 10, seconds(1))).await;
        assert!(matches!(too_slow, Err(BodyError::TimedOut(time)) if time == seconds(6)), "{too_slow:?}");
        let too_slow = read(slow(7, 16, seconds(1))).await;
        assert!(matches!(too_slow, Err(BodyError::TimedOut(_))), "a small one has the same time: {too_slow:?}");

        // Each step waits for less than the timeout, and all of them for longer than the maximum.
        let started = Instant::now();
        let others = async {
            loop {
                let held = budget.acquire(budget.semaphore.available_permits() << 10).await.unwrap();
                tokio::time::sleep(seconds(4)).await;
                drop(held);
                // The body takes its step, and its next frame comes after one more millisecond.
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
        };
        let refused = tokio::select! {
            biased;
            refused = read(slow(60, 16 << 10, Duration::from_millis(2))) => refused,
            () = others => unreachable!(),
        };
        assert!(matches!(refused, Err(BodyError::Overloaded(_))), "{refused:?}");
        assert!(started.elapsed() >= MAX_BODY_WAIT, "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn queue_of_a_concurrency_limit_is_limited() {
        let turns = ConcurrencyLimit::new(1, 1, Duration::from_secs(9), "full");
        let first = turns.acquire().await.unwrap();
        let (second, third) = tokio::join!(turns.acquire(), async {
            let since = Instant::now();
            let third = turns.acquire().await;
            assert_eq!(since.elapsed(), Duration::ZERO, "who finds the line full does not wait");
            third
        });
        assert_eq!([second, third].map(|turn| turn.map(|_| ())), [const { Err(Overloaded("full")) }; 2]);
        drop(first);
        assert!(turns.acquire().await.is_ok());
    }
}
