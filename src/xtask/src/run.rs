//! `cargo xtask run`: the daemon with the first worked example, and its page.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::shell::{exists, shell};
use crate::steps::{self, Step};
use crate::{binary, module, npm, web};

/// The example policy, in `docs/examples`.
const POLICY: &str = "docs/examples/worked-example-1.json";

const STEPS: &[Step] = &[("module", module::build_default), ("page", web::build), ("program", binary::build)];

/// Builds what is missing and serves until Ctrl+C.
pub fn run() -> Result<()> {
    npm::prefetch();
    binary::prefetch();
    steps::take(STEPS)?;
    let (sh, program) = (shell()?, binary::path());
    println!("pullgate serve --policy {POLICY}\n");
    // The log has the address.
    let mut daemon = Command::from(cmd!(sh, "{program} serve --policy {POLICY}").env("RUST_LOG", "info"))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("the daemon cannot be started")?;
    let log = daemon.stderr.take().context("the daemon has no log")?;
    for line in BufReader::new(log).lines() {
        let line = line?;
        eprintln!("{line}");
        if let Some((_, address)) = line.split_once("the page and the API are served address=") {
            open(&sh, &format!("http://{}/", address.trim_matches('"')));
        }
    }
    let status = daemon.wait()?;
    if !status.success() {
        bail!("the daemon ended ({status})");
    }
    Ok(())
}

/// Prints the address of the page, and opens it where there is a desktop.
fn open(sh: &Shell, address: &str) {
    println!("\nThe page is at {address} (Ctrl+C ends this)\n");
    let has_desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if has_desktop && exists(sh, "xdg-open") {
        // The printed address serves as well, so a failure is no error.
        let _ = Command::from(cmd!(sh, "xdg-open {address}")).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }
}
