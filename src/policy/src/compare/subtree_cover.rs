//! Which parts of a tree something is true of: networks in networks, names below domains, repositories in namespaces.
//!
//! A node stands for what is in it and in none of its children. Nodes come behind their parents.

/// What is true of a node.
pub(super) enum Truths {
    /// There is nothing in it but its children: what is true of its parent may be said of it.
    Empty,
    /// These, by number.
    Are(Vec<u32>),
}

/// A node, and all below it but for the nodes that are excepted, and what is below those.
pub(super) struct Part {
    pub truth: u32,
    pub root: u32,
    pub except: Vec<u32>,
}

/// The fewest parts that say what is true where, those of the first nodes first.
pub(super) fn parts(nodes: impl Iterator<Item = (Option<u32>, Truths)>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    // For each node, what is true of it and the part that says so.
    let mut said: Vec<Vec<(u32, usize)>> = Vec::new();
    for ((parent, truths), node) in nodes.zip(0..) {
        let above = parent.and_then(|parent| said.get(usize::try_from(parent).ok()?)).map_or(&[][..], Vec::as_slice);
        let mut own = Vec::new();
        match truths {
            Truths::Empty => own.extend(above),
            Truths::Are(truths) => {
                for truth in truths {
                    let part = above.iter().find(|(other, _)| *other == truth).map_or(parts.len(), |(_, part)| *part);
                    if part == parts.len() {
                        parts.push(Part { truth, root: node, except: Vec::new() });
                    }
                    own.push((truth, part));
                }
                for (_, part) in above.iter().filter(|(truth, _)| !own.iter().any(|(other, _)| other == truth)) {
                    if let Some(part) = parts.get_mut(*part) {
                        part.except.push(node);
                    }
                }
            }
        }
        said.push(own);
    }
    parts
}
