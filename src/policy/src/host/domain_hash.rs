//! The hash under which a domain stands in the tables of `public_suffix`. build.rs hashes by this file too.

use std::hash::Hasher;

use fnv::FnvHasher;

/// Returns the hash of a domain in A-labels: FNV-1a, folded to `bits`. The regions of a cloud provider hash alike, so
/// that a region opened later is known as well.
pub(crate) fn domain_hash(domain: &str, bits: u32) -> u32 {
    let mut hasher = FnvHasher::default();
    for label in domain.as_bytes().split(|byte| *byte == b'.') {
        hasher.write(if is_region(label) { b"<region>" } else { label });
        hasher.write(b".");
    }
    let hash = hasher.finish();
    let mask = u64::MAX >> u64::BITS.saturating_sub(bits);
    u32::try_from((hash ^ hash >> 32) & mask).unwrap_or_default()
}

/// Returns whether a label has the form of a region, as in `eu-west-1` and `us-gov-east-1`.
fn is_region(label: &[u8]) -> bool {
    let mut words = label.split(|byte| *byte == b'-');
    let is_word = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_lowercase);
    let is_area = words.next().is_some_and(|word| is_word(word) && word.len() <= 4);
    let is_number = words.next_back().is_some_and(|word| word.iter().all(u8::is_ascii_digit));
    let has_side = words.clone().next().is_some();
    is_area && is_number && has_side && words.all(is_word)
}
