//! Epochs: the clock by which wasmtime ends calls.

use std::thread;
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often deadlines are looked at, in milliseconds.
const EPOCH_TICK_MS: u64 = 10;

/// How many ticks make up a time, rounded up; one more, since the current tick is partly over.
pub(crate) fn deadline_ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX) / EPOCH_TICK_MS + 2
}

/// Counts the epochs of an engine for as long as it is there.
pub(crate) fn spawn_epoch_ticker(engine: EngineWeak) -> std::io::Result<()> {
    let count = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(Duration::from_millis(EPOCH_TICK_MS));
        }
    };
    thread::Builder::new().name("pullgate-epochs".to_owned()).spawn(count).map(drop)
}
