//! `pullgate serve`: the daemon.

use std::fs;
use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anstream::adapter::strip_str;
use pullgate::Finding;
use pullgate_daemon::{PolicyDocument, PolicyError, PolicyProvider, Settings};
use pullgate_source::file_stamp::file_stamp;
use tempfile::NamedTempFile;
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::ServeArgs;
use crate::error::{CliError, io_error_reason};
use pullgate_source::findings;
use pullgate_source::{InputError, is_stdin};
use pullgate_source::{LocatedFinding, PolicySource, is_toml};

/// The policy of those who give none: the first worked example.
const EXAMPLE: &str = include_str!("../../../../docs/examples/worked-example-1.json");

/// Runs the command until the daemon is stopped.
pub fn run(arguments: &ServeArgs) -> Result<(), CliError> {
    init_logging();
    let file = match &arguments.config {
        Some(path) => Settings::read(path).map_err(CliError::without_help)?,
        None => Settings::default(),
    };
    let settings = arguments.settings.clone().merge(file);
    let source: Box<dyn PolicyProvider> = match &settings.policy {
        Some(path) => Box::new(PolicyFile(path.clone())),
        None => {
            tracing::warn!("no --policy was given: this is an example policy");
            Box::new(ExamplePolicy)
        }
    };
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| CliError::without_help(format!("threads cannot be started: {}", io_error_reason(&error))))?;
    run_to_completion(runtime, pullgate_daemon::run(settings, source)).map_err(CliError::without_help)
}

/// Does the work, and waits no longer than a moment for what threads it has left behind: a file system that does not answer
/// would keep the process for ever.
fn run_to_completion<T>(runtime: Runtime, work: impl Future<Output = T>) -> T {
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// The log goes to standard error, and how much of it `RUST_LOG` says.
fn init_logging() {
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

impl PolicyProvider for PolicyFile {
    fn read(&self) -> Result<PolicyDocument, PolicyError> {
        require_regular_file(&self.0).map_err(PolicyError::Unreadable)?;
        let (document, located) =
            PolicySource::read(&self.0).map_err(|error| PolicyError::Unreadable(error_text(error)))?;
        if !located.is_empty() {
            return Err(PolicyError::Refused(render_findings(&document, &located)));
        }
        let json = document.json().to_owned();
        let show = Box::new(move |findings: Vec<Finding>| render_findings(&document, &document.locate(findings)));
        Ok(PolicyDocument { json, render_findings: show })
    }

    fn file_stamp(&self) -> Option<String> {
        file_stamp(&self.0)
    }

    fn write(&self, text: &str) -> Result<(), String> {
        let Self(path) = self;
        require_regular_file(path)?;
        let old = fs::read_to_string(path).unwrap_or_default();
        if is_toml(path, &old) {
            let name = path.display();
            return Err(format!(
                "`{name}` is TOML, and what comes over the API is JSON: keep the policy in a JSON file"
            ));
        }
        replace_file(path, text)
            .map_err(|error| format!("cannot write `{}`: {}", path.display(), io_error_reason(&error)))
    }
}

/// Refuses what cannot be read again as often as one likes, before it is opened: a pipe would hold up whoever reads it.
fn require_regular_file(path: &Path) -> Result<(), String> {
    let cannot = |why: &str| format!("cannot read the policy file `{}`: {why}", path.display());
    if is_stdin(path) {
        return Err("the policy cannot come from standard input: it is read again on SIGHUP and when it changes\n\
                    give the path of a file"
            .to_owned());
    }
    match fs::metadata(path) {
        Err(error) => Err(format!("{}\ngive the path of the policy file", cannot(&io_error_reason(&error)))),
        Ok(found) if found.is_dir() => Err(format!("{}\ngive the path of a file in it", cannot("it is a directory"))),
        Ok(found) if !found.is_file() => Err(format!(
            "{}\nthe policy is read again on SIGHUP and when it changes: give the path of a file",
            cannot("it is a pipe or a device")
        )),
        Ok(_) => Ok(()),
    }
}

/// Puts a text in the place of a file: whoever reads it has the old one or the new one, even after a power failure.
fn replace_file(path: &Path, text: &str) -> std::io::Result<()> {
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
struct ExamplePolicy;

impl PolicyProvider for ExamplePolicy {
    fn read(&self) -> Result<PolicyDocument, PolicyError> {
        Ok(PolicyDocument { json: EXAMPLE.to_owned(), render_findings: Box::new(|_| String::new()) })
    }

    fn file_stamp(&self) -> Option<String> {
        // It is there, and never changes.
        Some(String::new())
    }

    fn write(&self, _: &str) -> Result<(), String> {
        Err("the example policy is in no file".to_owned())
    }
}

fn error_text(InputError { message, help }: InputError) -> String {
    match help {
        Some(help) => format!("{message}\n{help}"),
        None => message,
    }
}

/// Findings as `pullgate check` shows them, without colours.
fn render_findings(document: &PolicySource, located: &[LocatedFinding]) -> String {
    let lines = findings::render(document.sources(), located);
    let count = findings::severity_counts(located.iter().map(|located| located.finding.severity));
    let name = &document.sources()[0].name;
    strip_str(&format!("{}{name}: {count}", lines.join("\n"))).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_thread_that_hangs_does_not_keep_the_process() {
        const HANGS: Duration = Duration::from_secs(30);
        let (keep, told) = channel::<()>();
        let start = Instant::now();
        let runtime = Builder::new_multi_thread().build().unwrap();
        run_to_completion(runtime, async move {
            let (started, begun) = channel();
            tokio::task::spawn_blocking(move || {
                started.send(()).unwrap();
                told.recv_timeout(HANGS)
            });
            begun.recv().unwrap();
        });
        assert!(start.elapsed() < HANGS);
        drop(keep);
    }
}
