//! The parts of an entry (rule E1), before they are parsed.

use crate::decision::Scheme;
use crate::finding::span_of;

/// The parts of an entry as written.
pub(super) struct EntryParts<'t> {
    pub scheme: Option<Scheme>,
    /// The host: an IPv6 address without its brackets.
    pub host: &'t str,
    pub bracketed: bool,
    pub port: Option<&'t str>,
    /// The text after the first `/`.
    pub path: Option<&'t str>,
    /// The entry without surrounding blanks and user information: the part that messages may quote.
    pub whole: &'t str,
}

impl<'t> EntryParts<'t> {
    /// Returns the path, unless it is empty.
    pub fn path(&self) -> Option<&'t str> {
        self.path.filter(|path| !path.is_empty())
    }

    /// Returns the entry without its path.
    pub fn without_path(&self) -> &'t str {
        self.path.map_or(self.whole, |path| self.before(path))
    }

    /// Returns the text before `:` and the port, and the text after the port.
    pub fn around_port(&self) -> (&'t str, &'t str) {
        let Some(port) = self.port else { return (self.without_path(), "") };
        let end = span_of(self.whole, port).end;
        (self.before(port), self.whole.get(end..).unwrap_or_default())
    }

    /// Returns the text before a part and the character that separates it.
    #[inline(never)]
    fn before(&self, part: &str) -> &'t str {
        self.whole.get(..span_of(self.whole, part).start.saturating_sub(1)).unwrap_or(self.whole)
    }
}
