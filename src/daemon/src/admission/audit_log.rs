//! The audit log: one line of JSON for each decision, written by a thread of its own.

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libsystemd::logging::{Priority, journal_send};
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;
use thiserror::Error;

use crate::admission::append_file::AppendFile;
use crate::admission::audit_record::{AuditRecord, TransferRecord};
use crate::admission::record_queue::{RecordQueue, WriterTask};
use crate::admission::record_rate::RecordRate;
use crate::util::sanitize::escape_controls;

/// Timeout for writing the queue at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The destination of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditSink {
    /// Standard output.
    Stdout,
    /// systemd's journal, each member as a field.
    Journald,
    /// The end of a file.
    File(PathBuf),
    /// No destination: nothing is recorded.
    Off,
}

/// The error for a text that is no destination.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("write `stdout`, `journald`, `off`, or the path of a file, such as `./{0}`")]
pub struct AuditSinkError(String);

impl FromStr for AuditSink {
    type Err = AuditSinkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "stdout" => Ok(Self::Stdout),
            "journald" => Ok(Self::Journald),
            "off" => Ok(Self::Off),
            path if path.contains('/') => Ok(Self::File(path.into())),
            _ => Err(AuditSinkError(text.to_owned())),
        }
    }
}

/// A record of the API.
#[derive(Serialize)]
struct ApiRecord<'a> {
    #[serde(flatten)]
    record: &'a AuditRecord<'a>,
    /// The number of records of the API that were omitted before this one.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The audit log. Records are written by a thread, so that no decision waits for a disk.
pub struct AuditLog {
    /// `None` if nothing is recorded.
    queue: Option<Arc<RecordQueue>>,
    api_rate: RecordRate,
    /// Set when the file may have been renamed, so that the next record reopens it.
    reopen_requested: Arc<AtomicBool>,
    dropped: Counter,
    omitted: Counter,
}

impl AuditLog {
    /// Opens a destination.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened. The text names it.
    pub fn open(target: &AuditSink) -> io::Result<Self> {
        let mut log = Self {
            queue: None,
            api_rate: RecordRate::default(),
            reopen_requested: Arc::default(),
            dropped: Counter::default(),
            omitted: Counter::default(),
        };
        let sink = match target {
            AuditSink::Off => return Ok(log),
            AuditSink::Stdout => OpenSink::Stdout,
            AuditSink::Journald => OpenSink::Journald,
            AuditSink::File(path) => OpenSink::File(AppendFile::open(path)?),
        };
        let queue = Arc::<RecordQueue>::default();
        log.queue = Some(Arc::clone(&queue));
        let (reopens, dropped) = (Arc::clone(&log.reopen_requested), log.dropped.clone());
        let write = move || write_records(&queue, sink, &reopens, &dropped);
        thread::Builder::new().name("pullgate-audit".to_owned()).spawn(write)?;
        Ok(log)
    }

    /// Queues a record. It is dropped and counted if the queue is full; one of the API is omitted and counted above the
    /// rate of such records.
    pub fn write(&self, record: &AuditRecord<'_>) {
        let Some(queue) = &self.queue else { return };
        let admits = record.frontend.admits();
        let line = if admits {
            serde_json::to_string(record)
        } else {
            let Some(omitted) = self.api_rate.take(Instant::now()) else {
                self.omitted.inc();
                return;
            };
            serde_json::to_string(&ApiRecord { record, omitted })
        };
        // Escaped, since the log may be read in a terminal.
        let taken = line.is_ok_and(|line| queue.push(admits, format!("{}\n", escape_controls(&line))));
        if !taken {
            self.dropped.inc();
        }
    }

    /// Queues the record of a transfer. It is dropped and counted if the queue is full.
    pub fn write_transfer(&self, record: &TransferRecord<'_>) {
        let Some(queue) = &self.queue else { return };
        let line = serde_json::to_string(record);
        if !line.is_ok_and(|line| queue.push(true, format!("{}\n", escape_controls(&line)))) {
            self.dropped.inc();
        }
    }

    /// Returns the counter of dropped records.
    pub fn dropped(&self) -> &Counter {
        &self.dropped
    }

    /// Returns the counter of records of the API that were omitted above their rate.
    pub fn omitted(&self) -> &Counter {
        &self.omitted
    }

    /// Requests that the file is reopened before the next record, after log rotation renamed it.
    pub fn reopen(&self) {
        self.reopen_requested.store(true, Ordering::Relaxed);
        if let Some(queue) = &self.queue {
            queue.wake();
        }
    }

    /// Waits until the queue is written, up to a timeout.
    pub fn flush(&self) {
        let Some(queue) = &self.queue else { return };
        if !queue.wait_until_drained(FLUSH_TIMEOUT) {
            tracing::error!(
                "some audit records are lost: they could not be written within {} seconds",
                FLUSH_TIMEOUT.as_secs()
            );
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.close();
        }
    }
}

/// Writes the records of a queue until it is closed.
fn write_records(queue: &RecordQueue, mut sink: OpenSink, reopens: &AtomicBool, dropped: &Counter) {
    let mut fails = false;
    while let Some(task) = queue.next() {
        let reopened = if reopens.swap(false, Ordering::Relaxed) { sink.reopen() } else { Ok(()) };
        let done = match task {
            // If the new file cannot be opened, the old one is still written.
            WriterTask::Line(line) => sink.write(&line).inspect_err(|_| {
                dropped.inc();
            }),
            WriterTask::Wake => Ok(()),
        };
        let done = reopened.and(done);
        // Reported once per failure; the dropped records are counted.
        if let Err(error) = &done
            && !fails
        {
            tracing::error!(%error, "the audit record cannot be written");
        }
        fails = done.is_err();
    }
}

enum OpenSink {
    Stdout,
    Journald,
    File(AppendFile),
}

impl OpenSink {
    fn write(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().lock().write_all(line.as_bytes()),
            Self::File(file) => file.append_line(line),
            Self::Journald => send_to_journal(line),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.reopen(),
            Self::Stdout | Self::Journald => Ok(()),
        }
    }
}

/// Sends a record to the journal, with its members as fields such as `PULLGATE_REFERENCE`.
fn send_to_journal(line: &str) -> io::Result<()> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line)?;
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let member = |name: &str| members.get(name).map(text).unwrap_or_default();
    let message = format!("{} {} {}", member("decision"), member("action"), member("reference"));
    let message = message.trim_start();
    let fields = members.iter().map(|(name, value)| (format!("PULLGATE_{}", name.to_ascii_uppercase()), text(value)));
    journal_send(Priority::Info, message, fields).map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::io::{BufRead, BufReader};
    use std::sync::atomic::AtomicUsize;

    use rustix::fs::{FileType, Mode};

    use super::*;
    use crate::admission::record_queue::ADMISSION_CAPACITY;

    /// Returns an audit log into a full pipe without a reader, the number of lines that it has accepted, its path, and
    /// the pipe.
    fn full_log() -> (AuditLog, usize, PathBuf, File) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("pullgate-audit-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_file(&path);
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let pipe = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let audit = AuditLog::open(&AuditSink::File(path.clone())).unwrap();
        let queue = audit.queue.as_ref().unwrap();
        let mut taken = 0;
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end {
            match queue.push(true, format!("{}\n", "x".repeat(99))) {
                true => taken += 1,
                false => thread::sleep(Duration::from_millis(10)),
            }
        }
        (audit, taken, path, pipe)
    }

    /// Reads so many lines on another thread.
    fn drain_lines(pipe: File, lines: usize) -> thread::JoinHandle<usize> {
        thread::spawn(move || BufReader::new(pipe).lines().take(lines).filter(Result::is_ok).count())
    }

    #[test]
    fn a_full_queue_loses_no_new_file() {
        let (audit, taken, path, pipe) = full_log();
        fs::remove_file(&path).unwrap();
        audit.reopen();
        // One line is being written to the old file; the lines before it are in the pipe, and those after it go to the
        // new file.
        let old = drain_lines(pipe, taken - ADMISSION_CAPACITY);
        audit.flush();
        let new = fs::read_to_string(&path).unwrap().lines().count();
        fs::remove_file(&path).unwrap();
        assert_eq!((old.join().unwrap(), new), (taken - ADMISSION_CAPACITY, ADMISSION_CAPACITY));
    }

    #[test]
    fn the_end_waits_for_a_full_queue() {
        let (audit, taken, path, pipe) = full_log();
        let begun = Arc::<AtomicBool>::default();
        let begins = Arc::clone(&begun);
        let reader = thread::spawn(move || {
            thread::sleep(Duration::from_millis(500));
            begins.store(true, Ordering::Relaxed);
            drain_lines(pipe, taken).join().unwrap()
        });
        audit.flush();
        assert!(begun.load(Ordering::Relaxed), "it waited for the reader");
        assert_eq!(reader.join().unwrap(), taken);
        fs::remove_file(&path).unwrap();
    }
}
