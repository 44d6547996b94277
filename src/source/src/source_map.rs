//! Where the parts of a JSON text that was made come from.

use std::ops::Range;

/// The parts of a JSON text and the places that they come from. Parts may hold parts.
#[derive(Debug, Default)]
pub struct SourceMap {
    /// In the order in which they begin; what holds others comes before them.
    mappings: Vec<Mapping>,
    /// The pieces that are open, the innermost last.
    open_mappings: Vec<usize>,
}

#[derive(Debug)]
struct Mapping {
    json: Range<usize>,
    span: Range<usize>,
    /// For a string: where its text begins in the source, if it stands there character by character.
    text: Option<usize>,
    parent: Option<usize>,
}

impl SourceMap {
    /// Begins a piece at byte `start` of the JSON text, which comes from `place`. Pieces that begin before it is closed
    /// are parts of it.
    pub fn open(&mut self, start: usize, place: Range<usize>) -> usize {
        self.open_string(start, place, None)
    }

    /// As `open`, for a string. `text` is where its text begins, if it stands there character by character.
    pub fn open_string(&mut self, start: usize, place: Range<usize>, text: Option<usize>) -> usize {
        self.mappings.push(Mapping {
            json: start..start,
            span: place,
            text,
            parent: self.open_mappings.last().copied(),
        });
        self.open_mappings.push(self.mappings.len() - 1);
        self.mappings.len() - 1
    }

    /// Ends a piece; `end` is the first byte after it.
    pub fn close(&mut self, piece: usize, end: usize) {
        self.mappings[piece].json.end = end;
        self.open_mappings.pop();
    }

    /// Where a stretch of the JSON text comes from: exactly, if it lies within a string that stands in the source as it
    /// is, or else the whole of the smallest part that holds it.
    pub fn locate(&self, json: &str, stretch: &Range<usize>) -> Option<SourceLocation> {
        let last = self.mappings.partition_point(|piece| piece.json.start <= stretch.start).checked_sub(1)?;
        let mut piece = &self.mappings[last];
        while !(piece.json.start <= stretch.start && stretch.end <= piece.json.end) {
            piece = &self.mappings[piece.parent?];
        }
        let Some(text) = piece.text else {
            return Some(SourceLocation { span: piece.span.clone(), is_exact: *stretch == piece.json });
        };
        let string = json.get(piece.json.clone())?;
        let offset = |at: usize| text + decoded_offset(string, at - piece.json.start);
        Some(SourceLocation { span: offset(stretch.start)..offset(stretch.end), is_exact: true })
    }
}

/// Where a stretch comes from.
pub struct SourceLocation {
    pub span: Range<usize>,
    /// Whether it is all of the place, and not a part of it: only then can the one be replaced by the other.
    pub is_exact: bool,
}

/// How many bytes of text stand before byte `at` of a JSON string, whose quotes are counted in `at`.
///
/// The string was written by serde_json: `\u` stands for one control character only.
pub fn decoded_offset(string: &str, at: usize) -> usize {
    let bytes = string.as_bytes();
    let end = at.min(bytes.len() - 1);
    let (mut written, mut decoded) = (1, 0);
    while written < end {
        written += match (bytes[written], bytes.get(written + 1)) {
            (b'\\', Some(b'u')) => "\\u0000".len(),
            (b'\\', _) => "\\n".len(),
            _ => 1,
        };
        decoded += 1;
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_counted_as_what_they_stand_for() {
        let string = r#""a\"b\u0007c\né""#;
        let text: String = serde_json::from_str(string).unwrap();
        for needle in ["a", "b", "c", "é"] {
            assert_eq!(decoded_offset(string, string.find(needle).unwrap()), text.find(needle).unwrap(), "{needle}");
        }
        assert_eq!(decoded_offset(string, 0), 0);
        assert_eq!(decoded_offset(string, string.len()), text.len());
    }
}
