//! Repository names: path components of the distribution reference grammar, shared with namespaces (rule E12).

/// The maximum size of a repository name in bytes, without its registry.
pub(crate) const MAX_REPOSITORY_BYTES: usize = 255;

/// Returns whether `text` is one or more path components separated by `/`. A component is runs of `[a-z0-9]+` joined by
/// `.`, `_`, `__` or any number of `-`.
pub(crate) fn is_path(text: &str) -> bool {
    // The separator at the end of the text so far; `=`, which no path has, stands for `__`. A component begins after
    // `/`.
    let mut separator = Some(b'/');
    for byte in text.bytes() {
        separator = match (separator, byte) {
            (_, b'a'..=b'z' | b'0'..=b'9') => None,
            (None, b'/' | b'.' | b'_' | b'-') => Some(byte),
            (Some(b'-'), b'-') => separator,
            (Some(b'_'), b'_') => Some(b'='),
            _ => return false,
        };
    }
    separator.is_none()
}

/// Returns whether `repository` is at or below `namespace`, by whole components (rule E12).
#[inline(always)]
pub(crate) fn is_within(repository: &str, namespace: &str) -> bool {
    repository.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the namespaces that contain a repository, longest first: itself, then those above it.
pub(crate) fn namespaces(repository: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(repository), |path| path.rsplit_once('/').map(|(parent, _)| parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_follow_the_grammar() {
        for good in ["a", "a1", "a.b", "a_b", "a__b", "a-b", "a---b", "0"] {
            assert!(is_path(good) && is_path(&format!("{good}/{good}")), "{good}");
        }
        for bad in ["", "-a", "a-", "a..b", "a___b", "a._b", "a-_b", "A", "a b", "a.", "_a", "ä", "a.-b"] {
            assert!(!is_path(bad) && !is_path(&format!("a/{bad}")) && !is_path(&format!("{bad}/a")), "{bad}");
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
