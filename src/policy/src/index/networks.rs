//! Longest-prefix look-up: networks sorted by their first address, each knowing the one that it lies in.

use std::net::IpAddr;

use hashbrown::HashMap;
use ipnet::IpNet;

/// The networks of a scope, each with the group of its entries.
#[derive(Debug, Default)]
pub(super) struct Networks {
    v4: Family<u32>,
    v6: Family<u128>,
}

impl Networks {
    pub fn new(groups: HashMap<IpNet, u32>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (network, group) in groups {
            let prefix = network.prefix_len();
            match (network.network(), network.broadcast()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), Range { last: last.to_bits(), prefix, group, parent: NONE })),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), Range { last: last.to_bits(), prefix, group, parent: NONE })),
                _ => {}
            }
        }
        Networks { v4: Family::new(v4), v6: Family::new(v6) }
    }

    /// Calls `found` with the prefix length and the group of every network that contains the address, the longest
    /// prefix first.
    pub fn containing(&self, address: IpAddr, found: &mut dyn FnMut(u8, u32)) {
        match address {
            IpAddr::V4(address) => self.v4.containing(address.to_bits(), found),
            IpAddr::V6(address) => self.v6.containing(address.to_bits(), found),
        }
    }

    /// The group of exactly this network.
    pub fn of(&self, network: IpNet) -> Option<u32> {
        match network.addr() {
            IpAddr::V4(first) => self.v4.of(first.to_bits(), network.prefix_len()),
            IpAddr::V6(first) => self.v6.of(first.to_bits(), network.prefix_len()),
        }
    }

    /// The groups of the networks that begin next before and next after an address, each with the number of leading
    /// bits that its first address shares with this one.
    pub fn neighbours(&self, address: IpAddr) -> Vec<(u32, u32)> {
        match address {
            IpAddr::V4(address) => self.v4.neighbours(address.to_bits()),
            IpAddr::V6(address) => self.v6.neighbours(address.to_bits()),
        }
    }
}

/// The networks of one address family, sorted by first address, the wider first.
#[derive(Debug, Default)]
struct Family<A> {
    /// First addresses, by themselves: the search touches nothing else.
    firsts: Vec<A>,
    ranges: Vec<Range<A>>,
}

#[derive(Clone, Copy, Debug)]
struct Range<A> {
    last: A,
    prefix: u8,
    group: u32,
    /// The narrowest network around this one.
    parent: u32,
}

/// In place of a parent: there is none.
const NONE: u32 = u32::MAX;

/// An address as a number.
trait Bits: Copy + Ord {
    /// How many leading bits two addresses share.
    fn shared_bits(self, other: Self) -> u32;
}

impl Bits for u32 {
    fn shared_bits(self, other: Self) -> u32 {
        (self ^ other).leading_zeros()
    }
}

impl Bits for u128 {
    fn shared_bits(self, other: Self) -> u32 {
        (self ^ other).leading_zeros()
    }
}

impl<A: Bits> Family<A> {
    fn new(mut networks: Vec<(A, Range<A>)>) -> Self {
        networks.sort_unstable_by_key(|(first, range)| (*first, range.prefix));
        let mut family = Family { firsts: Vec::with_capacity(networks.len()), ranges: Vec::with_capacity(networks.len()) };
        // The networks around the present one, the narrowest last: networks nest or are apart, they never cross.
        let mut around: Vec<(u32, A)> = Vec::new();
        for (place, (first, mut range)) in networks.into_iter().enumerate() {
            while around.last().is_some_and(|(_, last)| *last < first) {
                around.pop();
            }
            range.parent = around.last().map_or(NONE, |(parent, _)| *parent);
            around.push((u32::try_from(place).unwrap_or(NONE), range.last));
            family.firsts.push(first);
            family.ranges.push(range);
        }
        family
    }

    fn containing(&self, address: A, found: &mut dyn FnMut(u8, u32)) {
        let after = self.firsts.partition_point(|first| *first <= address);
        let mut next = after.checked_sub(1).and_then(|place| self.ranges.get(place));
        while let Some(range) = next {
            if address <= range.last {
                found(range.prefix, range.group);
            }
            next = usize::try_from(range.parent).ok().and_then(|parent| self.ranges.get(parent));
        }
    }

    fn of(&self, first: A, prefix: u8) -> Option<u32> {
        let start = self.firsts.partition_point(|other| *other < first);
        let alike = self.firsts.iter().zip(&self.ranges).skip(start).take_while(|(other, _)| **other == first);
        alike.map(|(_, range)| range).find(|range| range.prefix == prefix).map(|range| range.group)
    }

    fn neighbours(&self, address: A) -> Vec<(u32, u32)> {
        let after = self.firsts.partition_point(|first| *first <= address);
        let places = [after.checked_sub(1), Some(after)].into_iter().flatten();
        places
            .filter_map(|place| Some((self.firsts.get(place)?.shared_bits(address), self.ranges.get(place)?.group)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_comes_first_and_siblings_stay_out() {
        let texts = ["10.0.0.0/8", "10.2.0.0/16", "10.2.2.0/24", "10.3.0.0/16", "0.0.0.0/0", "2001:db8::/32"];
        let groups = (0..).zip(texts).map(|(group, text)| (text.parse().unwrap(), group)).collect();
        let networks = Networks::new(groups);
        let containing = |address: &str| {
            let mut found = Vec::new();
            networks.containing(address.parse().unwrap(), &mut |_, group| found.push(texts[group as usize]));
            found
        };
        assert_eq!(containing("10.2.2.5"), ["10.2.2.0/24", "10.2.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]);
        assert_eq!(containing("10.2.3.0"), ["10.2.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]);
        assert_eq!(containing("10.255.255.255"), ["10.0.0.0/8", "0.0.0.0/0"]);
        assert_eq!(containing("11.0.0.0"), ["0.0.0.0/0"]);
        assert_eq!(containing("2001:db8::1"), ["2001:db8::/32"]);
        assert!(containing("2001:db9::1").is_empty());
    }
}
