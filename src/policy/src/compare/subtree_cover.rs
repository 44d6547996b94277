//! Minimal cover of labelled nodes by subtrees: nested networks, names below domains, repositories in namespaces.
//!
//! A node stands for its own elements without those of its children. Parents come before their children.

/// The labels of a node.
pub(super) enum Labels {
    /// The node has no elements of its own, so that it may take the labels of its parent.
    Inherited,
    /// The labels of the node's own elements, by number.
    Own(Vec<u32>),
}

/// A subtree with one label, without the excepted subtrees.
pub(super) struct LabelledSubtree {
    pub label: u32,
    pub root: u32,
    pub except: Vec<u32>,
}

/// Returns the fewest subtrees that cover all labels, in the order of their roots.
pub(super) fn minimal_cover(nodes: impl Iterator<Item = (Option<u32>, Labels)>) -> Vec<LabelledSubtree> {
    let mut parts: Vec<LabelledSubtree> = Vec::new();
    // For each node, its labels and the subtrees that cover them.
    let mut covered: Vec<Vec<(u32, usize)>> = Vec::new();
    for ((parent, labels), node) in nodes.zip(0..) {
        let above = parent.and_then(|parent| covered.get(usize::try_from(parent).ok()?)).map_or(&[][..], Vec::as_slice);
        let mut own = Vec::new();
        match labels {
            Labels::Inherited => own.extend(above),
            Labels::Own(labels) => {
                for label in labels {
                    let part = above.iter().find(|(other, _)| *other == label).map_or(parts.len(), |(_, part)| *part);
                    if part == parts.len() {
                        parts.push(LabelledSubtree { label, root: node, except: Vec::new() });
                    }
                    own.push((label, part));
                }
                for (_, part) in above.iter().filter(|(label, _)| !own.iter().any(|(other, _)| other == label)) {
                    if let Some(part) = parts.get_mut(*part) {
                        part.except.push(node);
                    }
                }
            }
        }
        covered.push(own);
    }
    parts
}
