//! Findings: what is said about an input, and where.

pub(crate) mod code;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::code::Code;
pub use crate::finding::code::Severity;
use crate::util::sort;

/// A list of the policy document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum List {
    /// Registries that may be used.
    Whitelist,
    /// Registries whose certificate is not checked, and that may be asked over plain HTTP.
    Insecure,
    /// The product's own registries (rule T5).
    BuiltIn,
}

impl List {
    /// The list as answers name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            List::Whitelist => "whitelist",
            List::Insecure => "insecure",
            List::BuiltIn => "built-in",
        }
    }
}

/// A stretch of the checked text, end excluded, in bytes of UTF-8 and in UTF-16 code units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// First UTF-16 code unit.
    pub start_utf16: u32,
    /// One past the last UTF-16 code unit.
    pub end_utf16: u32,
}

/// One thing said about an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What kind of finding.
    pub code: Code,
    /// How much it weighs: `code.severity()`, spelled out for those who read the JSON.
    pub severity: Severity,
    /// Where in a policy document, as a JSON Pointer (RFC 6901); absent for a lone entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where in the checked text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// What is wrong: lower case, no final full stop, what was written in backticks, never a password.
    pub message: String,
    /// What to write in place of the range. Several entries in place of one are separated by `, `.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// Whether the input is refused.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A finding in the making: offsets in bytes of whatever text the caller counts in.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// The JSON Pointer of what it is about, in a document.
    pub path: Option<String>,
    pub code: Code,
    pub start: usize,
    pub end: usize,
    pub message: String,
    pub fix: Option<String>,
}

impl Note {
    pub fn new(code: Code, place: std::ops::Range<usize>, message: impl Into<String>) -> Self {
        Note { path: None, code, start: place.start, end: place.end, message: message.into(), fix: None }
    }

    /// A note about `part`, a slice of `whole`. One function for most notes, which keeps the module small.
    #[inline(never)]
    pub fn about(code: Code, whole: &str, part: &str, message: fmt::Arguments<'_>) -> Self {
        Note::new(code, place(whole, part), message.to_string())
    }

    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// A fix that is the text of something.
    #[inline(never)]
    pub fn fix_of(self, fix: &dyn fmt::Display) -> Self {
        self.fix(fix.to_string())
    }

    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// Turns notes with offsets into `text` to findings in the order of the text. The UTF-16 offsets are counted in one pass.
pub(crate) fn findings(text: &[u8], notes: Vec<Note>) -> Vec<Finding> {
    Utf16Counter::new(text).findings(notes)
}

/// Counts UTF-16 code units up to byte offsets that do not go backwards.
pub(crate) struct Utf16Counter<'t> {
    text: &'t [u8],
    bytes: usize,
    units: u32,
}

impl<'t> Utf16Counter<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Utf16Counter { text, bytes: 0, units: 0 }
    }

    /// Findings in the order of the text, none of them before those of the last time.
    pub fn findings(&mut self, notes: Vec<Note>) -> Vec<Finding> {
        let text = self.text;
        sort::sorted(notes, |a, b| (a.start, a.end).cmp(&(b.start, b.end)))
            .into_iter()
            .map(|note| {
                let start_utf16 = self.at(note.start);
                let end_utf16 =
                    start_utf16.saturating_add(utf16_length(text.get(note.start..note.end).unwrap_or_default()));
                Finding {
                    code: note.code,
                    severity: note.code.severity(),
                    path: note.path,
                    range: Some(Range { start: offset(note.start), end: offset(note.end), start_utf16, end_utf16 }),
                    message: note.message,
                    fix: note.fix,
                }
            })
            .collect()
    }

    fn at(&mut self, offset: usize) -> u32 {
        if let Some(between) = self.text.get(self.bytes..offset) {
            self.units = self.units.saturating_add(utf16_length(between));
            self.bytes = offset;
        }
        self.units
    }
}

/// As JavaScript's `TextDecoder` reads it: what is no UTF-8 is U+FFFD.
fn utf16_length(text: &[u8]) -> u32 {
    if text.is_ascii() {
        return offset(text.len());
    }
    let units = text
        .utf8_chunks()
        .map(|chunk| chunk.valid().encode_utf16().count().saturating_add(usize::from(!chunk.invalid().is_empty())));
    offset(units.fold(0, usize::saturating_add))
}

/// A byte offset as it is reported. Texts of 4 GiB and over are refused long before.
fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Where `part`, a slice of `whole`, stands in it, in bytes.
#[inline(never)]
pub(crate) fn place(whole: &str, part: &str) -> std::ops::Range<usize> {
    let start = offset_of(whole.as_bytes(), part.as_bytes());
    start..start.saturating_add(part.len())
}

/// Where `part`, a slice of `whole`, begins in it.
pub(crate) fn offset_of(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(whole.as_ptr().addr())
}
