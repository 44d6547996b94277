//! The public suffix list (publicsuffix.org) as crate `public-suffix` carries it: a trie of labels.

use public_suffix::{DEFAULT_PROVIDER, ListProvider, Table};

/// A node of the trie: the domain of a rule, or a domain above one.
pub struct SuffixNode {
    /// The domain, in A-labels.
    pub domain: String,
    /// True for a rule of the list's ICANN section, and for a domain that is no rule itself.
    pub is_icann: bool,
    /// True if a rule says that the domain is no suffix although a wildcard covers it.
    pub is_exception: bool,
    /// True if no rule names the domain, but one names a domain below it.
    pub is_parent: bool,
    /// True if every name directly below the domain is a suffix.
    pub has_wildcard: bool,
}

/// Returns every node of the list, each after the one above it.
pub fn suffix_nodes() -> Vec<SuffixNode> {
    nodes_of(&DEFAULT_PROVIDER)
}

/// Returns the nodes of a table. The table is reachable as a type parameter only.
fn nodes_of<T: Table>(_: &ListProvider<T>) -> Vec<SuffixNode> {
    let mut nodes = Vec::new();
    collect_nodes::<T>(0, T::NUM_TLD, "", &mut nodes);
    nodes
}

fn collect_nodes<T: Table>(first: u32, end: u32, parent: &str, nodes: &mut Vec<SuffixNode>) {
    for index in first..end {
        let mut node = T::NODES[index as usize];
        let length = take_bits(&mut node, T::NODES_BITS_TEXT_LENGTH) as usize;
        let offset = take_bits(&mut node, T::NODES_BITS_TEXT_OFFSET) as usize;
        let is_icann = take_bits(&mut node, T::NODES_BITS_ICANN) == 1;
        let mut children = T::CHILDREN[take_bits(&mut node, T::NODES_BITS_CHILDREN) as usize];
        let first = take_bits(&mut children, T::CHILDREN_BITS_LO);
        let end = take_bits(&mut children, T::CHILDREN_BITS_HI);
        let kind = take_bits(&mut children, T::CHILDREN_BITS_NODE_TYPE);
        let label = &T::TEXT[offset..offset + length];
        let domain = if parent.is_empty() { label.to_owned() } else { format!("{label}.{parent}") };
        nodes.push(SuffixNode {
            domain: domain.clone(),
            is_icann,
            is_exception: kind == T::NODE_TYPE_EXCEPTION,
            is_parent: kind != T::NODE_TYPE_NORMAL && kind != T::NODE_TYPE_EXCEPTION,
            has_wildcard: take_bits(&mut children, T::CHILDREN_BITS_WILDCARD) == 1,
        });
        collect_nodes::<T>(first, end, &domain, nodes);
    }
}

/// Removes the lowest bits of a word, and returns them.
fn take_bits(word: &mut u32, count: u32) -> u32 {
    let bits = *word & ((1 << count) - 1);
    *word >>= count;
    bits
}
