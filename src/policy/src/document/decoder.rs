//! Decoding of JSON values to what is expected of them, with a note for each surprise (rule P2).

use std::borrow::Cow;
use std::ops::Range;

use crate::document::spanned_json::{Content, Member, Value};
use crate::entry::mask_secrets;
use crate::finding::Note;
use crate::finding::code::Code;
use crate::util::string_map::Table;

/// Takes values apart. `path` is the JSON Pointer (RFC 6901) of the value that is looked at.
pub(crate) struct Decoder<'t, 'n> {
    pub text: &'t str,
    pub notes: &'n mut Vec<Note>,
}

impl<'t> Decoder<'t, '_> {
    /// The members of an object that are known, each once; none where the value is no object.
    pub fn members(&mut self, path: &str, value: Value<'t>, known: &[&str]) -> Vec<Member<'t>> {
        self.known_members(path, value, known).unwrap_or_default()
    }

    /// The members of an object that are known, each once. With no names given, any name is.
    pub fn known_members(&mut self, path: &str, value: Value<'t>, known: &[&str]) -> Option<Vec<Member<'t>>> {
        let Content::Object(members) = value.content else {
            self.wrong_type(path, &value, "an object");
            return None;
        };
        let mut seen = Table::default();
        let mut kept = Vec::with_capacity(members.len());
        for (member, number) in members.into_iter().zip(0..) {
            if seen.get_or_insert(&member.name, number) != number {
                let masked = mask_secrets(&member.name);
                let message =
                    format!("the member `{}` stands here a second time: leave one of them", shortened(&masked));
                let note = Note::new(Code::MemberDuplicate, member.name_place.clone(), message);
                self.note(&format!("{path}/{}", escaped(&masked)), note);
            } else if !known.is_empty() && !known.contains(&&*member.name) {
                // An entry or a key that slipped to the place of a name is a secret (rules E11 and C3).
                let masked = mask_secrets(&member.name);
                self.note(&format!("{path}/{}", escaped(&masked)), unknown(&member, &masked, known));
            } else {
                kept.push(member);
            }
        }
        Some(kept)
    }

    pub fn elements(&mut self, path: &str, value: Value<'t>) -> Option<Vec<Value<'t>>> {
        match value.content {
            Content::Array(elements) => Some(elements),
            _ => {
                self.wrong_type(path, &value, "an array");
                None
            }
        }
    }

    pub fn boolean(&mut self, path: &str, value: &Value<'t>) -> Option<bool> {
        if let Content::Boolean(boolean) = value.content {
            return Some(boolean);
        }
        self.wrong_type(path, value, "`true` or `false`");
        None
    }

    pub fn string(&mut self, path: &str, value: Value<'t>) -> Option<Cow<'t, str>> {
        match value.content {
            Content::String(string) => Some(string),
            _ => {
                self.wrong_type(path, &value, "a string");
                None
            }
        }
    }

    pub fn wrong_type(&mut self, path: &str, value: &Value<'t>, wanted: &str) {
        let message = format!("this must be {wanted}, not {}", value.content.kind());
        self.note(path, Note::new(Code::TypeWrong, value.place(), message));
    }

    pub fn missing(&mut self, path: &str, place: Range<usize>, member: &str) {
        let message = format!("the object has no `{member}`");
        self.note(path, Note::new(Code::MemberMissing, place, message));
    }

    pub fn note(&mut self, path: &str, note: Note) {
        self.notes.push(note.at(path));
    }
}

/// A member's name as it stands in a JSON Pointer (RFC 6901, section 3).
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unknown(member: &Member<'_>, shown: &str, known: &[&str]) -> Note {
    // Far enough for a slip of the fingers, near enough not to guess.
    const SLIPS: usize = 2;
    let name = member.name.to_ascii_lowercase();
    let meant = known
        .iter()
        .map(|known| (strsim::osa_distance(&name, known), known))
        .filter(|(slips, _)| *slips <= SLIPS)
        .min_by_key(|(slips, _)| *slips);
    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = match meant {
        Some((_, meant)) => format!("there is no member `{}` here: `{meant}` is meant, perhaps", shortened(shown)),
        None => format!("there is no member `{}` here: there are {list}", shortened(shown)),
    };
    let note = Note::new(Code::MemberUnknown, member.name_place.clone(), message);
    match meant {
        Some((_, meant)) => note.fix(*meant),
        None => note,
    }
}

fn shortened(name: &str) -> Cow<'_, str> {
    const SHOWN: usize = 40;
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}...", name.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(name),
    }
}
