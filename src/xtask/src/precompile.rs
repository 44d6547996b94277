//! The component, compiled for this machine: `src/host` builds it in, and a program then starts without compiling.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Result, anyhow};

use crate::build_stamp::{Record, sha256, write};
use crate::module::COMPONENT;

#[path = "../../host/src/engine.rs"]
mod engine;

/// Compiles the component in `dist`, unless that was done for the same component, engine and processor.
pub fn precompile(dist: &Path) -> Result<()> {
    const PRECOMPILED: &str = "pullgate.cwasm";
    let engine = engine::engine().map_err(|error| anyhow!("{error:#}"))?;
    let component = fs::read(dist.join(COMPONENT))?;
    let mut compiler = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut compiler);
    let from = format!("{} {:016x}", sha256(&component), compiler.finish());
    let record = Record::new(dist, "pullgate.cwasm.sha256", &[PRECOMPILED]);
    if record.made_by(&from).is_none() {
        let compiled = engine.precompile_component(&component).map_err(|error| anyhow!("{error:#}"))?;
        write(&dist.join(PRECOMPILED), &compiled)?;
        record.write(&from, "wasmtime")?;
    }
    Ok(())
}
