//! Resource limits of the module's instances, and the options of a policy.

use std::thread;
use std::time::Duration;

use crate::dns::Dns;

/// What a module may use.
#[derive(Clone, Debug)]
pub struct ResourceLimits {
    /// The time for one call that decides; 1 second by default. DNS has its own.
    pub decision_timeout: Duration,
    /// The time for loading or checking a document; 60 seconds by default, for the largest.
    pub load_timeout: Duration,
    /// The memory of one instance, in bytes; 1 GiB by default, for the largest document.
    pub max_memory_bytes: usize,
    /// How many instances serve one policy at most; the number of processors by default. They are made when needed.
    pub max_instances: usize,
}

impl Default for ResourceLimits {
    fn default() -> Self {
        Self {
            decision_timeout: Duration::from_secs(1),
            load_timeout: Duration::from_secs(60),
            max_memory_bytes: 1 << 30,
            max_instances: thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// How a policy is served.
#[derive(Clone, Debug, Default)]
pub struct EvaluatorOptions {
    /// What the module may use.
    pub limits: ResourceLimits,
    /// Who answers DNS questions. Nobody by default: a decision that needs DNS stays [`Decision::Lookup`].
    pub dns: Option<Dns>,
}
