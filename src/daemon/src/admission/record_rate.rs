//! The rate of the API's records: a token bucket, so that no caller fills the disk with questions.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Maximum number of records at once: a call with as many requests is recorded whole.
const BURST: u32 = 1_000;

/// Interval after which one more record may be written.
const REFILL_INTERVAL: Duration = Duration::from_millis(20);

/// The token bucket, with the number of records that found it empty.
pub struct RecordRate(Mutex<RateState>);

struct RateState {
    tokens: u32,
    /// The time up to which tokens are added.
    refilled: Instant,
    omitted: u64,
}

impl Default for RecordRate {
    /// Creates a full bucket.
    fn default() -> Self {
        Self(Mutex::new(RateState { tokens: BURST, refilled: Instant::now(), omitted: 0 }))
    }
}

impl RecordRate {
    /// Takes a token at a time. Returns the number of records that were omitted since the last token, or none for a
    /// record to omit.
    pub fn take(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = now.saturating_duration_since(state.refilled).as_nanos() / REFILL_INTERVAL.as_nanos();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        if steps >= BURST {
            (state.tokens, state.refilled) = (BURST, now);
        } else {
            state.tokens = state.tokens.saturating_add(steps).min(BURST);
            state.refilled += REFILL_INTERVAL * steps;
        }
        match state.tokens.checked_sub(1) {
            Some(left) => {
                state.tokens = left;
                Some(std::mem::take(&mut state.omitted))
            }
            None => {
                state.omitted += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_is_recorded_and_then_fifty_a_second_with_the_number_of_those_omitted() {
        let rate = RecordRate::default();
        let start = Instant::now();
        assert_eq!((0..1_500).filter(|_| rate.take(start).is_some()).count(), 1_000);
        assert_eq!(rate.take(start + Duration::from_millis(19)), None);
        assert_eq!(rate.take(start + Duration::from_millis(40)), Some(501));
        assert_eq!(rate.take(start + Duration::from_millis(40)), Some(0));
        assert_eq!(rate.take(start + Duration::from_millis(40)), None);
        let later = start + Duration::from_secs(3_600);
        assert_eq!((0..1_500).filter(|_| rate.take(later).is_some()).count(), 1_000);
    }
}
