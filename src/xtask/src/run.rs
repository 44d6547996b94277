//! `cargo xtask run`: the daemon with the first worked example, and its page.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::command::{exists, program};
use crate::{binary, module, web};

/// The policy, in `docs/examples`.
const POLICY: &str = "docs/examples/worked-example-1.json";

/// Builds what is missing and serves until Ctrl+C.
pub fn run() -> Result<()> {
    module::build(None, false)?;
    web::build()?;
    binary::build()?;
    println!("\npullgate serve --policy {POLICY}\n");
    let mut daemon = program(binary::path())
        .args(["serve", "--policy", POLICY])
        // The address is in the log.
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("the daemon cannot be started")?;
    let log = daemon.stderr.take().context("the daemon has no log")?;
    for line in BufReader::new(log).lines() {
        let line = line?;
        eprintln!("{line}");
        if let Some((_, address)) = line.split_once("the page and the API are served address=") {
            open(&format!("http://{}/", address.trim_matches('"')));
        }
    }
    let status = daemon.wait()?;
    if !status.success() {
        bail!("the daemon ended ({status})");
    }
    Ok(())
}

/// Opens the page where there is a desktop, and says where it is in any case.
fn open(address: &str) {
    println!("\nThe page is at {address} (Ctrl+C ends this)\n");
    let has_desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if has_desktop && exists("xdg-open") {
        // Whoever reads the line above can open it too.
        let _ = program("xdg-open").arg(address).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }
}
