//! How the component is compiled and run. What precompiles it includes this very file, so that both agree.

use wasmtime::{Config, Engine, Result};

/// An engine that compiles for this machine, with everything that the module does not use switched off.
pub fn engine() -> Result<Engine> {
    let mut config = Config::new();
    // Every call has a deadline, and only epochs can end a loop in the guest.
    config.epoch_interruption(true);
    Engine::new(&config)
}
