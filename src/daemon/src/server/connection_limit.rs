//! The connection limit of one listener, with eviction.
//!
//! Any client that reaches a listener can fill it without credentials, so a full listener closes the least recently used
//! connection of the client (IPv4 address, IPv6 /64 or local user) that holds the most.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::server::peer::Client;

/// Minimum idle time before a connection is evicted for another of the same client, so that a burst of short requests
/// is served in turn.
const MIN_IDLE_BEFORE_EVICTION: Duration = Duration::from_secs(1);

/// The connection limiter of one listener.
pub struct ConnectionLimiter {
    max_connections: usize,
    slots: Mutex<Vec<Arc<SlotState>>>,
    slot_freed: Notify,
}

struct SlotState {
    /// The client; `None` for a connection that is never evicted.
    client: Option<Client>,
    activity: Mutex<Activity>,
    eviction: Notify,
}

#[derive(Clone, Copy)]
struct Activity {
    /// The time of the last request, or else of the connection.
    last_active: Instant,
    /// True if there was a request.
    has_requests: bool,
}

/// A slot of a connection, freed on drop.
pub struct ConnectionSlot {
    limiter: Arc<ConnectionLimiter>,
    state: Arc<SlotState>,
}

/// A handle that records the activity of a connection.
pub struct ActivityHandle(Arc<SlotState>);

impl ConnectionLimiter {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { max_connections: most, slots: Mutex::default(), slot_freed: Notify::new() })
    }

    /// Acquires a slot for a connection of a client. A full limiter evicts another connection, or waits until a slot is
    /// free.
    pub async fn acquire(self: &Arc<Self>, client: Option<Client>) -> ConnectionSlot {
        loop {
            match self.try_acquire(client) {
                Ok(place) => return place,
                // A slot freed meanwhile leaves a permit.
                Err(wait) => drop(timeout(wait, self.slot_freed.notified()).await),
            }
        }
    }

    /// Tries to acquire a slot. Returns the time to wait otherwise: with clients that can be evicted, only the one that
    /// holds the most ever waits.
    pub fn try_acquire(self: &Arc<Self>, client: Option<Client>) -> Result<ConnectionSlot, Duration> {
        let who = client.map(client_key);
        let mut taken = self.lock_slots();
        if taken.len() >= self.max_connections {
            let leaving = choose_eviction(&taken, who)?;
            taken.swap_remove(leaving).eviction.notify_one();
        }
        let used = Mutex::new(Activity { last_active: Instant::now(), has_requests: false });
        let seat = Arc::new(SlotState { client: who, activity: used, eviction: Notify::new() });
        taken.push(Arc::clone(&seat));
        Ok(ConnectionSlot { limiter: Arc::clone(self), state: seat })
    }

    fn lock_slots(&self) -> MutexGuard<'_, Vec<Arc<SlotState>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the index of the connection to evict, or the time to wait.
fn choose_eviction(taken: &[Arc<SlotState>], who: Option<Client>) -> Result<usize, Duration> {
    let mut held: HashMap<Client, usize> = HashMap::new();
    for who in taken.iter().filter_map(|seat| seat.client) {
        *held.entry(who).or_default() += 1;
    }
    let most = held.values().copied().max().unwrap_or_default();
    let has_most = |who: &Client| held.get(who) == Some(&most);
    let own = who.filter(has_most);
    let those = taken.iter().enumerate().filter(|(_, seat)| match own {
        Some(_) => seat.client == own,
        None => seat.client.as_ref().is_some_and(has_most),
    });
    let oldest = those.map(|(index, seat)| (seat.lock_activity().last_active, index)).min();
    // None of the connections may be evicted.
    let Some((last, index)) = oldest else { return Err(MIN_IDLE_BEFORE_EVICTION) };
    match MIN_IDLE_BEFORE_EVICTION.checked_sub(last.elapsed()) {
        Some(wait) if own.is_some() => Err(wait),
        _ => Ok(index),
    }
}

/// Returns the key of a client: the IPv4 address, the IPv6 /64 prefix, or the user.
fn client_key(client: Client) -> Client {
    let Client::Address(address) = client else { return client };
    Client::Address(match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    })
}

impl SlotState {
    fn lock_activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionSlot {
    /// Returns the activity handle for the service of the connection.
    pub fn activity_handle(&self) -> ActivityHandle {
        ActivityHandle(Arc::clone(&self.state))
    }

    /// Returns whether there was a request.
    pub fn has_requests(&self) -> bool {
        self.state.lock_activity().has_requests
    }

    /// Waits until the connection is evicted.
    pub async fn evicted(&self) {
        self.state.eviction.notified().await;
    }

    /// Waits until the connection is idle for `at_first` before its first request, or for `later` after one.
    pub async fn wait_until_idle(&self, at_first: Duration, later: Duration) {
        loop {
            let Activity { last_active: last, has_requests: asked } = *self.state.lock_activity();
            let end = last + if asked { later } else { at_first };
            if Instant::now() >= end {
                return;
            }
            // Bounded by the shorter time, since the first request changes the one that applies.
            sleep_until(end.min(Instant::now() + at_first.min(later))).await;
        }
    }
}

impl ActivityHandle {
    /// Records a request.
    pub fn touch(&self) {
        *self.0.lock_activity() = Activity { last_active: Instant::now(), has_requests: true };
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.limiter.lock_slots();
        if let Some(index) = taken.iter().position(|seat| Arc::ptr_eq(seat, &self.state)) {
            taken.swap_remove(index);
            drop(taken);
            self.limiter.slot_freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_ready(future: impl Future) -> bool {
        matches!(std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_))
    }

    fn evicted_slots(places: &[ConnectionSlot]) -> Vec<usize> {
        places.iter().enumerate().filter_map(|(index, place)| is_ready(place.evicted()).then_some(index)).collect()
    }

    fn at(address: &str) -> Option<Client> {
        Some(client_key(Client::Address(address.parse().unwrap())))
    }

    #[test]
    fn client_with_most_connections_loses_the_least_recently_used() {
        let places = ConnectionLimiter::new(4);
        let mut held: Vec<ConnectionSlot> = ["10.0.0.1", "10.0.0.2", "10.0.0.1", "::ffff:10.0.0.1"]
            .map(|from| places.try_acquire(at(from)).ok().unwrap())
            .into();
        held[0].activity_handle().touch();
        held.push(places.try_acquire(at("10.0.0.3")).ok().unwrap());
        assert_eq!(evicted_slots(&held), [2], "neither the one that asked, nor the one of another address");

        // The first client now holds two, and a third of its own has to wait a little.
        assert!(places.try_acquire(at("10.0.0.1")).is_err_and(|wait| wait <= MIN_IDLE_BEFORE_EVICTION));
        for place in [0, 3] {
            held[place].state.lock_activity().last_active -= MIN_IDLE_BEFORE_EVICTION;
        }
        held.push(places.try_acquire(at("10.0.0.1")).ok().unwrap());
        assert_eq!(evicted_slots(&held).len(), 1);
        assert_eq!(places.lock_slots().len(), 4);
    }

    #[test]
    fn ipv6_prefix_is_one_client() {
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    }

    #[test]
    fn user_who_fills_a_unix_socket_makes_room_for_another() {
        let places = ConnectionLimiter::new(3);
        let held: Vec<_> = (0..3).map(|_| places.try_acquire(Some(Client::User(1_000))).ok().unwrap()).collect();
        assert!(places.try_acquire(Some(Client::User(1_000))).is_err());
        let root = places.try_acquire(Some(Client::User(0))).ok().unwrap();
        assert_eq!(evicted_slots(&held).len(), 1);
        assert!(!is_ready(root.evicted()));
    }

    #[test]
    fn connection_without_a_client_is_never_evicted() {
        let places = ConnectionLimiter::new(1);
        let first = places.try_acquire(None).ok().unwrap();
        first.state.lock_activity().last_active -= 10 * MIN_IDLE_BEFORE_EVICTION;
        assert!(places.try_acquire(None).is_err());
        drop(first);
        assert!(is_ready(places.acquire(None)));
    }
}
