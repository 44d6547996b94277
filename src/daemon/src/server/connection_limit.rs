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
const SETTLED: Duration = Duration::from_secs(1);

/// The places of one listener.
pub struct Places {
    most: usize,
    taken: Mutex<Vec<Arc<Seat>>>,
    freed: Notify,
}

struct Seat {
    /// Where the other end is; none on a unix socket, where a place is kept as long as the connection.
    who: Option<IpAddr>,
    used: Mutex<Used>,
    leave: Notify,
}

#[derive(Clone, Copy)]
struct Used {
    /// When something was asked last, or when the connection came.
    last: Instant,
    /// Whether anything was asked.
    asked: bool,
}

/// A place, until it is dropped.
pub struct Place {
    places: Arc<Places>,
    seat: Arc<Seat>,
}

/// Who uses a place.
pub struct User(Arc<Seat>);

impl Places {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default(), freed: Notify::new() })
    }

    /// Takes a place for a connection from this address. Where all are taken, somebody else's is given to it, or it waits
    /// until one is free.
    pub async fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Place {
        let who = address.map(household);
        loop {
            match self.take(who) {
                Ok(place) => return place,
                // A place that becomes free meanwhile leaves a permit.
                Err(wait) => drop(timeout(wait, self.freed.notified()).await),
            }
        }
    }

    /// Takes a place, or says when to try again.
    fn take(self: &Arc<Self>, who: Option<IpAddr>) -> Result<Place, Duration> {
        let mut taken = self.taken();
        if taken.len() >= self.most {
            let leaving = leaving(&taken, who)?;
            taken.swap_remove(leaving).leave.notify_one();
        }
        let used = Mutex::new(Used { last: Instant::now(), asked: false });
        let seat = Arc::new(Seat { who, used, leave: Notify::new() });
        taken.push(Arc::clone(&seat));
        Ok(Place { places: Arc::clone(self), seat })
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which connection has to go, or when to look again.
fn leaving(taken: &[Arc<Seat>], who: Option<IpAddr>) -> Result<usize, Duration> {
    let mut held: HashMap<IpAddr, usize> = HashMap::new();
    for who in taken.iter().filter_map(|seat| seat.who) {
        *held.entry(who).or_default() += 1;
    }
    let most = held.values().copied().max().unwrap_or_default();
    let has_most = |who: &IpAddr| held.get(who) == Some(&most);
    let own = who.filter(has_most);
    let those = taken.iter().enumerate().filter(|(_, seat)| match own {
        Some(_) => seat.who == own,
        None => seat.who.as_ref().is_some_and(has_most),
    });
    let oldest = those.map(|(index, seat)| (seat.used().last, index)).min();
    // On a unix socket nobody has to go.
    let Some((last, index)) = oldest else { return Err(SETTLED) };
    match SETTLED.checked_sub(last.elapsed()) {
        Some(wait) if own.is_some() => Err(wait),
        _ => Ok(index),
    }
}

/// What one client has of addresses: in IPv6 it has the lower half for itself.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

impl Seat {
    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// For what takes the requests of the connection.
    pub fn user(&self) -> User {
        User(Arc::clone(&self.seat))
    }

    /// Whether anything was asked so far.
    pub fn was_asked(&self) -> bool {
        self.seat.used().asked
    }

    /// Waits until the place is given to another.
    pub async fn lost(&self) {
        self.seat.leave.notified().await;
    }

    /// Waits until nothing was asked for so long: at first, and after a request.
    pub async fn idle(&self, at_first: Duration, later: Duration) {
        loop {
            let Used { last, asked } = *self.seat.used();
            let end = last + if asked { later } else { at_first };
            if Instant::now() >= end {
                return;
            }
            // Meanwhile the first request may come, and another time count.
            sleep_until(end.min(Instant::now() + at_first.min(later))).await;
        }
    }
}

impl User {
    /// Notes that something is asked.
    pub fn asks(&self) {
        *self.0.used() = Used { last: Instant::now(), asked: true };
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(index) = taken.iter().position(|seat| Arc::ptr_eq(seat, &self.seat)) {
            taken.swap_remove(index);
            drop(taken);
            self.places.freed.notify_one();
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

    fn lost(places: &[Place]) -> Vec<usize> {
        places.iter().enumerate().filter_map(|(index, place)| is_ready(place.lost()).then_some(index)).collect()
    }

    fn at(address: &str) -> Option<IpAddr> {
        Some(household(address.parse().unwrap()))
    }

    #[test]
    fn who_holds_the_most_gives_up_what_was_used_least() {
        let places = Places::new(4);
        let mut held: Vec<Place> = ["10.0.0.1", "10.0.0.2", "10.0.0.1", "::ffff:10.0.0.1"]
            .map(|from| places.take(at(from)).ok().unwrap())
            .into();
        held[0].user().asks();
        held.push(places.take(at("10.0.0.3")).ok().unwrap());
        assert_eq!(lost(&held), [2], "neither the one that asked, nor the one of another address");

        // Now the first address holds two, and one more of its own has to wait a little.
        assert!(places.take(at("10.0.0.1")).is_err_and(|wait| wait <= SETTLED));
        for place in [0, 3] {
            held[place].seat.used().last -= SETTLED;
        }
        held.push(places.take(at("10.0.0.1")).ok().unwrap());
        assert_eq!(lost(&held).len(), 1);
        assert_eq!(places.taken().len(), 4);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    }

    #[test]
    fn on_a_unix_socket_one_waits_for_a_place() {
        let places = Places::new(1);
        let first = places.take(None).ok().unwrap();
        first.seat.used().last -= 10 * SETTLED;
        assert!(places.take(None).is_err());
        drop(first);
        assert!(is_ready(places.enter(None)));
    }
}
