//! Findings: diagnostics about an input, with their location.

pub(crate) mod code;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::code::Code;
pub use crate::finding::code::Severity;
use crate::util::sort;

/// A list of the policy document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryList {
    /// Registries that may be used.
    Whitelist,
    /// Registries whose certificate is not verified, and that may be reached over plain HTTP.
    Insecure,
    /// The product's own registries (rule T5).
    BuiltIn,
    /// Registries that may not be used (rule W6).
    Blocked,
}

impl EntryList {
    /// Every list, in the order in which decisions consult them.
    pub(crate) const ALL: [EntryList; 4] =
        [EntryList::Blocked, EntryList::Whitelist, EntryList::Insecure, EntryList::BuiltIn];

    /// Returns the name in canonical JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            EntryList::Whitelist => "whitelist",
            EntryList::Insecure => "insecure",
            EntryList::BuiltIn => "built-in",
            EntryList::Blocked => "blocked",
        }
    }
}

/// A range of the checked text, end excluded, in bytes of UTF-8 and in UTF-16 code units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TextRange {
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// The first UTF-16 code unit.
    pub start_utf16: u32,
    /// One past the last UTF-16 code unit.
    pub end_utf16: u32,
}

/// A diagnostic about an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The stable code.
    pub code: Code,
    /// The severity, `code.severity()`, repeated for readers of the JSON.
    pub severity: Severity,
    /// The JSON Pointer (RFC 6901) of the location in a policy document; absent for a lone entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The location in the checked text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<TextRange>,
    /// The message: lower case, no final full stop, input in backticks, never a password.
    pub message: String,
    /// The replacement for the range. Several entries in place of one are separated by `, `.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// Returns whether the input is rejected.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A finding before its location is resolved, with byte offsets into the text that the caller reads.
#[derive(Clone, Debug)]
pub(crate) struct RawFinding {
    /// The JSON Pointer of the value that the finding is about, in a document.
    pub path: Option<String>,
    pub code: Code,
    pub start: usize,
    pub end: usize,
    pub message: String,
    pub fix: Option<String>,
}

impl RawFinding {
    pub fn new(code: Code, span: std::ops::Range<usize>, message: impl Into<String>) -> Self {
        RawFinding { path: None, code, start: span.start, end: span.end, message: message.into(), fix: None }
    }

    /// Creates a finding about `part`, a slice of `whole`. One function for most findings keeps the module small.
    #[inline(never)]
    pub fn at_slice(code: Code, whole: &str, part: &str, message: fmt::Arguments<'_>) -> Self {
        RawFinding::new(code, span_of(whole, part), message.to_string())
    }

    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Sets the fix to the text of a value.
    #[inline(never)]
    pub fn with_fix_display(self, fix: &dyn fmt::Display) -> Self {
        self.with_fix(fix.to_string())
    }

    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// Resolves byte offsets into `text` and sorts the findings by them. UTF-16 offsets are counted in one pass.
pub(crate) fn locate_findings(text: &[u8], findings: Vec<RawFinding>) -> Vec<Finding> {
    Utf16Counter::new(text).locate_findings(findings)
}

/// A counter of UTF-16 code units up to byte offsets that never decrease.
pub(crate) struct Utf16Counter<'t> {
    text: &'t [u8],
    bytes: usize,
    units: u32,
}

impl<'t> Utf16Counter<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Utf16Counter { text, bytes: 0, units: 0 }
    }

    /// Resolves findings, none of which is before those of the previous call.
    pub fn locate_findings(&mut self, findings: Vec<RawFinding>) -> Vec<Finding> {
        let text = self.text;
        sort::sorted(findings, |a, b| (a.start, a.end).cmp(&(b.start, b.end)))
            .into_iter()
            .map(|finding| {
                let start_utf16 = self.units_at(finding.start);
                let end_utf16 =
                    start_utf16.saturating_add(utf16_len(text.get(finding.start..finding.end).unwrap_or_default()));
                Finding {
                    code: finding.code,
                    severity: finding.code.severity(),
                    path: finding.path,
                    range: Some(TextRange {
                        start: offset_u32(finding.start),
                        end: offset_u32(finding.end),
                        start_utf16,
                        end_utf16,
                    }),
                    message: finding.message,
                    fix: finding.fix,
                }
            })
            .collect()
    }

    fn units_at(&mut self, offset: usize) -> u32 {
        if let Some(between) = self.text.get(self.bytes..offset) {
            self.units = self.units.saturating_add(utf16_len(between));
            self.bytes = offset;
        }
        self.units
    }
}

/// Returns the length in UTF-16 of a text as JavaScript's `TextDecoder` decodes it: malformed UTF-8 becomes U+FFFD.
fn utf16_len(text: &[u8]) -> u32 {
    if text.is_ascii() {
        return offset_u32(text.len());
    }
    let units = text
        .utf8_chunks()
        .map(|chunk| chunk.valid().encode_utf16().count().saturating_add(usize::from(!chunk.invalid().is_empty())));
    offset_u32(units.fold(0, usize::saturating_add))
}

/// Converts a byte offset. Texts of 4 GiB and over are rejected earlier.
fn offset_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Returns the span of `part`, a slice of `whole`, in bytes.
#[inline(never)]
pub(crate) fn span_of(whole: &str, part: &str) -> std::ops::Range<usize> {
    let start = offset_of(whole.as_bytes(), part.as_bytes());
    start..start.saturating_add(part.len())
}

/// Returns the offset of `part`, a slice of `whole`, in bytes.
pub(crate) fn offset_of(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(whole.as_ptr().addr())
}
