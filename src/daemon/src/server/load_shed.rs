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
pub const SHORT: usize = 8 << 10;

/// After how many seconds to come again.
pub const AGAIN: u64 = 10;

/// How long somebody waits for room.
const WAIT: Duration = Duration::from_secs(5);

/// There was no room, or no turn, in time: why, for a person.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{0}: try again in {AGAIN} seconds")]
pub struct Busy(&'static str);

/// Room or a turn, until it is dropped. What is short needs none.
pub type Room = Option<OwnedSemaphorePermit>;

/// Room in memory, counted in KiB.
#[derive(Clone)]
pub struct Budget {
    free: Arc<Semaphore>,
    all: u32,
    full: &'static str,
}

impl Budget {
    /// Room for so many bytes; `full` says that there is none left.
    pub fn new(bytes: usize, full: &'static str) -> Self {
        let all = kib(bytes);
        Self { free: Arc::new(Semaphore::new(all.try_into().unwrap_or(usize::MAX))), all, full }
    }

    /// Waits for room for so many bytes; what needs more than there is gets all of it.
    ///
    /// # Errors
    ///
    /// If there is none in time.
    pub async fn room(&self, bytes: usize) -> Result<Room, Busy> {
        if bytes <= SHORT {
            return Ok(None);
        }
        let room = Arc::clone(&self.free).acquire_many_owned(kib(bytes).min(self.all));
        in_time(WAIT, room, self.full).await
    }
}

fn kib(bytes: usize) -> u32 {
    bytes.div_ceil(1 << 10).try_into().unwrap_or(u32::MAX)
}

/// Turns at what takes long.
#[derive(Clone)]
pub struct Turns {
    free: Arc<Semaphore>,
    line: Arc<Semaphore>,
    wait: Duration,
    full: &'static str,
}

impl Turns {
    /// So many at once; so many others wait, and so long. `full` says that one waits in vain.
    pub fn new(at_once: usize, waiting: usize, wait: Duration, full: &'static str) -> Self {
        Self { free: Arc::new(Semaphore::new(at_once)), line: Arc::new(Semaphore::new(waiting)), wait, full }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    ///
    /// If too many wait already, or it does not come in time.
    pub async fn turn(&self) -> Result<Room, Busy> {
        if let Ok(turn) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(Some(turn));
        }
        let _waiting = self.line.try_acquire().map_err(|_| Busy(self.full))?;
        in_time(self.wait, Arc::clone(&self.free).acquire_owned(), self.full).await
    }
}

async fn in_time<E>(
    wait: Duration,
    room: impl Future<Output = Result<OwnedSemaphorePermit, E>>,
    full: &'static str,
) -> Result<Room, Busy> {
    match timeout(wait, room).await {
        Ok(Ok(room)) => Ok(Some(room)),
        _ => Err(Busy(full)),
    }
}

/// Reads on to the end, or until there is more than so much. Says whether that was the end.
///
/// # Errors
///
/// If the body breaks off.
pub async fn gather(body: &mut Body, bytes: &mut Vec<u8>, most: usize) -> Result<bool, axum::Error> {
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
pub fn whole(body: &Body, read: usize, most: usize) -> usize {
    let rest = body.size_hint().upper().and_then(|rest| usize::try_from(rest).ok());
    rest.map_or(most, |rest| read.saturating_add(rest).min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn room_is_counted_and_waited_for() {
        let budget = Budget::new(1 << 20, "full");
        let all = budget.room(5 << 20).await.unwrap();
        assert!(budget.room(SHORT).await.unwrap().is_none(), "what is short needs none");
        assert_eq!(budget.room(SHORT + 1).await.map(|_| ()), Err(Busy("full")));
        drop(all);
        let half = budget.room(1 << 19).await.unwrap();
        assert!(half.is_some() && budget.room(1 << 19).await.is_ok());
        assert_eq!(Busy("full").to_string(), "full: try again in 10 seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_wait_for_a_turn() {
        let turns = Turns::new(1, 1, Duration::from_secs(9), "full");
        let first = turns.turn().await.unwrap();
        let (second, third) = tokio::join!(turns.turn(), async {
            let since = tokio::time::Instant::now();
            let third = turns.turn().await;
            assert_eq!(since.elapsed(), Duration::ZERO, "who finds the line full does not wait");
            third
        });
        assert_eq!([second, third].map(|turn| turn.map(|_| ())), [const { Err(Busy("full")) }; 2]);
        drop(first);
        assert!(turns.turn().await.is_ok());
    }
}
