//! Sorting through one function that is not generic: each monomorphized sort costs the module kilobytes.

use std::cmp::Ordering;

/// Sorts indices by a comparison of the elements that they stand for.
#[inline(never)]
pub(crate) fn sort_indices(indices: &mut [u32], compare: &dyn Fn(usize, usize) -> Ordering) {
    let position = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
    indices.sort_unstable_by(|a, b| compare(position(*a), position(*b)));
}

/// Returns the elements in order, by a stable sort.
pub(crate) fn sorted<T>(elements: Vec<T>, compare: fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut indices: Vec<u32> = (0..).zip(&elements).map(|(index, _)| index).collect();
    sort_indices(&mut indices, &|a, b| match (elements.get(a), elements.get(b)) {
        (Some(first), Some(second)) => compare(first, second).then(a.cmp(&b)),
        _ => Ordering::Equal,
    });
    let mut elements: Vec<Option<T>> = elements.into_iter().map(Some).collect();
    let position = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
    indices.into_iter().filter_map(|index| elements.get_mut(position(index))?.take()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_elements_keep_their_order() {
        let words = vec!["pear", "fig", "plum", "kiwi", "nut"];
        assert_eq!(sorted(words, |a, b| a.len().cmp(&b.len())), ["fig", "nut", "pear", "plum", "kiwi"]);
    }
}
