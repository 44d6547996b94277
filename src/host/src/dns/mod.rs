//! DNS resolution for decisions (rule M6).

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
use pullgate::{DnsAnswer, DnsQuery, LookupKind, MAX_ANSWER_BYTES, MAX_ANSWERS_PER_QUERY};
use thiserror::Error;

use crate::dns::cache::DnsCache;

/// The time to live of a failure, so that a dead server is not queried for every request.
const FAILURE_TTL: Duration = Duration::from_secs(1);

/// The future returned by a resolver.
pub type ResolveFuture<'a> = Pin<Box<dyn Future<Output = Result<DnsResponse, DnsError>> + Send + 'a>>;

/// A DNS resolver.
pub trait Resolver: Send + Sync + 'static {
    /// Resolves one query: the names of an address ([`Reverse`](pullgate::LookupKind::Reverse)) or all addresses of a
    /// name ([`Forward`](pullgate::LookupKind::Forward)).
    ///
    /// The resolver need not confirm names: the rules query the addresses of those that matter. [`DnsLimits`] has the
    /// timeouts, so a dropped future must stop.
    ///
    /// # Errors
    ///
    /// If the query cannot be answered. A negative response (no such name, or no record of the kind) is an answer.
    fn resolve<'a>(&'a self, question: &'a DnsQuery) -> ResolveFuture<'a>;
}

/// The response to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsResponse {
    /// The addresses or names; empty for a negative response.
    pub answers: Vec<String>,
    /// The time to live of the response, negative ones included.
    pub ttl: Duration,
}

/// The error of a failed query.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DnsError(pub String);

/// Limits of DNS resolution.
#[derive(Clone, Debug)]
pub struct DnsLimits {
    /// Timeout of one query; 2 seconds by default. A query that takes longer counts as unanswered.
    pub query_timeout: Duration,
    /// Timeout of all queries of one decision; 4 seconds by default. A decision that takes longer is a denial.
    pub decision_timeout: Duration,
    /// Maximum number of queries per decision; 32 by default. Further queries count as unanswered.
    pub max_queries: usize,
    /// Maximum number of cached responses; 1,000 by default.
    pub cache_capacity: usize,
    /// Maximum time to live of a cached response; 1 hour by default.
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

/// A resolver with limits and a cache. Cheap to clone; clones share the cache, so one may serve every policy.
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

/// Counters of queries by outcome, since this [`Dns`] was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DnsCounts {
    /// Queries answered from the cache.
    pub cached: u64,
    /// Queries answered by the resolver, negative responses included.
    pub answered: u64,
    /// Queries that failed, timed out, or had too many answers.
    pub failed: u64,
}

impl Dns {
    /// Creates a [`Dns`] on a given resolver.
    pub fn new(resolver: impl Resolver, limits: DnsLimits) -> Self {
        let cache = Mutex::new(DnsCache::new(limits.cache_capacity));
        let counts = AtomicCounts::default();
        Self { inner: Arc::new(DnsState { resolver: Box::new(resolver), limits, cache, counts }) }
    }

    /// Returns the counters of queries so far.
    pub fn counts(&self) -> DnsCounts {
        let AtomicCounts { cached, answered, failed } = &self.inner.counts;
        let [cached, answered, failed] = [cached, answered, failed].map(|count| count.load(Ordering::Relaxed));
        DnsCounts { cached, answered, failed }
    }

    /// Returns whether another value is a clone of this one.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn limits(&self) -> &DnsLimits {
        &self.inner.limits
    }

    /// Resolves the first `max_queries` queries concurrently. The others, and those that fail, get no answers, and then
    /// do not match.
    pub(crate) async fn resolve_queries(&self, questions: Vec<DnsQuery>, max_queries: usize) -> Vec<DnsAnswer> {
        let dns_answers = questions.into_iter().enumerate().map(|(index, question)| async move {
            let answers = if index < max_queries { self.lookup(&question).await } else { Vec::new() };
            DnsAnswer { kind: question.kind, subject: question.subject, answers }
        });
        join_all(dns_answers).await
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
            .and_then(|found| within_limits(question.kind, found));
        let count = if found.is_some() { &counts.answered } else { &counts.failed };
        count.fetch_add(1, Ordering::Relaxed);
        let DnsResponse { answers, ttl } = found.unwrap_or(DnsResponse { answers: Vec::new(), ttl: FAILURE_TTL });
        self.with_cache(|cache| cache.insert(question.clone(), answers.clone(), ttl.min(limits.max_ttl)));
        answers
    }

    /// Returns the current addresses of a name, for a connection: neither cached nor counted.
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

/// Returns a response within the limits of a request (rule M6). One with too many answers counts as unanswered, and is
/// not truncated: a name matches only if all of its addresses do (rule M4). What is too long for a name is none.
fn within_limits(kind: LookupKind, mut found: DnsResponse) -> Option<DnsResponse> {
    let fits = |answer: &String| answer.len() <= MAX_ANSWER_BYTES;
    match kind {
        LookupKind::Reverse => found.answers.retain(fits),
        LookupKind::Forward if !found.answers.iter().all(fits) => return None,
        LookupKind::Forward => {}
    }
    (found.answers.len() <= MAX_ANSWERS_PER_QUERY).then_some(found)
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Dns").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}
