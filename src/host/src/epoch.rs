//! Epochs: the clock by which wasmtime interrupts calls.

use std::thread;
use std::time::Duration;

use wasmtime::EngineWeak;

/// The interval of epochs in milliseconds, which is the resolution of deadlines.
const EPOCH_TICK_MS: u64 = 10;

/// Returns the number of epochs in a duration, rounded up, plus one for the current epoch, which is partly over.
pub(crate) fn deadline_ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX) / EPOCH_TICK_MS + 2
}

/// Spawns the thread that increments the epoch, for as long as the engine lives.
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
