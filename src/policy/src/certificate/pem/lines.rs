//! Lines of PEM text (RFC 7468, section 2) and the encapsulation boundaries on them.

use std::ops::Range;

/// The hyphens on either side of a boundary.
pub(super) const HYPHENS: &[u8] = b"-----";
pub(super) const BEGIN_PREFIX: &[u8] = b"-----BEGIN ";

/// A part of every label of a private key.
pub(super) const PRIVATE_KEY_LABEL: &str = "PRIVATE KEY";

/// One of these is in every label. A line with dashes and none of them is a heading in explanatory text.
const LABEL_WORDS: [&[u8]; 7] = [b"CERT", b"KEY", b"CRL", b"PKCS", b"CMS", b"X509", b"PRIVATE"];

/// The maximum length of a label in bytes, far above that of any.
const MAX_LABEL_BYTES: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// No-break spaces: U+00A0, U+2007 and U+202F.
const NO_BREAK_SPACES: [&[u8]; 3] = [b"\xc2\xa0", b"\xe2\x80\x87", b"\xe2\x80\xaf"];

/// A line of the text.
pub(super) struct TextLine<'t> {
    /// The number of the line, from 1.
    pub number: usize,
    pub span: Range<usize>,
    /// The content without surrounding blanks, and without the byte-order mark of a concatenated file.
    pub content: &'t [u8],
    /// The form of the line around its content.
    pub shape: LineShape,
}

/// The parts of a line that programs in Go do not accept around a boundary.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineShape {
    pub has_byte_order_mark: bool,
    pub is_indented: bool,
    /// True if the blanks around the content are not all of ASCII.
    pub has_no_break_space: bool,
    /// True if the line begins or ends with a CR alone.
    pub has_lone_cr: bool,
}

/// An iterator over lines that end in LF, CR LF or CR.
pub(super) struct TextLines<'t> {
    text: &'t [u8],
    start: usize,
    number: usize,
    /// True if the previous line ended in a CR alone.
    after_lone_cr: bool,
}

impl<'t> TextLines<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        TextLines { text, start: 0, number: 0, after_lone_cr: false }
    }
}

impl<'t> Iterator for TextLines<'t> {
    type Item = TextLine<'t>;

    fn next(&mut self) -> Option<TextLine<'t>> {
        let rest = self.text.get(self.start..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let (line, ending) = rest.split_at_checked(length)?;
        let end = self.start.saturating_add(length);
        let span = self.start..end;
        let (ending, is_lone_cr) = match ending {
            [b'\r', b'\n', ..] => (2, false),
            [] => (0, false),
            [first, ..] => (1, *first == b'\r'),
        };
        self.start = end.saturating_add(ending);
        self.number = self.number.saturating_add(1);
        let marked = line.strip_prefix(BYTE_ORDER_MARK);
        let unmarked = marked.unwrap_or(line);
        let (content, has_no_break_space) = trim_blanks(unmarked);
        let shape = LineShape {
            has_byte_order_mark: marked.is_some(),
            is_indented: !unmarked.starts_with(content),
            has_no_break_space,
            has_lone_cr: std::mem::replace(&mut self.after_lone_cr, is_lone_cr) || is_lone_cr,
        };
        Some(TextLine { number: self.number, span, content, shape })
    }
}

/// Removes surrounding blanks. The second result is true if no-break spaces were among them.
fn trim_blanks(line: &[u8]) -> (&[u8], bool) {
    let (mut content, mut has_no_break_space) = (line.trim_ascii(), false);
    while let Some(rest) = strip_no_break_space(content).or_else(|| strip_last_no_break_space(content)) {
        (content, has_no_break_space) = (rest.trim_ascii(), true);
    }
    (content, has_no_break_space)
}

/// Strips a no-break space from the beginning.
pub(super) fn strip_no_break_space(text: &[u8]) -> Option<&[u8]> {
    NO_BREAK_SPACES.iter().find_map(|space| text.strip_prefix(*space))
}

fn strip_last_no_break_space(text: &[u8]) -> Option<&[u8]> {
    NO_BREAK_SPACES.iter().find_map(|space| text.strip_suffix(*space))
}

/// The encapsulation boundary on a line (RFC 7468), if any.
#[derive(Debug, PartialEq)]
pub(super) enum BoundaryLine<'t> {
    Begin(&'t str),
    End(&'t str),
    /// An END and a BEGIN boundary with no line end between them, as of joined files.
    EndAndBegin(&'t str, &'t str),
    /// A damaged boundary.
    Damaged,
    None,
}

impl<'t> BoundaryLine<'t> {
    pub fn classify(line: &'t [u8]) -> Self {
        // En and em dashes, which word processors put in place of hyphens.
        let dashes = |line: &[u8]| {
            line.starts_with(b"--") || line.starts_with(b"\xe2\x80\x93") || line.starts_with(b"\xe2\x80\x94")
        };
        let text = std::str::from_utf8(line).unwrap_or_default();
        let inner = text.strip_prefix("-----").and_then(|rest| rest.strip_suffix("-----"));
        let labelled = |word| inner.and_then(|inner| inner.strip_prefix(word)).filter(|label| !label.contains("--"));
        if let Some(label) = labelled("BEGIN ") {
            BoundaryLine::Begin(label)
        } else if let Some(label) = labelled("END ") {
            BoundaryLine::End(label)
        } else if let Some((end, begin)) = inner.and_then(split_joined) {
            BoundaryLine::EndAndBegin(end, begin)
        } else if (dashes(line) || line.ends_with(b"--"))
            && has_word_prefix(line, &[b"BEGIN", b"END"])
            && LABEL_WORDS.iter().any(|label| contains_bytes(line, label))
        {
            BoundaryLine::Damaged
        } else {
            BoundaryLine::None
        }
    }
}

/// Splits a line of an END and a BEGIN boundary, without its outer hyphens, into the two labels.
fn split_joined(inner: &str) -> Option<(&str, &str)> {
    let (end, rest) = inner.strip_prefix("END ")?.split_once("-----")?;
    let begin = rest.trim_start_matches(['\u{feff}', ' ', '\t']).strip_prefix("-----BEGIN ")?;
    (!begin.contains("--")).then_some((end, begin))
}

/// Returns the length of the boundary that a text begins with, hyphens included; `None` if it begins with none.
pub(super) fn boundary_len(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(HYPHENS)?;
    if !inner.starts_with(b"BEGIN ") && !inner.starts_with(b"END ") {
        return None;
    }
    let label = inner.iter().take(MAX_LABEL_BYTES).position(|byte| *byte == b'-')?;
    let closing = inner.get(label..)?.starts_with(HYPHENS);
    closing.then_some(label.saturating_add(HYPHENS.len().saturating_mul(2)))
}

/// Returns whether a line has both a BEGIN and an END boundary.
pub(super) fn has_whole_block(line: &[u8]) -> bool {
    find_bytes(line, BEGIN_PREFIX).is_some_and(|at| contains_bytes(line.get(at..).unwrap_or_default(), b"-----END "))
}

pub(super) fn contains_bytes(line: &[u8], part: &[u8]) -> bool {
    find_bytes(line, part).is_some()
}

pub(super) fn find_bytes(line: &[u8], part: &[u8]) -> Option<usize> {
    line.windows(part.len()).position(|window| window == part)
}

/// Returns whether a word of the line begins with one of these.
fn has_word_prefix(line: &[u8], words: &[&[u8]]) -> bool {
    let starts = |start: &usize| {
        let before = start.checked_sub(1).and_then(|before| line.get(before));
        before.is_none_or(|before| !before.is_ascii_alphabetic())
    };
    (0..line.len()).filter(starts).any(|start| {
        let word = line.get(start..).unwrap_or_default();
        words.iter().any(|begin| word.starts_with(begin))
    })
}
