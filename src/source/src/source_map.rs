//! A source map: the origin of each part of a generated JSON text.

use std::ops::Range;

/// The mappings from a generated JSON text to its source. Mappings nest.
#[derive(Debug, Default)]
pub struct SourceMap {
    /// Ordered by start; an outer mapping precedes its inner ones.
    mappings: Vec<Mapping>,
    /// The open mappings, innermost last.
    open_mappings: Vec<usize>,
}

#[derive(Debug)]
struct Mapping {
    json: Range<usize>,
    span: Range<usize>,
    /// For a string: the start of its text in the source, if it is there without escapes.
    text: Option<usize>,
    parent: Option<usize>,
}

impl SourceMap {
    /// Opens a mapping at byte `start` of the JSON text, which comes from `place`. Mappings opened before it is closed
    /// are nested in it.
    pub fn open(&mut self, start: usize, place: Range<usize>) -> usize {
        self.open_string(start, place, None)
    }

    /// Opens a mapping for a string. `text` is the start of its text in the source, if it is there without escapes.
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

    /// Closes a mapping; `end` is the first byte after it.
    pub fn close(&mut self, piece: usize, end: usize) {
        self.mappings[piece].json.end = end;
        self.open_mappings.pop();
    }

    /// Returns the source location of a range of the JSON text: exact within a string that has no escapes in the
    /// source, otherwise that of the smallest mapping that contains the range.
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

    /// Returns the range of the opening quotes of the string around byte `at` of the source, if its text is there
    /// without escapes.
    pub fn string_opening(&self, at: usize) -> Option<Range<usize>> {
        let strings = self.mappings.iter().filter(|piece| piece.span.contains(&at));
        strings.filter_map(|piece| Some(piece.span.start..piece.text?)).next_back()
    }
}

/// A location in the source.
pub struct SourceLocation {
    pub span: Range<usize>,
    /// True if the range is the whole location; only then can a fix replace it.
    pub is_exact: bool,
}

/// Returns the number of decoded bytes before byte `at` of a JSON string; `at` counts the quotes.
///
/// The string is one that serde_json wrote: `\u` stands for a single control character.
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
