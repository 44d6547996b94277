//! Answers that are kept until their time is over, the most recently used ones of them.

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use pullgate::Question;
use tokio::time::Instant;

/// A bounded cache of answers.
pub(crate) struct Cache {
    /// None where nothing may be kept.
    kept: Option<LruCache<Question, Kept>>,
}

struct Kept {
    answers: Vec<String>,
    until: Instant,
}

impl Cache {
    /// A cache of at most `bound` answers.
    pub(crate) fn new(bound: usize) -> Self {
        Self { kept: NonZeroUsize::new(bound).map(LruCache::new) }
    }

    /// The answers, if they are kept and their time is not over.
    pub(crate) fn find(&mut self, question: &Question) -> Option<Vec<String>> {
        let kept = self.kept.as_mut()?;
        let found = kept.get(question)?;
        if Instant::now() < found.until {
            return Some(found.answers.clone());
        }
        kept.pop(question);
        None
    }

    /// Keeps the answers for as long as `ttl`.
    pub(crate) fn keep(&mut self, question: Question, answers: Vec<String>, ttl: Duration) {
        let Some(kept) = self.kept.as_mut() else { return };
        if ttl.is_zero() {
            kept.pop(&question);
        } else {
            kept.put(question, Kept { answers, until: Instant::now() + ttl });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pullgate::QuestionKind;

    fn question(subject: &str) -> Question {
        Question { kind: QuestionKind::AddressesOf, subject: subject.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_go_when_their_time_is_over() {
        let mut cache = Cache::new(2);
        cache.keep(question("a"), vec!["10.0.0.1".to_owned()], Duration::from_secs(5));
        cache.keep(question("b"), Vec::new(), Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(cache.find(&question("a")), Some(vec!["10.0.0.1".to_owned()]));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.find(&question("a")), None);
        assert_eq!(cache.find(&question("b")), Some(Vec::new()), "that there is no answer is kept too");
    }

    #[tokio::test(start_paused = true)]
    async fn the_least_recently_used_answer_makes_room() {
        let mut cache = Cache::new(2);
        for subject in ["a", "b"] {
            cache.keep(question(subject), Vec::new(), Duration::from_secs(60));
        }
        assert!(cache.find(&question("a")).is_some());
        cache.keep(question("c"), Vec::new(), Duration::from_secs(60));
        assert!(cache.find(&question("a")).is_some());
        assert!(cache.find(&question("b")).is_none());
        assert!(cache.find(&question("c")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_without_time_or_room() {
        let mut cache = Cache::new(2);
        cache.keep(question("a"), Vec::new(), Duration::ZERO);
        assert!(cache.find(&question("a")).is_none());
        let mut none = Cache::new(0);
        none.keep(question("a"), Vec::new(), Duration::from_secs(60));
        assert!(none.find(&question("a")).is_none());
    }
}
