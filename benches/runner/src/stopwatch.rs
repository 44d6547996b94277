//! Times of several calls, measured in turns: load on the machine and its clock frequency affect all alike, so that
//! their ratios hold where their times do not.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// The number of turns after which a measurement ends that takes longer than it may.
const MIN_TURNS: usize = 5;
/// The maximum duration of a measurement, beyond its first turns.
const MAX_DURATION: Duration = Duration::from_secs(30);

/// Settings of a measurement.
pub struct Stopwatch {
    /// The number of turns of each call.
    turns: usize,
    /// The minimum duration of a turn.
    turn: Duration,
}

/// A call under measurement: makes it as often as asked for, and returns how long that took.
pub type Repeated<'a> = Box<dyn FnMut(u64) -> Duration + 'a>;

/// Returns a call under measurement.
pub fn repeated<'a, T>(mut call: impl FnMut() -> T + 'a) -> Repeated<'a> {
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            black_box(call());
        }
        start.elapsed()
    })
}

/// Returns a call under measurement whose result is dropped outside of it.
pub fn repeated_without_drop<'a, T>(mut call: impl FnMut() -> T + 'a) -> Repeated<'a> {
    Box::new(move |times| {
        let timed = (0..times).map(|_| {
            let start = Instant::now();
            let result = black_box(call());
            let time = start.elapsed();
            drop(result);
            time
        });
        timed.sum()
    })
}

impl Stopwatch {
    pub fn new(is_quick: bool) -> Self {
        match is_quick {
            true => Self { turns: MIN_TURNS, turn: Duration::from_micros(500) },
            false => Self { turns: 41, turn: Duration::from_millis(4) },
        }
    }

    /// Returns the median time of each call, in nanoseconds.
    pub fn measure(&self, calls: &mut [Repeated<'_>]) -> Vec<f64> {
        let repetitions: Vec<u64> = calls.iter_mut().map(|call| self.repetitions(call)).collect();
        let mut times = vec![Vec::with_capacity(self.turns); calls.len()];
        let start = Instant::now();
        for turn in 0..self.turns {
            if turn >= MIN_TURNS && start.elapsed() > MAX_DURATION {
                break;
            }
            for ((call, repetitions), times) in calls.iter_mut().zip(&repetitions).zip(&mut times) {
                times.push(call(*repetitions).as_secs_f64() * 1e9 / *repetitions as f64);
            }
        }
        times.into_iter().map(median).collect()
    }

    /// Returns how often a call fits into a turn, at least once.
    fn repetitions(&self, call: &mut Repeated<'_>) -> u64 {
        let mut repetitions = 1;
        while call(repetitions) < self.turn {
            repetitions *= 2;
        }
        repetitions
    }
}

/// Returns the median.
///
/// # Panics
///
/// If there is no value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
