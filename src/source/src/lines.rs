//! Line, column and UTF-16 positions in a text.

use pullgate::TextRange;

// Not the crate `line-index`: it has UTF-16 columns within a line, and findings have UTF-16 offsets in the whole text.

/// The line starts of a text, computed once.
pub struct LineIndex<'t> {
    text: &'t str,
    /// The first byte of each line, and the number of UTF-16 code units before it.
    starts: Vec<(usize, usize)>,
}

/// A position as editors show it: both count from 1, columns in characters.
#[derive(Debug, PartialEq, Eq)]
pub struct LineColumn {
    pub line: usize,
    pub column: usize,
}

impl<'t> LineIndex<'t> {
    pub fn new(text: &'t str) -> Self {
        let mut starts = vec![(0, 0)];
        let (mut bytes, mut units) = (0, 0);
        for line in text.split_inclusive('\n') {
            bytes += line.len();
            units += utf16_length(line);
            if line.ends_with('\n') {
                starts.push((bytes, units));
            }
        }
        Self { text, starts }
    }

    /// Returns the line and column of a byte.
    pub fn position(&self, at: usize) -> LineColumn {
        let line = self.line_of(at);
        let start = self.starts[line].0;
        let before = self.text.get(start..at).unwrap_or_default();
        // A byte-order mark takes no column.
        LineColumn { line: line + 1, column: before.chars().filter(|c| *c != '\u{feff}').count() + 1 }
    }

    /// Returns the byte range of the line that contains a byte, without the line end and a byte-order mark.
    pub fn line_at(&self, at: usize) -> std::ops::Range<usize> {
        let line = self.line_of(at);
        let start = self.starts[line].0;
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next.0);
        let text = self.text[start..end].trim_end_matches(['\n', '\r']);
        let mark = text.len() - text.trim_start_matches('\u{feff}').len();
        start + mark..start + text.len()
    }

    /// Converts a byte range to the range of a finding.
    pub fn range(&self, bytes: std::ops::Range<usize>) -> TextRange {
        let offset = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        TextRange {
            start: offset(bytes.start),
            end: offset(bytes.end),
            start_utf16: offset(self.utf16(bytes.start)),
            end_utf16: offset(self.utf16(bytes.end)),
        }
    }

    fn utf16(&self, at: usize) -> usize {
        let (start, units) = self.starts[self.line_of(at)];
        units + utf16_length(self.text.get(start..at).unwrap_or_default())
    }

    fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|(start, _)| *start <= at) - 1
    }
}

fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_ranges_count_both_ways() {
        let text = "ab\r\né😀x\n\nlast";
        let lines = LineIndex::new(text);
        assert_eq!(lines.position(0), LineColumn { line: 1, column: 1 });
        let x = text.find('x').unwrap();
        assert_eq!(lines.position(x), LineColumn { line: 2, column: 3 });
        assert_eq!(&text[lines.line_at(1)], "ab");
        assert_eq!(&text[lines.line_at(x)], "é😀x");
        assert_eq!(&text[lines.line_at(text.len())], "last");
        let range = lines.range(x..x + 1);
        assert_eq!((range.start, range.end, range.start_utf16, range.end_utf16), (10, 11, 7, 8));
    }

    #[test]
    fn an_empty_text_has_one_line() {
        assert_eq!(LineIndex::new("").position(0), LineColumn { line: 1, column: 1 });
        assert_eq!(LineIndex::new("\u{feff}x").position(3), LineColumn { line: 1, column: 1 });
    }
}
