//! `pullgate replay`: the recorded requests that another policy decides otherwise (rule A4).

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use pullgate::{Decision, DenialReason, Request, Response};
use pullgate_host::{Dns, DnsLimits, Module, PolicyEvaluator};
use pullgate_replay::{PolicyDecider, ReadError, RecordReader, RecordedRequests, ReplayVerdict};
use pullgate_source::{display_name, is_stdin};
use tokio::runtime::{Builder, Runtime};

use crate::args::{PolicyFlags, ReplayArgs};
use crate::commands::decide;
use crate::error::{CliError, io_error_reason};
use crate::output::{OutputWriter, json_line};
use crate::render::replay::{print_report, warn_skipped_lines, with_separators};

/// The time between two updates of the progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Runs the command. Returns the exit code.
pub fn run(arguments: &ReplayArgs) -> Result<u8, CliError> {
    let dashes = arguments.records.iter().filter(|path| is_stdin(path)).count();
    let flags = PolicyFlags {
        policy: Some(arguments.policy.clone()),
        whitelist_registry: Vec::new(),
        insecure_registry: Vec::new(),
        registry_ca: Vec::new(),
        project: None,
    };
    let document = decide::load_policy(&flags, dashes)?;
    let dns = match arguments.ask_dns {
        true => Some(Dns::system(DnsLimits::default()).map_err(|error| dns_error(&error.to_string()))?),
        false => None,
    };
    let evaluator = decide::load_evaluator(&document, &Module::built_in()?, dns)?;
    let policy = ReplayPolicy::new(evaluator, arguments.ask_dns)?;
    let requests = read_records(arguments)?;
    let is_empty = requests.record_count() == 0;
    let report = requests.replay(&policy);
    warn_skipped_lines(&report);
    if let Some(failure) = policy.failure.take() {
        return Err(CliError::new(
            format!("the module failed: {failure}"),
            "this is a fault of pullgate, not of the record: please report it",
        ));
    }
    if is_empty {
        // A record of nothing would say that nothing changes.
        return Err(CliError::new(
            "nothing was replayed: no line is the record of a decision by a policy",
            "give the file of the daemon's `audit`, or `journalctl -o json --all | pullgate replay ... -`",
        ));
    }
    let mut output = OutputWriter::new(arguments.json);
    if arguments.json {
        output.line(json_line(&report)?)?;
    } else {
        print_report(&report, &mut output)?;
    }
    output.flush()?;
    Ok(match report.verdict {
        ReplayVerdict::Same => 0,
        ReplayVerdict::NotWider => 1,
        ReplayVerdict::Wider => 2,
    })
}

fn read_records(arguments: &ReplayArgs) -> Result<RecordedRequests, CliError> {
    let sizes = arguments.records.iter().map(|path| path.metadata().map_or(0, |metadata| metadata.len()));
    let mut progress = Progress::new(sizes.sum());
    let mut reader = RecordReader::new(arguments.admissions_only);
    for path in &arguments.records {
        let name = display_name(path);
        let stream: Box<dyn Read> = match is_stdin(path) {
            true => Box::new(io::stdin().lock()),
            false => Box::new(File::open(path).map_err(|error| read_error(path, &error))?),
        };
        let read = reader.read(&name, stream, |bytes, lines| progress.update(bytes, lines));
        read.map_err(|error| match error {
            ReadError::Io(error) => read_error(path, &error),
            ReadError::Compressed { .. } => CliError::without_help(format!("cannot read the record `{name}`: {error}")),
        })?;
        progress.next_input();
    }
    progress.clear();
    Ok(reader.finish())
}

fn read_error(path: &Path, error: &io::Error) -> CliError {
    CliError::without_help(format!("cannot read the record `{}`: {}", display_name(path), io_error_reason(error)))
}

fn dns_error(reason: &str) -> CliError {
    CliError::new(format!("DNS cannot be asked: {reason}"), "leave `--ask-dns` out")
}

/// The new policy, in the module.
struct ReplayPolicy {
    evaluator: PolicyEvaluator,
    /// The runtime for DNS queries, if they are asked for.
    runtime: Option<Runtime>,
    /// The first failure of the module.
    failure: RefCell<Option<String>>,
}

impl ReplayPolicy {
    fn new(evaluator: PolicyEvaluator, asks_dns: bool) -> Result<Self, CliError> {
        let runtime = asks_dns.then(|| Builder::new_current_thread().enable_all().build()).transpose();
        let runtime = runtime.map_err(|error| dns_error(&io_error_reason(&error)))?;
        Ok(Self { evaluator, runtime, failure: RefCell::default() })
    }
}

impl PolicyDecider for ReplayPolicy {
    fn decide_many(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let decisions = match &self.runtime {
            Some(runtime) => runtime.block_on(self.evaluator.decide_many(requests)),
            None => self.evaluator.decide_many_offline(requests),
        };
        let failure = decisions.iter().find_map(|decision| match decision {
            Decision::Deny(denied) if matches!(denied.reason, DenialReason::Trap | DenialReason::Memory) => {
                Some(denied.text.clone())
            }
            // DNS that is too slow is a denial of its own.
            Decision::Deny(denied) if denied.reason == DenialReason::TimeOut && self.runtime.is_none() => {
                Some(denied.text.clone())
            }
            _ => None,
        });
        self.failure.replace(failure);
        decisions
    }

    fn registry(&self, request: &Request<'_>) -> Option<String> {
        // DNS has no part in the registry.
        let text = self.evaluator.decide_text_offline(&Request { dns_answers: &[], ..*request });
        let response: Response<'static> = serde_json::from_str(&text).ok()?;
        response.registry.map(Into::into)
    }
}

/// The progress of reading, shown on a terminal only.
struct Progress {
    is_shown: bool,
    updated: Instant,
    total: u64,
    /// The bytes of the inputs that are read to their end.
    finished: u64,
    current: u64,
}

impl Progress {
    fn new(total: u64) -> Self {
        Self { is_shown: io::stderr().is_terminal(), updated: Instant::now(), total, finished: 0, current: 0 }
    }

    fn update(&mut self, bytes: u64, lines: u64) {
        self.current = bytes;
        if !self.is_shown || self.updated.elapsed() < PROGRESS_INTERVAL {
            return;
        }
        self.updated = Instant::now();
        let lines = with_separators(lines);
        let text = match ((self.finished + bytes) * 100).checked_div(self.total) {
            Some(percent) => format!("{lines} lines, {}%", percent.min(100)),
            None => format!("{lines} lines"),
        };
        self.write(&text);
    }

    fn next_input(&mut self) {
        self.finished += std::mem::take(&mut self.current);
    }

    fn clear(&self) {
        if self.is_shown {
            self.write("");
        }
    }

    /// Replaces the line of the terminal. A failed write cannot be reported.
    fn write(&self, text: &str) {
        let _ = write!(io::stderr(), "\r\x1b[K{text}");
    }
}
