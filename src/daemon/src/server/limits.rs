//! How much one listener takes on itself.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many connections one listener has at once, if the process may open that many files.
const MAX_CONNECTIONS: usize = 1_024;

/// How many listeners' worth of files there have to be: three of them, and what they need besides.
const FD_SHARES: u64 = 4;

/// The limits of one listener.
#[derive(Clone, Copy, Debug)]
pub struct ListenerLimits {
    /// How many connections it has at once.
    pub max_connections: usize,
    /// How long a client may take for the head of a request.
    pub header_timeout: Duration,
    /// How long a connection is kept on which nothing is asked; longer than any request takes. The answers on their way
    /// then have as long again.
    pub idle_timeout: Duration,
    /// How long requests in flight may take once the daemon is told to stop.
    pub drain_timeout: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            max_connections: max_connections(),
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(120),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// So many connections that those of one listener leave files for the others. Shells and systemd start programs with 1,024,
/// for the sake of select(2), which is not used here; so as many as are allowed are taken.
fn max_connections() -> usize {
    // No limit at all is as good as what is wanted.
    let wanted = FD_SHARES * MAX_CONNECTIONS as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let soft = current.unwrap_or(wanted);
    let wanted = maximum.unwrap_or(wanted).min(wanted);
    let raised = soft < wanted && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    let files = if raised { wanted } else { soft };
    usize::try_from(files / FD_SHARES).unwrap_or(MAX_CONNECTIONS).clamp(1, MAX_CONNECTIONS)
}
