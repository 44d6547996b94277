//! Repository names: the path components of the distribution reference grammar, which namespaces share (rule E12).

/// The most bytes that a repository name may have, its registry not counted.
pub(crate) const MAX_LENGTH: usize = 255;

/// Whether `text` is one or more path components separated by `/`.
pub(crate) fn is_path(text: &str) -> bool {
    text.split('/').all(is_component)
}

/// Whether `text` is a path component: `[a-z0-9]+` runs joined by `.`, `_`, `__` or any number of `-`.
pub(crate) fn is_component(text: &str) -> bool {
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(|byte| is_alphanumeric(*byte)) || !bytes.last().is_some_and(|byte| is_alphanumeric(*byte)) {
        return false;
    }
    let mut separator: &[u8] = &[];
    let mut run = bytes;
    while let Some((byte, rest)) = run.split_first() {
        if is_alphanumeric(*byte) {
            separator = &[];
        } else {
            // A separator is `.`, `_`, `__` or hyphens only: what came before it in the same run decides.
            separator = match (separator, byte) {
                ([], b'.') => b".",
                ([], b'_') => b"_",
                (b"_", b'_') => b"__",
                ([] | b"-", b'-') => b"-",
                _ => return false,
            };
        }
        run = rest;
    }
    true
}

/// Whether `repository` is `namespace` or below it, by whole components (rule E12).
pub(crate) fn is_within(repository: &str, namespace: &str) -> bool {
    repository.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The namespaces that contain a repository, longest first: itself, then what is above it.
pub(crate) fn namespaces(repository: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(repository), |path| path.rsplit_once('/').map(|(parent, _)| parent))
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_follow_the_grammar() {
        for good in ["a", "a1", "a.b", "a_b", "a__b", "a-b", "a---b", "0"] {
            assert!(is_component(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a..b", "a___b", "a._b", "a-_b", "A", "a b", "a.", "_a", "ä", "a.-b"] {
            assert!(!is_component(bad), "{bad}");
        }
    }

    #[test]
    fn e12_whole_components() {
        assert!(is_within("team", "team"));
        assert!(is_within("team/app", "team"));
        assert!(!is_within("team2", "team"));
        assert!(!is_within("te", "team"));
        assert_eq!(namespaces("a/b/c").collect::<Vec<_>>(), ["a/b/c", "a/b", "a"]);
    }
}
