//! Who has a place among the connections of one listener, and who gives it up once all are taken.
//!
//! Whoever reaches a listener can fill it with connections, without showing any credentials. So nobody is turned away for
//! want of a place: the address that holds the most gives up the connection on which nothing was asked for longest.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

/// How long a connection is left alone after its last request, if the place is for another of the same address. A burst of
/// short requests from one program is then answered in turn.
const MIN_IDLE_BEFORE_EVICTION: Duration = Duration::from_secs(1);

/// The places of one listener.
pub struct ConnectionLimiter {
    max_connections: usize,
    slots: Mutex<Vec<Arc<SlotState>>>,
    slot_freed: Notify,
}

struct SlotState {
    /// Where the other end is; none on a unix socket, where a place is kept as long as the connection.
    client: Option<IpAddr>,
    activity: Mutex<Activity>,
    eviction: Notify,
}

#[derive(Clone, Copy)]
struct Activity {
    /// When something was asked last, or when the connection came.
    last_active: Instant,
    /// Whether anything was asked.
    has_requests: bool,
}

/// A place, until it is dropped.
pub struct ConnectionSlot {
    limiter: Arc<ConnectionLimiter>,
    state: Arc<SlotState>,
}

/// Who uses a place.
pub struct ActivityHandle(Arc<SlotState>);

impl ConnectionLimiter {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { max_connections: most, slots: Mutex::default(), slot_freed: Notify::new() })
    }

    /// Takes a place for a connection from this address. Where all are taken, somebody else's is given to it, or it waits
    /// until one is free.
    pub async fn acquire(self: &Arc<Self>, address: Option<IpAddr>) -> ConnectionSlot {
        let who = address.map(client_prefix);
        loop {
            match self.try_acquire(who) {
                Ok(place) => return place,
                // A place that becomes free meanwhile leaves a permit.
                Err(wait) => drop(timeout(wait, self.slot_freed.notified()).await),
            }
        }
    }

    /// Takes a place, or says when to try again.
    fn try_acquire(self: &Arc<Self>, who: Option<IpAddr>) -> Result<ConnectionSlot, Duration> {
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

/// Which connection has to go, or when to look again.
fn choose_eviction(taken: &[Arc<SlotState>], who: Option<IpAddr>) -> Result<usize, Duration> {
    let mut held: HashMap<IpAddr, usize> = HashMap::new();
    for who in taken.iter().filter_map(|seat| seat.client) {
        *held.entry(who).or_default() += 1;
    }
    let most = held.values().copied().max().unwrap_or_default();
    let has_most = |who: &IpAddr| held.get(who) == Some(&most);
    let own = who.filter(has_most);
    let those = taken.iter().enumerate().filter(|(_, seat)| match own {
        Some(_) => seat.client == own,
        None => seat.client.as_ref().is_some_and(has_most),
    });
    let oldest = those.map(|(index, seat)| (seat.lock_activity().last_active, index)).min();
    // On a unix socket nobody has to go.
    let Some((last, index)) = oldest else { return Err(MIN_IDLE_BEFORE_EVICTION) };
    match MIN_IDLE_BEFORE_EVICTION.checked_sub(last.elapsed()) {
        Some(wait) if own.is_some() => Err(wait),
        _ => Ok(index),
    }
}

/// What one client has of addresses: in IPv6 it has the lower half for itself.
fn client_prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

impl SlotState {
    fn lock_activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionSlot {
    /// For what takes the requests of the connection.
    pub fn activity_handle(&self) -> ActivityHandle {
        ActivityHandle(Arc::clone(&self.state))
    }

    /// Whether anything was asked so far.
    pub fn has_requests(&self) -> bool {
        self.state.lock_activity().has_requests
    }

    /// Waits until the place is given to another.
    pub async fn evicted(&self) {
        self.state.eviction.notified().await;
    }

    /// Waits until nothing was asked for so long: at first, and after a request.
    pub async fn wait_until_idle(&self, at_first: Duration, later: Duration) {
        loop {
            let Activity { last_active: last, has_requests: asked } = *self.state.lock_activity();
            let end = last + if asked { later } else { at_first };
            if Instant::now() >= end {
                return;
            }
            // Meanwhile the first request may come, and another time count.
            sleep_until(end.min(Instant::now() + at_first.min(later))).await;
        }
    }
}

impl ActivityHandle {
    /// Notes that something is asked.
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

    fn at(address: &str) -> Option<IpAddr> {
        Some(client_prefix(address.parse().unwrap()))
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

        // Now the first address holds two, and one more of its own has to wait a little.
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
    fn unix_socket_connection_waits_for_a_slot() {
        let places = ConnectionLimiter::new(1);
        let first = places.try_acquire(None).ok().unwrap();
        first.state.lock_activity().last_active -= 10 * MIN_IDLE_BEFORE_EVICTION;
        assert!(places.try_acquire(None).is_err());
        drop(first);
        assert!(is_ready(places.acquire(None)));
    }
}
