//! The audit record: one line of JSON for each decision.

mod file;

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use libsystemd::logging::{Priority, journal_send};
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;

use crate::admission::{Ask, Door};
use crate::audit::file::Lines;
use crate::policy::Generation;
use crate::text::in_json;

/// How many lines wait for a slow disk. What comes after them is lost, and counted.
const WAITING: usize = 16_384;

/// How long the end of the process waits for them.
const FLUSH: Duration = Duration::from_secs(5);

/// The longest text of one member, in bytes: references and users come from whoever asks.
const LONGEST: usize = 1_024;

/// Where the audit record goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// systemd's journal, each member as a field of its own.
    Journald,
    /// The end of a file.
    File(PathBuf),
    /// Nowhere.
    Off,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "stdout" => Ok(Self::Stdout),
            "journald" => Ok(Self::Journald),
            "off" => Ok(Self::Off),
            path if path.contains('/') => Ok(Self::File(path.into())),
            _ => Err(format!("write `stdout`, `journald`, `off`, or the path of a file, such as `./{text}`")),
        }
    }
}

/// One decision.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'a> {
    time: String,
    /// Where it came in.
    pub door: Door,
    user: Cow<'a, str>,
    action: Cow<'a, str>,
    reference: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Cow<'a, str>>,
    decision: &'static str,
    /// Why: the code of a denial, `matched`, or the setting that decided.
    pub reason: &'static str,
    /// The entry that decided, or came nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    generation: u64,
    policy: &'a str,
    module: &'a str,
    microseconds: u64,
}

impl<'a> Record<'a> {
    /// A record of a decision that allows, for now.
    pub fn new(ask: &Ask<'a>, generation: &'a Generation, module: &'a str, took: Duration) -> Self {
        Self {
            time: Timestamp::now().to_string(),
            door: ask.door,
            user: short(ask.user),
            action: short(ask.action),
            reference: without_password(ask.reference),
            project: ask.project.map(short),
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

    /// Says what was decided.
    pub fn allowed(&mut self, allowed: bool, text: &str) {
        self.decision = if allowed { "allow" } else { "deny" };
        self.text = short(text).into_owned();
    }
}

fn short(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{}...", &text[..text.floor_char_boundary(LONGEST)]))
    }
}

/// A reference may have been written with `user:password@`.
pub(crate) fn without_password(reference: &str) -> Cow<'_, str> {
    match reference.rsplit_once('@') {
        Some((name, digest)) if is_digest(digest) && !name.contains('@') => short(reference),
        Some((_, rest)) => Cow::Owned(format!("***@{}", short(rest))),
        None => short(reference),
    }
}

/// Whether it is `ALGORITHM:HEXADECIMAL`, and no host and port.
fn is_digest(text: &str) -> bool {
    let hex = text.split_once(':').map(|(_, hex)| hex).unwrap_or_default();
    hex.len() >= 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes records, off the path of the decisions.
pub struct Audit {
    messages: Option<SyncSender<Message>>,
    lost: Counter,
}

/// What the writing thread is told.
enum Message {
    Line(String),
    /// The file may have been renamed: what comes now goes into a new one.
    Reopen,
    /// Says when everything before it is written.
    Flush(SyncSender<()>),
}

impl Audit {
    /// Opens a target.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened. The text says which.
    pub fn open(target: &Target) -> io::Result<Self> {
        let lost = Counter::default();
        let mut sink = match target {
            Target::Off => return Ok(Self { messages: None, lost }),
            Target::Stdout => Sink::Stdout,
            Target::Journald => Sink::Journald,
            Target::File(path) => Sink::File(Lines::open(path)?),
        };
        let (messages, receiver) = sync_channel(WAITING);
        let failed = lost.clone();
        thread::Builder::new().name("pullgate-audit".to_owned()).spawn(move || {
            let mut fails = false;
            for message in receiver {
                let done = match message {
                    Message::Line(line) => sink.write(&line).inspect_err(|_| {
                        failed.inc();
                    }),
                    Message::Reopen => sink.reopen(),
                    Message::Flush(done) => {
                        // Who asked may have lost patience.
                        let _ = done.send(());
                        continue;
                    }
                };
                // How many are lost is counted.
                if let Err(error) = &done
                    && !fails
                {
                    tracing::error!(%error, "the audit record cannot be written");
                }
                fails = done.is_err();
            }
        })?;
        Ok(Self { messages: Some(messages), lost })
    }

    /// Takes a record. It is lost, and counted, where too many wait already.
    pub fn write(&self, record: &Record<'_>) {
        let Some(messages) = &self.messages else { return };
        // Whoever reads the record in a terminal must see what was asked for.
        let line = serde_json::to_string(record).map(|line| format!("{}\n", in_json(&line)));
        let taken = line.is_ok_and(|line| messages.try_send(Message::Line(line)).is_ok());
        if !taken {
            self.lost.inc();
        }
    }

    /// How many records were not written.
    pub fn lost(&self) -> &Counter {
        &self.lost
    }

    /// Goes on in a new file where the old one was renamed.
    pub fn reopen(&self) {
        if let Some(messages) = &self.messages {
            // The thread ends with the process.
            let _ = messages.try_send(Message::Reopen);
        }
    }

    /// Waits until all records are written, but not for long.
    pub fn flush(&self) {
        let Some(messages) = &self.messages else { return };
        let (done, written) = sync_channel(1);
        if messages.try_send(Message::Flush(done)).is_err() || written.recv_timeout(FLUSH).is_err() {
            tracing::error!("some audit records are lost");
        }
    }
}

enum Sink {
    Stdout,
    Journald,
    File(Lines),
}

impl Sink {
    fn write(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().lock().write_all(line.as_bytes()),
            Self::File(file) => file.add(line),
            Self::Journald => journal(line),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.reopen(),
            Self::Stdout | Self::Journald => Ok(()),
        }
    }
}

/// Sends a record to the journal, with its members as fields `PULLGATE_REFERENCE` and so on.
fn journal(line: &str) -> io::Result<()> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line)?;
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let member = |name: &str| members.get(name).map(text).unwrap_or_default();
    let message = format!("{} {} {}", member("decision"), member("action"), member("reference"));
    let fields = members.iter().map(|(name, value)| (format!("PULLGATE_{}", name.to_ascii_uppercase()), text(value)));
    journal_send(Priority::Info, &message, fields).map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown_and_digests_are() {
        let digest = format!("h.example/x@sha256:{}", "0a".repeat(32));
        for (reference, shown) in [
            ("h.example/x:1", "h.example/x:1"),
            (&*digest, &*digest),
            ("user:secret@h.example/x", "***@h.example/x"),
            ("user:secret@h.example:5000", "***@h.example:5000"),
            ("user:sec@ret@h.example", "***@h.example"),
            ("https://user:secret@h.example/x@sha256:0", "***@sha256:0"),
        ] {
            assert_eq!(without_password(reference), shown);
        }
    }
}
