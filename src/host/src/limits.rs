//! Resource limits of the module's instances, and the options of a policy.

use std::thread;
use std::time::Duration;

use crate::dns::Dns;

/// What a module may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The time for one call that decides; 1 second by default. DNS has its own.
    pub decision: Duration,
    /// The time for loading or checking a document; 60 seconds by default, for the largest.
    pub load: Duration,
    /// The memory of one instance, in bytes; 1 GiB by default, for the largest document.
    pub memory: usize,
    /// How many instances serve one policy at most; the number of processors by default. They are made when needed.
    pub instances: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            decision: Duration::from_secs(1),
            load: Duration::from_secs(60),
            memory: 1 << 30,
            instances: thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// How a policy is served.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the module may use.
    pub limits: Limits,
    /// Who answers DNS questions. Nobody by default: a decision that needs DNS stays [`Decision::Lookup`].
    pub dns: Option<Dns>,
}
