//! A hash map with string keys for every lookup by name: each further type of hash map costs the module kilobytes.

/// A map from strings to numbers, in insertion order.
#[derive(Debug, Default)]
pub(crate) struct StringMap {
    names: Vec<MapEntry>,
    /// Indices into `names`, open addressing with linear probing. The number of slots is a power of two, and at most
    /// half of them are taken.
    slots: Vec<u32>,
}

#[derive(Debug)]
struct MapEntry {
    name: Box<str>,
    /// The low bits of the hash of the name, so that few other names are read to find one.
    hash: u32,
    number: u32,
}

/// The value of a free slot; never an index into `names`.
const FREE_SLOT: u32 = u32::MAX;

impl StringMap {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns the number of a key.
    #[inline(always)]
    pub fn get(&self, name: &str) -> Option<u32> {
        self.get_key_value(name).map(|(_, number)| number)
    }

    /// Returns a key as stored, with its number.
    pub fn get_key_value(&self, name: &str) -> Option<(&str, u32)> {
        self.find(name, hash_name(name)).map(|entry| (&*entry.name, entry.number))
    }

    /// Returns the number of a key, after inserting `number` if it has none.
    pub fn get_or_insert(&mut self, name: &str, number: u32) -> u32 {
        let hash = hash_name(name);
        if let Some(entry) = self.find(name, hash) {
            return entry.number;
        }
        if self.slots.len() <= self.names.len().saturating_mul(2) {
            self.grow();
        }
        claim_slot(&mut self.slots, hash, u32::try_from(self.names.len()).unwrap_or(FREE_SLOT));
        self.names.push(MapEntry { name: name.into(), hash, number });
        number
    }

    /// Returns the keys in insertion order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|entry| &*entry.name)
    }

    /// Returns the keys with their numbers in insertion order; none if there are more than `most`.
    pub fn iter_up_to(&self, most: usize) -> impl Iterator<Item = (&str, u32)> {
        let names = if self.names.len() <= most { self.names.as_slice() } else { &[] };
        names.iter().map(|entry| (&*entry.name, entry.number))
    }

    #[inline(always)]
    fn find(&self, name: &str, hash: u32) -> Option<&MapEntry> {
        let last = self.slots.len().saturating_sub(1);
        let mut slot = to_slot(hash) & last;
        // A free slot ends the search: its value is not an index.
        while let Some(entry) = self.names.get(usize::try_from(*self.slots.get(slot)?).ok()?) {
            if entry.hash == hash && *entry.name == *name {
                return Some(entry);
            }
            slot = slot.wrapping_add(1) & last;
        }
        None
    }

    fn grow(&mut self) {
        self.slots = vec![FREE_SLOT; self.slots.len().saturating_mul(2).max(8)];
        for (entry, position) in self.names.iter().zip(0..) {
            claim_slot(&mut self.slots, entry.hash, position);
        }
    }
}

/// Claims a slot for a new key.
fn claim_slot(slots: &mut [u32], hash: u32, position: u32) {
    let last = slots.len().saturating_sub(1);
    let mut slot = to_slot(hash) & last;
    while slots.get(slot).is_some_and(|taken| *taken != FREE_SLOT) {
        slot = slot.wrapping_add(1) & last;
    }
    if let Some(free) = slots.get_mut(slot) {
        *free = position;
    }
}

/// Hashes eight bytes at a time: keys are short and looked up in every decision. The hash is not keyed. The author of a
/// policy can make keys collide, and then loading that policy is slow.
#[inline(always)]
fn hash_name(name: &str) -> u32 {
    // An odd number without a pattern: 2^64 divided by the golden ratio.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(FACTOR);
        product ^ product >> 32
    };
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let hash = words.iter().fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    // The leading one encodes the number of bytes that follow.
    let hash = mix(hash, rest.iter().fold(1, |word, byte| word << 8 | u64::from(*byte)));
    u32::try_from(hash & u64::from(u32::MAX)).unwrap_or_default()
}

/// Returns the slot of a hash, before it is cut to the number of slots.
#[inline(always)]
fn to_slot(hash: u32) -> usize {
    usize::try_from(hash).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_first_number() {
        let mut table = StringMap::default();
        assert_eq!((table.get("a"), table.is_empty()), (None, true));
        let names: Vec<String> = (0..10_000).map(|number| format!("host-{number}.example.com")).collect();
        for (name, number) in names.iter().zip(0..) {
            assert_eq!(table.get_or_insert(name, number), number);
            assert_eq!(table.get_or_insert(name, 7), number);
        }
        for (name, number) in names.iter().zip(0..) {
            assert_eq!(table.get_key_value(name), Some((name.as_str(), number)));
        }
        assert_eq!((table.get("host-10000.example.com"), table.get("")), (None, None));
    }

    #[test]
    fn names_with_equal_hashes_are_told_apart() {
        let mut by_hash = std::collections::HashMap::new();
        let mut names = (0..1_000_000).map(|number| format!("host-{number}.corp.internal"));
        let (first, second) =
            names.find_map(|name| Some((by_hash.insert(hash_name(&name), name.clone())?, name))).unwrap();
        let mut map = StringMap::default();
        map.get_or_insert(&first, 1);
        assert_eq!(map.get(&second), None);
        assert_eq!(map.get_or_insert(&second, 2), 2);
        assert_eq!((map.get(&first), map.get(&second)), (Some(1), Some(2)));
    }

    #[test]
    fn hashes_are_spread() {
        // 2^16 keys over 2^16 slots leave 2^16/e of them free if they are spread by chance.
        let taken: std::collections::HashSet<u32> =
            (0..0x1_0000).map(|number| hash_name(&format!("host-{number}.corp.internal")) & 0xffff).collect();
        assert!(taken.len() > 40_000, "{}", taken.len());
    }
}
