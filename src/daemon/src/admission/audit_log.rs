//! The audit log: one line of JSON for each decision, written by a thread of its own.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use libsystemd::logging::{Priority, journal_send};
use prometheus_client::metrics::counter::Counter;
use pullgate::redact_userinfo;
use serde::Serialize;
use thiserror::Error;

use crate::admission::append_file::AppendFile;
use crate::admission::request::{AdmissionRequest, Frontend};
use crate::policy::store::Generation;
use crate::util::sanitize::escape_controls;

/// Capacity of the queue in lines. Further records are dropped and counted.
const QUEUE_CAPACITY: usize = 16_384;

/// Timeout for writing the queue at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum size of one field in bytes: references and users are input.
const MAX_FIELD_BYTES: usize = 1_024;

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

/// The record of one decision.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord<'a> {
    time: String,
    /// The frontend.
    pub frontend: Frontend,
    user: Cow<'a, str>,
    action: Cow<'a, str>,
    reference: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Cow<'a, str>>,
    decision: &'static str,
    /// The reason: the code of a denial, `matched`, or the setting that decided.
    pub reason: &'static str,
    /// The deciding entry, or the nearest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    generation: u64,
    policy: &'a str,
    module: &'a str,
    microseconds: u64,
}

impl<'a> AuditRecord<'a> {
    /// Creates a record with an allowing outcome.
    pub fn new(ask: &AdmissionRequest<'a>, generation: &'a Generation, module: &'a str, took: Duration) -> Self {
        Self {
            time: Timestamp::now().to_string(),
            frontend: ask.frontend,
            user: truncate(ask.user),
            action: truncate(ask.action),
            reference: redact_field(ask.reference),
            project: ask.project.map(truncate),
            decision: "allow",
            reason: "matched",
            entry: None,
            text: String::new(),
            generation: generation.number,
            policy: &generation.sha256,
            module,
            microseconds: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// Sets the outcome.
    pub fn set_outcome(&mut self, allowed: bool, text: &str) {
        self.decision = if allowed { "allow" } else { "deny" };
        self.text = truncate(text).into_owned();
    }
}

fn truncate(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_FIELD_BYTES {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{}...", &text[..text.floor_char_boundary(MAX_FIELD_BYTES)]))
    }
}

/// Redacts user information (rule E11), then truncates: the other way round, a password could lose its `@`.
pub fn redact_field(text: &str) -> Cow<'_, str> {
    match redact_userinfo(text) {
        Cow::Borrowed(text) => truncate(text),
        Cow::Owned(redacted) => Cow::Owned(truncate(&redacted).into_owned()),
    }
}

/// The audit log. Records are written by a thread, so that no decision waits for a disk.
pub struct AuditLog {
    messages: Option<SyncSender<WriterMessage>>,
    /// Set when the file may have been renamed, so that the next record reopens it.
    reopen_requested: Arc<AtomicBool>,
    dropped: Counter,
}

/// A message to the writer thread.
enum WriterMessage {
    Line(String),
    /// Wakes the thread to reopen the file.
    Wake,
    /// Acknowledges that all previous messages are written.
    Flush(SyncSender<()>),
}

impl AuditLog {
    /// Opens a destination.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened. The text names it.
    pub fn open(target: &AuditSink) -> io::Result<Self> {
        let (lost, renamed) = (Counter::default(), Arc::<AtomicBool>::default());
        let mut sink = match target {
            AuditSink::Off => return Ok(Self { messages: None, reopen_requested: renamed, dropped: lost }),
            AuditSink::Stdout => OpenSink::Stdout,
            AuditSink::Journald => OpenSink::Journald,
            AuditSink::File(path) => OpenSink::File(AppendFile::open(path)?),
        };
        let (messages, receiver) = sync_channel(QUEUE_CAPACITY);
        let (failed, reopens) = (lost.clone(), Arc::clone(&renamed));
        thread::Builder::new().name("pullgate-audit".to_owned()).spawn(move || {
            let mut fails = false;
            for message in receiver {
                let reopened = if reopens.swap(false, Ordering::Relaxed) { sink.reopen() } else { Ok(()) };
                let done = match message {
                    // If the new file cannot be opened, the old one is still written.
                    WriterMessage::Line(line) => sink.write(&line).inspect_err(|_| {
                        failed.inc();
                    }),
                    WriterMessage::Wake => Ok(()),
                    WriterMessage::Flush(done) => {
                        // The receiver may have timed out.
                        let _ = done.send(());
                        continue;
                    }
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
        })?;
        Ok(Self { messages: Some(messages), reopen_requested: renamed, dropped: lost })
    }

    /// Queues a record. It is dropped and counted if the queue is full.
    pub fn write(&self, record: &AuditRecord<'_>) {
        let Some(messages) = &self.messages else { return };
        // Escaped, since the log may be read in a terminal.
        let line = serde_json::to_string(record).map(|line| format!("{}\n", escape_controls(&line)));
        let taken = line.is_ok_and(|line| messages.try_send(WriterMessage::Line(line)).is_ok());
        if !taken {
            self.dropped.inc();
        }
    }

    /// Returns the counter of dropped records.
    pub fn dropped(&self) -> &Counter {
        &self.dropped
    }

    /// Requests that the file is reopened before the next record, after log rotation renamed it.
    pub fn reopen(&self) {
        self.reopen_requested.store(true, Ordering::Relaxed);
        if let Some(messages) = &self.messages {
            // If the queue is full, its messages wake the thread.
            let _ = messages.try_send(WriterMessage::Wake);
        }
    }

    /// Waits until the queue is written, up to a timeout.
    pub fn flush(&self) {
        let Some(messages) = &self.messages else { return };
        let (done, written) = sync_channel(1);
        let end = Instant::now() + FLUSH_TIMEOUT;
        let mut message = WriterMessage::Flush(done);
        while let Err(TrySendError::Full(refused)) = messages.try_send(message) {
            if Instant::now() >= end {
                break;
            }
            message = refused;
            thread::sleep(Duration::from_millis(10));
        }
        if written.recv_timeout(end.saturating_duration_since(Instant::now())).is_err() {
            tracing::error!(
                "some audit records are lost: they could not be written within {} seconds",
                FLUSH_TIMEOUT.as_secs()
            );
        }
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
    let fields = members.iter().map(|(name, value)| (format!("PULLGATE_{}", name.to_ascii_uppercase()), text(value)));
    journal_send(Priority::Info, &message, fields).map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::io::{BufRead, BufReader};
    use std::sync::atomic::AtomicUsize;

    use rustix::fs::{FileType, Mode};

    use super::*;

    #[test]
    fn passwords_are_not_shown_and_digests_are() {
        let hex = "0a".repeat(32);
        let digest = format!("h.example/x@sha256:{hex}");
        for (reference, shown) in [
            ("h.example/x:1", "h.example/x:1"),
            (&*digest, &*digest),
            ("user:secret@h.example/x", "***********@h.example/x"),
            ("user:secret@h.example:5000", "***********@h.example:5000"),
            ("user:sec@ret@h.example", "************@h.example"),
            ("https://user:secret@h.example/x@sha256:0", "https://***********************@sha256:0"),
            // A password before a whole digest, and a port that reads as one.
            (&*format!("user:secret/x@sha256:{hex}"), &*format!("*************@sha256:{hex}")),
            (&*format!("user:secret@h.example:{hex}"), &*format!("***********@h.example:{hex}")),
        ] {
            assert_eq!(redact_field(reference), shown);
        }
        let long = format!("user:{}@h.example", "secret".repeat(MAX_FIELD_BYTES));
        assert!(!redact_field(&long).contains("secret"));
    }

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
        let messages = audit.messages.as_ref().unwrap();
        let mut taken = 0;
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end {
            match messages.try_send(WriterMessage::Line(format!("{}\n", "x".repeat(99)))) {
                Ok(()) => taken += 1,
                Err(_) => thread::sleep(Duration::from_millis(10)),
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
        let old = drain_lines(pipe, taken - QUEUE_CAPACITY);
        audit.flush();
        let new = fs::read_to_string(&path).unwrap().lines().count();
        fs::remove_file(&path).unwrap();
        assert_eq!((old.join().unwrap(), new), (taken - QUEUE_CAPACITY, QUEUE_CAPACITY));
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
