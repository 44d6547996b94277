//! The queue of lines between the frontends and the writer of the audit log.
//!
//! Records of admission have a queue of their own and are written first, so that no flood of the API displaces them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Capacity for records of admission in lines. Further records are dropped and counted.
pub const ADMISSION_CAPACITY: usize = 16_384;

/// Capacity for records of the API in lines.
pub const API_CAPACITY: usize = 4_096;

/// The lines that wait to be written.
#[derive(Default)]
pub struct RecordQueue {
    state: Mutex<QueueState>,
    /// Wakes the writer.
    pushed: Condvar,
    /// Wakes those that wait for the writer.
    drained: Condvar,
}

#[derive(Default)]
struct QueueState {
    admission: VecDeque<String>,
    api: VecDeque<String>,
    /// True while the writer is on a line that it has taken.
    is_writing: bool,
    is_woken: bool,
    is_closed: bool,
}

/// The next task of the writer.
#[derive(Debug, PartialEq, Eq)]
pub enum WriterTask {
    /// A line to write.
    Line(String),
    /// A wake-up without a line.
    Wake,
}

impl RecordQueue {
    /// Appends a line, of admission or of the API. Returns whether there was room for it.
    pub fn push(&self, admits: bool, line: String) -> bool {
        let mut state = self.lock();
        let (queue, capacity) = match admits {
            true => (&mut state.admission, ADMISSION_CAPACITY),
            false => (&mut state.api, API_CAPACITY),
        };
        let has_room = queue.len() < capacity;
        if has_room {
            queue.push_back(line);
            drop(state);
            self.pushed.notify_one();
        }
        has_room
    }

    /// Wakes the writer without a line.
    pub fn wake(&self) {
        self.lock().is_woken = true;
        self.pushed.notify_one();
    }

    /// Ends the queue: the writer takes what is in it, and then nothing more.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.pushed.notify_one();
    }

    /// Returns the next task once there is one, and completes the previous one. `None` at the end of a closed queue.
    pub fn next(&self) -> Option<WriterTask> {
        let mut state = self.lock();
        state.is_writing = false;
        loop {
            if std::mem::take(&mut state.is_woken) {
                return Some(WriterTask::Wake);
            }
            if let Some(line) = state.admission.pop_front().or_else(|| state.api.pop_front()) {
                state.is_writing = true;
                return Some(WriterTask::Line(line));
            }
            self.drained.notify_all();
            if state.is_closed {
                return None;
            }
            state = self.pushed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until every line is written, up to a timeout. Returns whether that is so.
    pub fn wait_until_drained(&self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        let mut state = self.lock();
        while state.is_writing || !state.admission.is_empty() || !state.api.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (state, _) = self.drained.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Locks the state. No code under the lock can panic, so a poisoned state is consistent.
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_the_api_displace_none_of_admission() {
        let queue = RecordQueue::default();
        let taken = (0..2 * API_CAPACITY).filter(|_| queue.push(false, "api".to_owned())).count();
        assert_eq!(taken, API_CAPACITY);
        assert!((0..ADMISSION_CAPACITY).all(|_| queue.push(true, "admission".to_owned())));
        assert!(!queue.push(true, "one too many".to_owned()));
        for _ in 0..ADMISSION_CAPACITY {
            assert_eq!(queue.next(), Some(WriterTask::Line("admission".to_owned())), "they are written first");
        }
        assert_eq!(queue.next(), Some(WriterTask::Line("api".to_owned())));
        queue.wake();
        assert_eq!(queue.next(), Some(WriterTask::Wake));
        assert!(!queue.wait_until_drained(Duration::ZERO));
        queue.close();
        assert_eq!(std::iter::from_fn(|| queue.next()).count(), API_CAPACITY - 1);
        assert!(queue.wait_until_drained(Duration::ZERO));
    }
}
