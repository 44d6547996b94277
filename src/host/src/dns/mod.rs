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
use pullgate::QuestionKind;
use pullgate::{Fact, Question};
use thiserror::Error;

use crate::dns::cache::Cache;

/// How many answers one question may have. What has more is taken as unanswered: a part would not do, since a name is
/// covered only if all of its addresses are (rule M4).
const ANSWERS: usize = 256;

/// How long a failure is remembered, so that a dead server is not asked for every request.
const FAILURE: Duration = Duration::from_secs(1);

/// What a resolver gives back: the answers, later.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Answers, DnsError>> + Send + 'a>>;

/// Who answers questions.
pub trait Resolver: Send + Sync + 'static {
    /// Answers one question: the names of an address ([`NamesOf`](pullgate::QuestionKind::NamesOf)) or all the
    /// addresses of a name ([`AddressesOf`](pullgate::QuestionKind::AddressesOf)).
    ///
    /// The names need no confirmation here: the rules ask for the addresses of those that matter. The time limits are
    /// [`DnsLimits`]; a future that is dropped must stop.
    ///
    /// # Errors
    ///
    /// If no answer can be had. That there is none (no such name, or no record of the kind) is an answer.
    fn resolve<'a>(&'a self, question: &'a Question) -> Resolving<'a>;
}

/// The answer to a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
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
    pub question: Duration,
    /// The time for all the questions of one decision; 4 seconds by default. A decision that takes longer is a denial.
    pub decision: Duration,
    /// How many questions one decision may ask; 32 by default. Those above are unanswered.
    pub questions: usize,
    /// How many answers are kept; 1,000 by default.
    pub cache: usize,
    /// For how long an answer is kept, even if it may be kept longer; 1 hour by default.
    pub ttl: Duration,
}

impl Default for DnsLimits {
    fn default() -> Self {
        Self {
            question: Duration::from_secs(2),
            decision: Duration::from_secs(4),
            questions: 32,
            cache: 1_000,
            ttl: Duration::from_secs(3_600),
        }
    }
}

/// A resolver with its limits and its cache. Cheap to clone; the clones share the cache, so one may serve every policy.
#[derive(Clone)]
pub struct Dns {
    inner: Arc<Inner>,
}

struct Inner {
    resolver: Box<dyn Resolver>,
    limits: DnsLimits,
    cache: Mutex<Cache>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
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
        let cache = Mutex::new(Cache::new(limits.cache));
        let counts = Counts::default();
        Self { inner: Arc::new(Inner { resolver: Box::new(resolver), limits, cache, counts }) }
    }

    /// What became of the questions so far.
    pub fn counts(&self) -> DnsCounts {
        let Counts { cached, answered, failed } = &self.inner.counts;
        let [cached, answered, failed] = [cached, answered, failed].map(|count| count.load(Ordering::Relaxed));
        DnsCounts { cached, answered, failed }
    }

    pub(crate) fn limits(&self) -> &DnsLimits {
        &self.inner.limits
    }

    /// Answers questions, the first `room` of them, all at once. The others, and those that cannot be answered, have no
    /// answers, and then do not match.
    pub(crate) async fn ask(&self, questions: Vec<Question>, room: usize) -> Vec<Fact> {
        let facts = questions.into_iter().enumerate().map(|(index, question)| async move {
            let answers = if index < room { self.answers(&question).await } else { Vec::new() };
            Fact { kind: question.kind, subject: question.subject, answers }
        });
        join_all(facts).await
    }

    async fn answers(&self, question: &Question) -> Vec<String> {
        let counts = &self.inner.counts;
        if let Some(answers) = self.cache(|cache| cache.find(question)) {
            counts.cached.fetch_add(1, Ordering::Relaxed);
            return answers;
        }
        let limits = self.limits();
        let found = tokio::time::timeout(limits.question, self.inner.resolver.resolve(question))
            .await
            .ok()
            .and_then(Result::ok)
            .filter(|found| found.answers.len() <= ANSWERS);
        let count = if found.is_some() { &counts.answered } else { &counts.failed };
        count.fetch_add(1, Ordering::Relaxed);
        let Answers { answers, ttl } = found.unwrap_or(Answers { answers: Vec::new(), ttl: FAILURE });
        self.cache(|cache| cache.keep(question.clone(), answers.clone(), ttl.min(limits.ttl)));
        answers
    }

    /// The addresses of a name as they are now, for a connection: neither kept nor counted.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        let question = Question { kind: QuestionKind::AddressesOf, subject: name.to_owned() };
        let time = self.limits().question;
        let found = tokio::time::timeout(time, self.inner.resolver.resolve(&question)).await;
        let found = found.unwrap_or_else(|_| Err(DnsError(format!("no answer within {} ms", time.as_millis()))))?;
        Ok(found.answers.iter().filter_map(|address| address.parse().ok()).collect())
    }

    fn cache<T>(&self, look: impl FnOnce(&mut Cache) -> T) -> T {
        look(&mut self.inner.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Dns").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}
