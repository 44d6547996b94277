//! Configuration of the WebAssembly engine. The build script includes this file: wasmtime runs only code that was
//! compiled under the same configuration.

use wasmtime::Config;

/// Returns the configuration, with everything that the module does not use switched off.
pub fn config() -> Config {
    let mut config = Config::new();
    // Every call has a deadline, and only epochs can end a loop in the guest.
    config.epoch_interruption(true);
    // Positions in the WebAssembly file are for backtraces, which this build of wasmtime does not make.
    config.generate_address_map(false);
    config
}
