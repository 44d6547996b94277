//! The memory of servers whose certificates the gate has verified, so that a tunnel to one costs no further handshake.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use pullgate_connect::VerifiedBy;
use tokio::time::Instant;

/// Time for which a verification counts.
const VERIFICATION_TTL: Duration = Duration::from_secs(300);

/// Maximum number of verifications in memory.
const MAX_VERIFICATIONS: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// A server under one policy: two addresses of one host may differ in their certificates, and two policies in their
/// trust anchors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifiedServer {
    /// The host.
    pub host: String,
    /// The address.
    pub address: SocketAddr,
    /// SHA-256 of the policy.
    pub policy: String,
}

/// The verifications of the last minutes.
pub struct Verifications {
    servers: Mutex<LruCache<VerifiedServer, (VerifiedBy, Instant)>>,
}

impl Default for Verifications {
    fn default() -> Self {
        Self { servers: Mutex::new(LruCache::new(MAX_VERIFICATIONS)) }
    }
}

impl Verifications {
    /// Returns the trust anchor of a server that was verified lately.
    pub fn get(&self, server: &VerifiedServer) -> Option<VerifiedBy> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let (verified_by, since) = servers.get(server)?;
        (since.elapsed() < VERIFICATION_TTL).then(|| verified_by.clone())
    }

    /// Remembers a server.
    pub fn insert(&self, server: VerifiedServer, verified_by: VerifiedBy) {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.put(server, (verified_by, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn verification_counts_for_one_address_one_policy_and_five_minutes() {
        let verifications = Verifications::default();
        let server = |address: &str, policy: &str| VerifiedServer {
            host: "h.example".to_owned(),
            address: address.parse().unwrap(),
            policy: policy.to_owned(),
        };
        let known = server("10.0.0.1:443", "a");
        verifications.insert(known.clone(), VerifiedBy::WellKnown);
        assert_eq!(verifications.get(&known), Some(VerifiedBy::WellKnown));
        for other in [server("10.0.0.2:443", "a"), server("10.0.0.1:5000", "a"), server("10.0.0.1:443", "b")] {
            assert_eq!(verifications.get(&other), None);
        }
        tokio::time::advance(VERIFICATION_TTL).await;
        assert_eq!(verifications.get(&known), None);
    }
}
