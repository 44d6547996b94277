//! Answers that are kept until their time is over, the most recently used ones of them.

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use pullgate::DnsQuery;
use tokio::time::Instant;

/// A bounded cache of answers.
pub(crate) struct DnsCache {
    /// None where nothing may be kept.
    entries: Option<LruCache<DnsQuery, CachedAnswer>>,
}

struct CachedAnswer {
    answers: Vec<String>,
    expires_at: Instant,
}

impl DnsCache {
    /// A cache of at most `bound` answers.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: NonZeroUsize::new(capacity).map(LruCache::new) }
    }

    /// The answers, if they are kept and their time is not over.
    pub(crate) fn get(&mut self, question: &DnsQuery) -> Option<Vec<String>> {
        let kept = self.entries.as_mut()?;
        let found = kept.get(question)?;
        if Instant::now() < found.expires_at {
            return Some(found.answers.clone());
        }
        kept.pop(question);
        None
    }

    /// Keeps the answers for as long as `ttl`.
    pub(crate) fn insert(&mut self, question: DnsQuery, answers: Vec<String>, ttl: Duration) {
        let Some(kept) = self.entries.as_mut() else { return };
        if ttl.is_zero() {
            kept.pop(&question);
        } else {
            kept.put(question, CachedAnswer { answers, expires_at: Instant::now() + ttl });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pullgate::LookupKind;

    fn question(subject: &str) -> DnsQuery {
        DnsQuery { kind: LookupKind::Forward, subject: subject.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_expire() {
        let mut cache = DnsCache::new(2);
        cache.insert(question("a"), vec!["10.0.0.1".to_owned()], Duration::from_secs(5));
        cache.insert(question("b"), Vec::new(), Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(cache.get(&question("a")), Some(vec!["10.0.0.1".to_owned()]));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.get(&question("a")), None);
        assert_eq!(cache.get(&question("b")), Some(Vec::new()), "that there is no answer is kept too");
    }

    #[tokio::test(start_paused = true)]
    async fn least_recently_used_answer_is_evicted() {
        let mut cache = DnsCache::new(2);
        for subject in ["a", "b"] {
            cache.insert(question(subject), Vec::new(), Duration::from_secs(60));
        }
        assert!(cache.get(&question("a")).is_some());
        cache.insert(question("c"), Vec::new(), Duration::from_secs(60));
        assert!(cache.get(&question("a")).is_some());
        assert!(cache.get(&question("b")).is_none());
        assert!(cache.get(&question("c")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn zero_ttl_and_zero_capacity_cache_no_answer() {
        let mut cache = DnsCache::new(2);
        cache.insert(question("a"), Vec::new(), Duration::ZERO);
        assert!(cache.get(&question("a")).is_none());
        let mut none = DnsCache::new(0);
        none.insert(question("a"), Vec::new(), Duration::from_secs(60));
        assert!(none.get(&question("a")).is_none());
    }
}
