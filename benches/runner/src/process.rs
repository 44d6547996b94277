//! The program `pullgate` as a process: the command line with a large policy, and the start of the daemon.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pullgate_benches::{ALLOWED, policy};

use crate::Settings;
use crate::memory;
use crate::stopwatch::median;
use crate::table::Table;

/// The maximum duration of one process.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The period at which a process is looked at.
const POLL_PERIOD: Duration = Duration::from_micros(200);

/// A process, killed on drop.
pub struct RunningProcess {
    pub child: Child,
    start: Instant,
}

impl RunningProcess {
    pub fn start(command: &mut Command) -> Result<Self> {
        let start = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Ok(Self { child: child.context("cannot start the program")?, start })
    }

    /// Returns a size of the process in bytes; `None` once it has ended.
    pub fn memory(&self, name: &str) -> Option<f64> {
        memory::size(&self.child.id().to_string(), name)
    }

    /// Waits for a moment.
    ///
    /// # Errors
    ///
    /// If the process has had more time than any takes.
    pub fn check_time(&self) -> Result<()> {
        ensure!(self.start.elapsed() < TIMEOUT, "the program takes longer than {} s", TIMEOUT.as_secs());
        thread::sleep(POLL_PERIOD);
        Ok(())
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Measures `pullgate decide`, from the start of the process to its end.
pub fn command_line(settings: &Settings) -> Result<Table> {
    let entries = if settings.is_quick { 10_000 } else { 999_000 };
    let folder = tempfile::tempdir()?;
    let small = folder.path().join("small.json");
    let (json, toml) = (folder.path().join("large.json"), folder.path().join("large.toml"));
    fs::write(&small, policy(4))?;
    let document = policy(entries);
    fs::write(&toml, to_toml(&document)?)?;
    fs::write(&json, document)?;

    let mut table = Table::new("command-line", &["policy", "entries", "s", "MB at most", "bytes an entry"]);
    let mut base = None;
    for (name, file, entries) in [("JSON", &small, 4), ("JSON", &json, entries), ("TOML", &toml, entries)] {
        let turns = if settings.is_quick { 1 } else { 5 };
        let runs = (0..turns).map(|_| decide(&settings.program, file)).collect::<Result<Vec<_>>>()?;
        let (times, memories): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
        let (time, memory) = (median(times), median(memories));
        let each = base.map(|base: f64| (memory - base) / f64::from(entries));
        base = base.or(Some(memory));
        table.rows.push(vec![name.into(), entries.into(), time.into(), (memory / 1e6).into(), each.into()]);
    }
    Ok(table)
}

/// Returns the same policy in TOML, an entry a line.
fn to_toml(document: &str) -> Result<String> {
    let document: serde_json::Map<String, serde_json::Value> = serde_json::from_str(document)?;
    let mut text = String::new();
    for (list, entries) in document {
        let entries = entries.as_array().context("a list is no array")?.iter();
        let lines: String = entries.map(|entry| format!("  {entry},\n")).collect();
        text.push_str(&format!("{list} = [\n{lines}]\n"));
    }
    Ok(text)
}

/// Runs one decision, and returns its seconds and the bytes of memory that it had at most.
fn decide(program: &Path, policy: &Path) -> Result<(f64, f64)> {
    let mut command = Command::new(program);
    let mut process =
        RunningProcess::start(command.args(["decide", "--no-dns", "--policy"]).arg(policy).arg(ALLOWED[0].1))?;
    let mut memory: f64 = 0.0;
    loop {
        memory = process.memory("VmHWM").unwrap_or_default().max(memory);
        if let Some(status) = process.child.try_wait()? {
            ensure!(status.success(), "`pullgate decide` denies what it has to allow");
            return Ok((process.start.elapsed().as_secs_f64(), memory));
        }
        process.check_time()?;
    }
}

/// Measures the daemon, from the start of its process until it says that it is ready.
pub fn start(settings: &Settings) -> Result<Table> {
    let sizes: &[u32] = if settings.is_quick { &[4, 1_000] } else { &[4, 1_000, 100_000, 999_000] };
    let mut table = Table::new("start", &["entries", "ready after, ms", "MB then", "bytes an entry"]);
    let mut base = None;
    for &entries in sizes {
        let turns = if settings.is_quick || entries > 10_000 { 3 } else { 15 };
        let document = policy(entries);
        let runs = (0..turns).map(|_| serve(&settings.program, &document)).collect::<Result<Vec<_>>>()?;
        let (times, memories): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
        let (time, memory) = (median(times), median(memories));
        let each = base.filter(|_| entries > 10_000).map(|base: f64| (memory - base) / f64::from(entries));
        base = base.or(Some(memory));
        table.rows.push(vec![entries.into(), (time * 1e3).into(), (memory / 1e6).into(), each.into()]);
    }
    Ok(table)
}

/// Starts the daemon, and returns the seconds until it was ready and its memory then.
fn serve(program: &Path, policy: &str) -> Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let (file, socket) = (folder.path().join("policy.json"), folder.path().join("api.sock"));
    fs::write(&file, policy)?;
    let mut command = Command::new(program);
    command
        .args(["serve", "--no-dns", "--listen"])
        .arg(format!("unix:{}", socket.display()))
        .arg("--policy")
        .arg(&file);
    let mut process = RunningProcess::start(&mut command)?;
    while !is_ready(&socket) {
        if let Some(status) = process.child.try_wait()? {
            bail!("the daemon ended before it was ready ({status})");
        }
        process.check_time()?;
    }
    let time = process.start.elapsed().as_secs_f64();
    Ok((time, process.memory("VmRSS").context("the daemon ended")?))
}

/// Returns whether the daemon answers 200 to `GET /readyz`.
fn is_ready(socket: &Path) -> bool {
    let answer = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    answer().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}
