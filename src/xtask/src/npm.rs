//! The tools from npm, at the versions of `package-lock.json`.

use std::fs;

use anyhow::Result;

use crate::build_stamp::{inputs, write};
use crate::command::{program, root, run};
use crate::node;

/// Installs the tools into `node_modules`, unless they are there. None of their install scripts is run.
pub fn install() -> Result<()> {
    let stamp = root().join("node_modules/.installed-from");
    let from = inputs(&["package.json", "package-lock.json"])?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == from) {
        return Ok(());
    }
    node::check()?;
    run(program("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    write(&stamp, from.as_bytes())
}
