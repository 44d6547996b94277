//! Longest-prefix map: networks sorted by first address, each linked to the network that contains it.

use std::net::IpAddr;
use std::ops::ControlFlow;

use ipnet::IpNet;

/// The networks of a scope, each with the group of its entries.
#[derive(Debug, Default)]
pub(crate) struct PrefixMap {
    v4: FamilyTable<u32>,
    v6: FamilyTable<u128>,
}

impl PrefixMap {
    /// Builds the map from networks in order: by family, then first address, then prefix length.
    pub fn from_sorted(groups: &[(IpNet, u32)]) -> Self {
        let mut networks = PrefixMap::default();
        let (mut around_v4, mut around_v6) = (Vec::new(), Vec::new());
        for (network, group) in groups.iter().copied() {
            let prefix = network.prefix_len();
            match (network.network(), network.broadcast()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    networks.v4.add(first.to_bits(), last.to_bits(), prefix, group, &mut around_v4);
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    networks.v6.add(first.to_bits(), last.to_bits(), prefix, group, &mut around_v6);
                }
                _ => {}
            }
        }
        networks
    }

    /// Calls `found` with the prefix length and the group of every network that contains the address, the longest
    /// prefix first, until it breaks.
    pub fn matching_prefixes(
        &self,
        address: IpAddr,
        found: &mut dyn FnMut(u8, u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match address {
            IpAddr::V4(address) => self.v4.matching_prefixes(address.to_bits(), found),
            IpAddr::V6(address) => self.v6.matching_prefixes(address.to_bits(), found),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.v4.firsts.is_empty() && self.v6.firsts.is_empty()
    }

    /// Returns the group of the network with exactly this first address and prefix length.
    pub fn exact(&self, first: IpAddr, prefix: u8) -> Option<u32> {
        match first {
            IpAddr::V4(first) => self.v4.exact(first.to_bits(), prefix),
            IpAddr::V6(first) => self.v6.exact(first.to_bits(), prefix),
        }
    }

    /// Returns the groups of the near networks among those whose first addresses are next before and after an address,
    /// and those around the former, each with the number of shared leading bits.
    pub fn neighbours(&self, address: IpAddr) -> Vec<(u32, u32)> {
        match address {
            IpAddr::V4(address) => self.v4.neighbours(address.to_bits()),
            IpAddr::V6(address) => self.v6.neighbours(address.to_bits()),
        }
    }
}

/// The networks of one address family, sorted by first address, the wider first.
#[derive(Debug, Default)]
struct FamilyTable<A> {
    /// First addresses, separate from `ranges` for a compact binary search.
    firsts: Vec<A>,
    ranges: Vec<PrefixRange<A>>,
}

#[derive(Clone, Copy, Debug)]
struct PrefixRange<A> {
    last: A,
    prefix: u8,
    group: u32,
    /// The index of the narrowest network around this one.
    parent: u32,
}

/// The parent of a network that no other contains.
const NO_PARENT: u32 = u32::MAX;

/// An address as a number.
trait AddressBits: Copy + Ord {
    /// The number of bits between the dots or colons of its text.
    const GROUP_BITS: u32;

    /// Returns the number of leading bits that two addresses share.
    fn shared_bits(self, other: Self) -> u32;
}

impl AddressBits for u32 {
    const GROUP_BITS: u32 = 8;

    fn shared_bits(self, other: Self) -> u32 {
        (self ^ other).leading_zeros()
    }
}

impl AddressBits for u128 {
    const GROUP_BITS: u32 = 16;

    fn shared_bits(self, other: Self) -> u32 {
        (self ^ other).leading_zeros()
    }
}

impl<A: AddressBits> FamilyTable<A> {
    /// Appends the next network in order. `around` are the networks that may contain it, the narrowest last: networks
    /// are nested or disjoint.
    fn add(&mut self, first: A, last: A, prefix: u8, group: u32, around: &mut Vec<(u32, A)>) {
        while around.last().is_some_and(|(_, last)| *last < first) {
            around.pop();
        }
        let parent = around.last().map_or(NO_PARENT, |(parent, _)| *parent);
        around.push((u32::try_from(self.firsts.len()).unwrap_or(NO_PARENT), last));
        self.firsts.push(first);
        self.ranges.push(PrefixRange { last, prefix, group, parent });
    }

    fn matching_prefixes(&self, address: A, found: &mut dyn FnMut(u8, u32) -> ControlFlow<()>) -> ControlFlow<()> {
        let after = self.firsts.partition_point(|first| *first <= address);
        let mut next = after.checked_sub(1).and_then(|position| self.ranges.get(position));
        while let Some(range) = next {
            if address <= range.last {
                found(range.prefix, range.group)?;
            }
            next = usize::try_from(range.parent).ok().and_then(|parent| self.ranges.get(parent));
        }
        ControlFlow::Continue(())
    }

    fn exact(&self, first: A, prefix: u8) -> Option<u32> {
        let start = self.firsts.partition_point(|other| *other < first);
        let alike = self.firsts.iter().zip(&self.ranges).skip(start).take_while(|(other, _)| **other == first);
        alike.map(|(_, range)| range).find(|range| range.prefix == prefix).map(|range| range.group)
    }

    fn neighbours(&self, address: A) -> Vec<(u32, u32)> {
        let after = self.firsts.partition_point(|first| *first <= address);
        let parent = |position: &usize| usize::try_from(self.ranges.get(*position)?.parent).ok();
        let around = std::iter::successors(after.checked_sub(1), parent);
        let near = |position: usize| {
            let range = self.ranges.get(position)?;
            let shared = self.firsts.get(position)?.shared_bits(address);
            is_near::<A>(range.prefix, shared).then_some((shared, range.group))
        };
        around.chain([after]).filter_map(near).collect()
    }
}

/// Returns whether an address is near a network: if they share all groups of digits in front of the one that the prefix
/// ends in, and at least one.
fn is_near<A: AddressBits>(prefix: u8, shared: u32) -> bool {
    let in_front = u32::from(prefix).saturating_sub(1).checked_div(A::GROUP_BITS).unwrap_or_default();
    in_front > 0 && shared >= in_front.saturating_mul(A::GROUP_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix_map(texts: &[&str]) -> PrefixMap {
        let mut groups: Vec<(IpNet, u32)> =
            texts.iter().zip(0..).map(|(text, group)| (text.parse().unwrap(), group)).collect();
        groups.sort_unstable();
        PrefixMap::from_sorted(&groups)
    }

    #[test]
    fn w3_neighbours_are_near() {
        let texts =
            ["10.0.0.0/8", "10.2.0.0/16", "10.2.200.7/32", "192.168.1.0/24", "2001:db8:1:1::/64", "2001:db8::/32"];
        let networks = prefix_map(&texts);
        let near = |address: &str| -> Vec<&str> {
            networks.neighbours(address.parse().unwrap()).iter().map(|(_, group)| texts[*group as usize]).collect()
        };
        assert_eq!(near("10.3.0.1"), ["10.2.0.0/16"]);
        assert_eq!(near("10.2.200.9"), ["10.2.200.7/32", "10.2.0.0/16"]);
        assert_eq!(near("192.168.99.1"), ["192.168.1.0/24"]);
        assert!(near("192.169.1.1").is_empty());
        assert!(near("11.0.0.1").is_empty());
        assert_eq!(near("2001:db8:1:2::1"), ["2001:db8:1:1::/64", "2001:db8::/32"]);
        assert_eq!(near("2001:db9::1"), ["2001:db8::/32"]);
        assert!(near("fd00::1").is_empty());
    }

    #[test]
    fn the_longest_prefix_comes_first_and_siblings_stay_out() {
        let texts = ["10.0.0.0/8", "10.2.0.0/16", "10.2.2.0/24", "10.3.0.0/16", "0.0.0.0/0", "2001:db8::/32"];
        let networks = prefix_map(&texts);
        let containing = |address: &str| {
            let mut found = Vec::new();
            let _ = networks.matching_prefixes(address.parse().unwrap(), &mut |_, group| {
                found.push(texts[group as usize]);
                ControlFlow::Continue(())
            });
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
