//! `pullgate serve`: runs the daemon.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use pullgate_daemon::Settings;
use pullgate_source::PolicyFile;
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::ServeArgs;
use crate::error::{CliError, io_error_reason};

/// The default policy: the first worked example.
const EXAMPLE: &str = include_str!("../../../../docs/examples/worked-example-1.json");

/// Runs the daemon until it stops.
pub fn run(arguments: &ServeArgs) -> Result<(), CliError> {
    init_logging();
    let file = match &arguments.config {
        Some(path) => Settings::read(path).map_err(|error| CliError::without_help(error.to_string()))?,
        None => Settings::default(),
    };
    let settings = arguments.settings.clone().merge(file);
    let policy = match &settings.policy {
        Some(path) => PolicyFile::new(path),
        None => {
            tracing::warn!("no --policy was given: this is an example policy");
            PolicyFile::built_in(EXAMPLE)
        }
    };
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| CliError::without_help(format!("threads cannot be started: {}", io_error_reason(&error))))?;
    run_to_completion(runtime, pullgate_daemon::run(settings, policy))
        .map_err(|error| CliError::without_help(error.to_string()))
}

/// Runs the work, then waits briefly for blocking threads: a file system that does not respond must not keep the
/// process alive.
fn run_to_completion<T>(runtime: Runtime, work: impl Future<Output = T>) -> T {
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// Sets up logging to standard error, at the level of `RUST_LOG`.
fn init_logging() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    // The journal records the time itself.
    match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => log.without_time().init(),
        None => log.init(),
    }
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
