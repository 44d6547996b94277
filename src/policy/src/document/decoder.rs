//! Decoder of JSON values into the expected types, with a finding for each mismatch (rule P2).

use std::borrow::Cow;
use std::ops::Range;

use crate::document::spanned_json::{JsonKind, JsonMember, SpannedValue};
use crate::entry::redact_secrets;
use crate::finding::RawFinding;
use crate::finding::code::Code;
use crate::util::string_map::StringMap;

/// A decoder that collects findings. `path` is the JSON Pointer (RFC 6901) of the value in hand.
pub(crate) struct Decoder<'t, 'n> {
    pub text: &'t str,
    pub findings: &'n mut Vec<RawFinding>,
}

impl<'t> Decoder<'t, '_> {
    /// Returns the known members of an object without duplicates; none if the value is not an object.
    pub fn members(&mut self, path: &str, value: SpannedValue<'t>, known: &[&str]) -> Vec<JsonMember<'t>> {
        self.known_members(path, value, known).unwrap_or_default()
    }

    /// Returns the known members of an object without duplicates. An empty list of names allows every name.
    pub fn known_members(
        &mut self,
        path: &str,
        value: SpannedValue<'t>,
        known: &[&str],
    ) -> Option<Vec<JsonMember<'t>>> {
        let JsonKind::Object(members) = value.kind else {
            self.report_wrong_type(path, &value, "an object");
            return None;
        };
        let mut seen = StringMap::default();
        let mut kept = Vec::with_capacity(members.len());
        for (member, number) in members.into_iter().zip(0..) {
            if seen.get_or_insert(&member.name, number) != number {
                let redacted = redact_secrets(&member.name);
                let message =
                    format!("the member `{}` stands here a second time: leave one of them", shorten(&redacted));
                let finding = RawFinding::new(Code::MemberDuplicate, member.name_span.clone(), message);
                self.report(&format!("{path}/{}", escape_pointer(&redacted)), finding);
            } else if !known.is_empty() && !known.contains(&&*member.name) {
                // A name may be a misplaced entry or key, which is a secret (rules E11 and C3).
                let redacted = redact_secrets(&member.name);
                self.report(
                    &format!("{path}/{}", escape_pointer(&redacted)),
                    unknown_member(&member, &redacted, known),
                );
            } else {
                kept.push(member);
            }
        }
        Some(kept)
    }

    pub fn elements(&mut self, path: &str, value: SpannedValue<'t>) -> Option<Vec<SpannedValue<'t>>> {
        match value.kind {
            JsonKind::Array(elements) => Some(elements),
            _ => {
                self.report_wrong_type(path, &value, "an array");
                None
            }
        }
    }

    pub fn boolean(&mut self, path: &str, value: &SpannedValue<'t>) -> Option<bool> {
        if let JsonKind::Boolean(boolean) = value.kind {
            return Some(boolean);
        }
        self.report_wrong_type(path, value, "`true` or `false`");
        None
    }

    pub fn string(&mut self, path: &str, value: SpannedValue<'t>) -> Option<Cow<'t, str>> {
        match value.kind {
            JsonKind::String(string) => Some(string),
            _ => {
                self.report_wrong_type(path, &value, "a string");
                None
            }
        }
    }

    /// Returns the value of a string that is one of a few.
    pub fn choice<T: Copy>(&mut self, path: &str, value: SpannedValue<'t>, values: &[(&str, T)]) -> Option<T> {
        let span = value.span();
        let text = self.string(path, value)?;
        let found = values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names = values.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
            self.report(path, RawFinding::new(Code::TypeWrong, span, format!("this must be {names}")));
        }
        found
    }

    pub fn report_wrong_type(&mut self, path: &str, value: &SpannedValue<'t>, wanted: &str) {
        let message = format!("this must be {wanted}, not {}", value.kind.type_name());
        self.report(path, RawFinding::new(Code::TypeWrong, value.span(), message));
    }

    pub fn report_missing(&mut self, path: &str, span: Range<usize>, member: &str) {
        let message = format!("the object has no `{member}`");
        self.report(path, RawFinding::new(Code::MemberMissing, span, message));
    }

    pub fn report(&mut self, path: &str, finding: RawFinding) {
        self.findings.push(finding.with_path(path));
    }
}

/// Escapes a member's name for a JSON Pointer (RFC 6901, section 3).
pub(crate) fn escape_pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unknown_member(member: &JsonMember<'_>, shown: &str, known: &[&str]) -> RawFinding {
    // The most edits between a typo and the proposed name; more would be guessing.
    const MAX_TYPOS: usize = 2;
    let name = member.name.to_ascii_lowercase();
    let meant = known
        .iter()
        .map(|known| (strsim::osa_distance(&name, known), known))
        .filter(|(slips, _)| *slips <= MAX_TYPOS)
        .min_by_key(|(slips, _)| *slips);
    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = match meant {
        Some((_, meant)) => format!("there is no member `{}` here: `{meant}` is meant, perhaps", shorten(shown)),
        None => format!("there is no member `{}` here: there are {list}", shorten(shown)),
    };
    let finding = RawFinding::new(Code::MemberUnknown, member.name_span.clone(), message);
    match meant {
        Some((_, meant)) => finding.with_fix(*meant),
        None => finding,
    }
}

fn shorten(name: &str) -> Cow<'_, str> {
    const MAX_SHOWN_CHARS: usize = 40;
    match name.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}...", name.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(name),
    }
}
