//! The tools from npm, at the versions of `package-lock.json`.

use std::fs;

use anyhow::{Result, bail};

use crate::command::{exists, program, root, run};
use crate::record::{inputs, write};

/// Installs the tools into `node_modules`, unless they are there. None of their install scripts is run.
pub fn install() -> Result<()> {
    let stamp = root().join("node_modules/.installed-from");
    let from = inputs(&["package.json", "package-lock.json"])?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == from) {
        return Ok(());
    }
    for name in ["node", "npm"] {
        if !exists(name) {
            bail!("`{name}` is missing: install Node.js 20 or later, with npm");
        }
    }
    run(program("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    write(&stamp, from.as_bytes())
}
