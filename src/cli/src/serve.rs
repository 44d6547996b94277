//! `pullgate serve`: the daemon.

use std::fs;
use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use pullgate::Finding;
use pullgate_daemon::stamp::stamp;
use pullgate_daemon::{PolicySource, PolicyText, Settings};
use tempfile::NamedTempFile;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::Serve;
use crate::document::{Document, Located, is_toml};
use crate::failure::{Failure, reason};
use crate::report;

/// The policy of those who give none: the first worked example.
const EXAMPLE: &str = include_str!("../../../docs/examples/worked-example-1.json");

/// Runs the command until the daemon is stopped.
pub fn run(arguments: &Serve) -> Result<(), Failure> {
    log();
    let file = match &arguments.config {
        Some(path) => Settings::read(path).map_err(Failure::bare)?,
        None => Settings::default(),
    };
    let settings = arguments.settings.clone().or(file);
    let source: Box<dyn PolicySource> = match &settings.policy {
        Some(path) => Box::new(PolicyFile(path.clone())),
        None => {
            tracing::warn!("no --policy was given: this is an example policy");
            Box::new(Example)
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::bare(format!("threads cannot be started: {}", reason(&error))))?;
    runtime.block_on(pullgate_daemon::serve(settings, source)).map_err(Failure::bare)
}

/// The log goes to standard error, and how much of it `RUST_LOG` says.
fn log() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    // The journal has the time of every line.
    match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => log.without_time().init(),
        None => log.init(),
    }
}

/// A policy file.
struct PolicyFile(PathBuf);

impl PolicySource for PolicyFile {
    fn read(&self) -> Result<PolicyText, String> {
        let (document, located) = Document::read(&self.0).map_err(said)?;
        if !located.is_empty() {
            return Err(shown(&document, &located));
        }
        // Empty TOML would be a policy that allows everything; but it is a file that somebody is about to write.
        if document.sources()[0].text.trim().is_empty() {
            let name = self.0.display();
            return Err(format!("`{name}` is empty: to allow every registry, write `insecure = []`"));
        }
        let json = document.json().to_owned();
        let show = Box::new(move |findings: Vec<Finding>| shown(&document, &document.locate(findings)));
        Ok(PolicyText { json, show })
    }

    fn stamp(&self) -> Option<String> {
        stamp(&self.0)
    }

    fn write(&self, text: &str) -> Result<(), String> {
        let Self(path) = self;
        let old = fs::read_to_string(path).unwrap_or_default();
        if is_toml(path, &old) {
            let name = path.display();
            return Err(format!(
                "`{name}` is TOML, and what comes over the API is JSON: keep the policy in a JSON file"
            ));
        }
        replace(path, text).map_err(|error| format!("cannot write `{}`: {}", path.display(), reason(&error)))
    }
}

/// Puts a text in the place of a file: whoever reads it has the old one or the new one, even after a power failure.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // Where the file is a link, what it points at is replaced.
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    // By now the policy is another one, whatever becomes of this.
    if let Err(error) = fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::warn!(%error, "the new policy file may be gone after a power failure");
    }
    Ok(())
}

/// The example policy.
struct Example;

impl PolicySource for Example {
    fn read(&self) -> Result<PolicyText, String> {
        Ok(PolicyText { json: EXAMPLE.to_owned(), show: Box::new(|_| String::new()) })
    }

    fn stamp(&self) -> Option<String> {
        None
    }

    fn write(&self, _: &str) -> Result<(), String> {
        Err("the example policy is in no file".to_owned())
    }
}

fn said(failure: Failure) -> String {
    match failure {
        Failure::Error { message, help: Some(help) } => format!("{message}\n{help}"),
        Failure::Error { message, help: None } | Failure::Usage(message) => message,
        Failure::Shown | Failure::Closed => "the policy cannot be read".to_owned(),
    }
}

/// Findings as `pullgate check` shows them, without colours.
fn shown(document: &Document, located: &[Located]) -> String {
    let mut lines = Vec::new();
    let written = report::write(document.sources(), located, |line| {
        lines.push(line);
        Ok(())
    });
    if let Err(failure) = written {
        return said(failure);
    }
    let count = report::count(located.iter().map(|located| located.finding.severity));
    let name = &document.sources()[0].name;
    strip_str(&format!("{}{name}: {count}", lines.join("\n"))).to_string()
}
