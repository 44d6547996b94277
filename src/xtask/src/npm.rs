//! npm packages, at the versions of a folder's `package-lock.json`.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::build_stamp::write;
use crate::node;
use crate::shell::{root, shell};

/// The folders with packages that the build needs: the tools, and the page.
const FOLDERS: [&str; 2] = [".", "www"];

/// Starts to install all packages that the build needs, beside everything else. A failure shows in the step that needs
/// the packages, which tries again.
pub fn prefetch() {
    thread::spawn(|| FOLDERS.map(install));
}

/// Installs the packages of a folder, unless they are there. None of their install scripts is run.
pub fn install(folder: &str) -> Result<()> {
    // One at a time, so that a step waits for the prefetch and finds its work done.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = root().join(folder);
    let lock = fs::read_to_string(folder.join("package-lock.json"))?;
    // `tests/programs.mjs` writes and reads the same stamp.
    let stamp = folder.join("node_modules/.installed-from");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    node::check()?;
    npm_ci(&folder)?;
    write(&stamp, lock.as_bytes())
}

/// Runs `npm ci`, and shows its output only where it fails: other programs print at the same time.
fn npm_ci(folder: &Path) -> Result<()> {
    let sh = shell()?;
    sh.change_dir(folder);
    let output = cmd!(sh, "npm ci --ignore-scripts --no-audit --no-fund --loglevel=error").quiet().ignore_status();
    let output = output.output().context("cannot start `npm ci`")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("`npm ci` failed in {} ({})\n{}", folder.display(), output.status, errors.trim());
    }
    Ok(())
}
