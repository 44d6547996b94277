//! Resource limits of the module's instances, and options of an evaluator.

use std::thread;
use std::time::Duration;

use crate::call_threads::CallThreads;
use crate::dns::Dns;

/// Resource limits of a module.
#[derive(Clone, Debug)]
pub struct ResourceLimits {
    /// Timeout of one call that decides; 1 second by default. DNS has timeouts of its own.
    pub decision_timeout: Duration,
    /// Timeout of loading or checking a document; 60 seconds by default, for the largest.
    pub load_timeout: Duration,
    /// Maximum memory of one instance in bytes; 1 GiB by default, for the largest document.
    pub max_memory_bytes: usize,
    /// Maximum number of instances per policy; the number of processors by default. Instances are created on demand.
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

/// Options of a policy evaluator.
#[derive(Clone, Debug, Default)]
pub struct EvaluatorOptions {
    /// The resource limits of the module.
    pub limits: ResourceLimits,
    /// The resolver for DNS queries. None by default: a decision that needs DNS stays
    /// [`Decision::Lookup`](pullgate::Decision::Lookup).
    pub dns: Option<Dns>,
    /// The threads that run the calls of the async methods. None by default: a call runs on its caller's thread.
    pub threads: Option<CallThreads>,
}
