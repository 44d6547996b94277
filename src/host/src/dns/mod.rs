//! Answers to the questions that the rules ask of DNS (rule M6).

mod cache;
#[cfg(feature = "system-dns")]
mod system;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use pullgate::LookupKind;
use pullgate::{DnsAnswer, DnsQuery};
use thiserror::Error;

use crate::dns::cache::DnsCache;

/// How many answers one question may have. What has more is taken as unanswered: a part would not do, since a name is
/// covered only if all of its addresses are (rule M4).
const MAX_ANSWERS: usize = 256;

/// How long a failure is remembered, so that a dead server is not asked for every request.
const FAILURE_TTL: Duration = Duration::from_secs(1);

/// What a resolver gives back: the answers, later.
pub type ResolveFuture<'a> = Pin<Box<dyn Future<Output = Result<DnsResponse, DnsError>> + Send + 'a>>;

/// Who answers questions.
pub trait Resolver: Send + Sync + 'static {
    /// Answers one question: the names of an address ([`Reverse`](pullgate::LookupKind::Reverse)) or all the
    /// addresses of a name ([`Forward`](pullgate::LookupKind::Forward)).
    ///
    /// The names need no confirmation here: the rules ask for the addresses of those that matter. The time limits are
    /// [`DnsLimits`]; a future that is dropped must stop.
    ///
    /// # Errors
    ///
    /// If no answer can be had. That there is none (no such name, or no record of the kind) is an answer.
    fn resolve<'a>(&'a self, question: &'a DnsQuery) -> ResolveFuture<'a>;
}

/// The answer to a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsResponse {
    /// Addresses or names; none where there are none.
    pub answers: Vec<String>,
    /// For how long they may be kept; those that there are not, too.
    pub ttl: Duration,
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DnsError(pub String);

/// What DNS may use.
#[derive(Clone, Debug)]
pub struct DnsLimits {
    /// The time for one question; 2 seconds by default. A question that takes longer is unanswered.
    pub query_timeout: Duration,
    /// The time for all the questions of one decision; 4 seconds by default. A decision that takes longer is a denial.
    pub decision_timeout: Duration,
    /// How many questions one decision may ask; 32 by default. Those above are unanswered.
    pub max_queries: usize,
    /// How many answers are kept; 1,000 by default.
    pub cache_capacity: usize,
    /// For how long an answer is kept, even if it may be kept longer; 1 hour by default.
    pub max_ttl: Duration,
}

impl Default for DnsLimits {
    fn default() -> Self {
        Self {
            query_timeout: Duration::from_secs(2),
            decision_timeout: Duration::from_secs(4),
            max_queries: 32,
            cache_capacity: 1_000,
            max_ttl: Duration::from_secs(3_600),
        }
    }
}

/// A resolver with its limits and its cache. Cheap to clone; the clones share the cache, so one may serve every policy.
#[derive(Clone)]
pub struct Dns {
    inner: Arc<DnsState>,
}

struct DnsState {
    resolver: Box<dyn Resolver>,
    limits: DnsLimits,
    cache: Mutex<DnsCache>,
    counts: AtomicCounts,
}

#[derive(Default)]
struct AtomicCounts {
    cached: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
}

/// How many questions came to what, since there is this [`Dns`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DnsCounts {
    /// Answered from the cache.
    pub cached: u64,
    /// Answered by the resolver; that there is nothing is an answer too.
    pub answered: u64,
    /// Not answered, or not in time, or with too much.
    pub failed: u64,
}

impl Dns {
    /// A resolver of the caller's own.
    pub fn new(resolver: impl Resolver, limits: DnsLimits) -> Self {
        let cache = Mutex::new(DnsCache::new(limits.cache_capacity));
        let counts = AtomicCounts::default();
        Self { inner: Arc::new(DnsState { resolver: Box::new(resolver), limits, cache, counts }) }
    }

    /// What became of the questions so far.
    pub fn counts(&self) -> DnsCounts {
        let AtomicCounts { cached, answered, failed } = &self.inner.counts;
        let [cached, answered, failed] = [cached, answered, failed].map(|count| count.load(Ordering::Relaxed));
        DnsCounts { cached, answered, failed }
    }

    pub(crate) fn limits(&self) -> &DnsLimits {
        &self.inner.limits
    }

    /// Answers questions, the first `room` of them, all at once. The others, and those that cannot be answered, have no
    /// answers, and then do not match.
    pub(crate) async fn resolve_queries(&self, questions: Vec<DnsQuery>, max_queries: usize) -> Vec<DnsAnswer> {
        let facts = questions.into_iter().enumerate().map(|(index, question)| async move {
            let answers = if index < max_queries { self.lookup(&question).await } else { Vec::new() };
            DnsAnswer { kind: question.kind, subject: question.subject, answers }
        });
        join_all(facts).await
    }

    async fn lookup(&self, question: &DnsQuery) -> Vec<String> {
        let counts = &self.inner.counts;
        if let Some(answers) = self.with_cache(|cache| cache.get(question)) {
            counts.cached.fetch_add(1, Ordering::Relaxed);
            return answers;
        }
        let limits = self.limits();
        let found = tokio::time::timeout(limits.query_timeout, self.inner.resolver.resolve(question))
            .await
            .ok()
            .and_then(Result::ok)
            .filter(|found| found.answers.len() <= MAX_ANSWERS);
        let count = if found.is_some() { &counts.answered } else { &counts.failed };
        count.fetch_add(1, Ordering::Relaxed);
        let DnsResponse { answers, ttl } = found.unwrap_or(DnsResponse { answers: Vec::new(), ttl: FAILURE_TTL });
        self.with_cache(|cache| cache.insert(question.clone(), answers.clone(), ttl.min(limits.max_ttl)));
        answers
    }

    /// The addresses of a name as they are now, for a connection: neither kept nor counted.
    pub async fn resolve_addresses(&self, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        let question = DnsQuery { kind: LookupKind::Forward, subject: name.to_owned() };
        let time = self.limits().query_timeout;
        let found = tokio::time::timeout(time, self.inner.resolver.resolve(&question)).await;
        let found = found.unwrap_or_else(|_| Err(DnsError(format!("no answer within {} ms", time.as_millis()))))?;
        Ok(found.answers.iter().filter_map(|address| address.parse().ok()).collect())
    }

    fn with_cache<T>(&self, access: impl FnOnce(&mut DnsCache) -> T) -> T {
        access(&mut self.inner.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Dns").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}
