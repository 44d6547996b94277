//! The registries that clients asked the gate for lately, and the second hosts of each: token servers and where redirects
//! lead. A list of hosts that a registry uses is what a whitelist needs, and no client shows it.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use lru::LruCache;
use pullgate::redact_userinfo;
use serde::Serialize;
use utoipa::ToSchema;

/// Maximum number of registries.
const MAX_REGISTRIES: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Maximum number of second hosts of one registry.
const MAX_SECOND_HOSTS: usize = 16;

/// Maximum length of a name in bytes.
const MAX_NAME_BYTES: usize = 300;

/// A registry that was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentRegistry {
    /// The registry, as `HOST[:PORT]`.
    registry: String,
    /// Number of requests that were allowed.
    allowed: u64,
    /// Number of requests that were refused.
    refused: u64,
    /// The time of the last request.
    last: String,
    /// The reason of the last refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Token servers of the registry, and hosts that it redirects to.
    second_hosts: BTreeSet<String>,
}

/// The recent registries.
pub struct RecentRegistries {
    registries: Mutex<LruCache<String, RecentRegistry>>,
}

impl Default for RecentRegistries {
    fn default() -> Self {
        Self { registries: Mutex::new(LruCache::new(MAX_REGISTRIES)) }
    }
}

impl RecentRegistries {
    /// Records a request; `refusal` is its reason if it was refused.
    pub fn record(&self, registry: &str, refusal: Option<&str>) {
        self.update(registry, |recent| {
            recent.last = Timestamp::now().to_string();
            match refusal {
                None => recent.allowed += 1,
                Some(reason) => {
                    recent.refused += 1;
                    recent.reason = Some(reason.to_owned());
                }
            }
        });
    }

    /// Records a host that a registry refers to.
    pub fn record_second_host(&self, registry: &str, host: &str) {
        self.update(registry, |recent| {
            if recent.second_hosts.len() < MAX_SECOND_HOSTS && host.len() <= MAX_NAME_BYTES {
                recent.second_hosts.insert(host.to_owned());
            }
        });
    }

    /// Returns the registries, the last one first.
    pub fn list(&self) -> Vec<RecentRegistry> {
        let registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        registries.iter().map(|(_, recent)| recent.clone()).collect()
    }

    fn update(&self, registry: &str, change: impl FnOnce(&mut RecentRegistry)) {
        if registry.len() > MAX_NAME_BYTES {
            return;
        }
        // A reference that cannot be read is its own registry here, and may have a password in it (rule E11).
        let registry = redact_userinfo(registry).into_owned();
        let mut registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = registries.get_or_insert_mut(registry.clone(), || RecentRegistry {
            registry,
            allowed: 0,
            refused: 0,
            last: String::new(),
            reason: None,
            second_hosts: BTreeSet::new(),
        });
        change(recent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_bounded_and_begin_with_the_last() {
        let recent = RecentRegistries::default();
        for number in 0..1_000 {
            recent.record(&format!("r{number}.example"), None);
            recent.record_second_host("r999.example", &format!("cdn{number}.example"));
        }
        recent.record("evil.example", Some("no entry covers it"));
        recent.record("evil.example", None);
        recent.record(&"x".repeat(1_000), None);
        let list = recent.list();
        assert_eq!(list.len(), MAX_REGISTRIES.get());
        assert_eq!((list[0].registry.as_str(), list[0].allowed, list[0].refused), ("evil.example", 1, 1));
        assert_eq!(list[0].reason.as_deref(), Some("no entry covers it"));
        let last = list.iter().find(|recent| recent.registry == "r999.example").unwrap();
        assert_eq!(last.second_hosts.len(), MAX_SECOND_HOSTS);
    }

    #[test]
    fn password_is_redacted() {
        let recent = RecentRegistries::default();
        recent.record("user:s3cret@h.example/app:1", Some("it cannot be read"));
        assert_eq!(recent.list()[0].registry, "***********@h.example/app:1");
    }
}
