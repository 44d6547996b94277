//! Resource limits of one listener.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Maximum number of connections of one listener, if the process may open that many files.
const MAX_CONNECTIONS: usize = 1_024;

/// Divisor of the file limit: a share for each of three listeners, two for the gate, whose connections have two ends, and
/// one for everything else.
const FD_SHARES: u64 = 6;

/// The limits of one listener.
#[derive(Clone, Copy, Debug)]
pub struct ListenerLimits {
    /// Maximum number of concurrent connections.
    pub max_connections: usize,
    /// Timeout for the head of a request.
    pub header_timeout: Duration,
    /// Timeout for an idle connection, longer than any request takes. Responses in flight then have the same time
    /// again.
    pub idle_timeout: Duration,
    /// Timeout for requests in flight at shutdown.
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

/// Returns the connection limit of one listener, a share of the file limit. Raises the soft file limit, which shells
/// and systemd set to 1,024 for the sake of select(2), unused here.
fn max_connections() -> usize {
    // An unlimited value counts as the wanted one.
    let wanted = FD_SHARES * MAX_CONNECTIONS as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let soft = current.unwrap_or(wanted);
    let wanted = maximum.unwrap_or(wanted).min(wanted);
    let raised = soft < wanted && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    let files = if raised { wanted } else { soft };
    usize::try_from(files / FD_SHARES).unwrap_or(MAX_CONNECTIONS).clamp(1, MAX_CONNECTIONS)
}
