//! Configuration of the WebAssembly engine. The build script includes this file, because wasmtime only runs code that
//! was compiled under the same configuration.

use wasmtime::Config;

/// Returns the configuration, with every feature off that the module does not use.
pub fn config() -> Config {
    let mut config = Config::new();
    // Every call has a deadline, and only epochs can interrupt a loop in the guest.
    config.epoch_interruption(true);
    // The address map serves backtraces, which this build of wasmtime leaves out.
    config.generate_address_map(false);
    config
}
