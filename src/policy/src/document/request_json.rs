//! Requests as JSON text: `{"reference", "kind"?, "project"?, "facts"?: [{"kind", "subject", "answers"}]}` (rule D1).
//!
//! The same decoder as for policies reads them, so that a misspelt member is refused on every surface.

use std::borrow::Cow;

use crate::decision::{Fact, QuestionKind, ReferenceKind, Request};
use crate::document::decoder::Decoder;
use crate::document::spanned_json::{self, Value};
use crate::finding::code::Code;
use crate::finding::{Finding, Note, findings};

/// A request that owns its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedRequest {
    /// The reference, as it was typed.
    pub reference: String,
    /// What it is.
    pub kind: ReferenceKind,
    /// The project on whose behalf (rule J1).
    pub project: Option<String>,
    /// DNS answers, if any are known.
    pub facts: Vec<Fact>,
}

impl OwnedRequest {
    /// Reads a request from JSON text. The error has findings, each of them an error.
    pub fn from_json(text: &str) -> Result<Self, Vec<Finding>> {
        let mut notes = Vec::new();
        let mut decoder = Decoder { text, notes: &mut notes };
        let mut request = None;
        match spanned_json::parse(text) {
            Ok(value) => request = read(&mut decoder, value),
            Err(note) => decoder.note("", note),
        }
        match request {
            Some(request) if notes.is_empty() => Ok(request),
            _ => Err(findings(text.as_bytes(), notes)),
        }
    }

    /// The request, borrowed.
    pub fn as_request(&self) -> Request<'_> {
        Request { reference: &self.reference, kind: self.kind, project: self.project.as_deref(), facts: &self.facts }
    }
}

fn read<'t>(decoder: &mut Decoder<'t, '_>, value: Value<'t>) -> Option<OwnedRequest> {
    let place = value.place();
    let mut request = OwnedRequest::default();
    let mut reference = None;
    for member in decoder.members("", value, &["reference", "kind", "project", "facts"]) {
        let path = format!("/{}", member.name);
        match &*member.name {
            "reference" => reference = Some(decoder.string(&path, member.value)?.into_owned()),
            "kind" => {
                let kinds = [("image", ReferenceKind::Image), ("registry", ReferenceKind::Registry)];
                request.kind = one_of(decoder, &path, member.value, &kinds)?;
            }
            "project" => request.project = Some(decoder.string(&path, member.value)?.into_owned()),
            _ => request.facts = facts(decoder, &path, member.value)?,
        }
    }
    if reference.is_none() {
        decoder.missing("", place, "reference");
    }
    Some(OwnedRequest { reference: reference?, ..request })
}

fn facts<'t>(decoder: &mut Decoder<'t, '_>, path: &str, value: Value<'t>) -> Option<Vec<Fact>> {
    let elements = decoder.elements(path, value)?;
    elements
        .into_iter()
        .enumerate()
        .map(|(index, element)| fact(decoder, &format!("{path}/{index}"), element))
        .collect()
}

fn fact<'t>(decoder: &mut Decoder<'t, '_>, path: &str, value: Value<'t>) -> Option<Fact> {
    let place = value.place();
    let (mut kind, mut subject, mut answers) = (None, None, None);
    for member in decoder.known_members(path, value, &["kind", "subject", "answers"])? {
        let path = format!("{path}/{}", member.name);
        match &*member.name {
            "kind" => {
                let kinds = [("names-of", QuestionKind::NamesOf), ("addresses-of", QuestionKind::AddressesOf)];
                kind = one_of(decoder, &path, member.value, &kinds);
            }
            "subject" => subject = decoder.string(&path, member.value),
            _ => {
                let elements = decoder.elements(&path, member.value)?;
                let strings = elements.into_iter().enumerate();
                answers = strings.map(|(index, value)| decoder.string(&format!("{path}/{index}"), value)).collect();
            }
        }
    }
    let present = [("kind", kind.is_some()), ("subject", subject.is_some()), ("answers", answers.is_some())];
    for (member, _) in present.into_iter().filter(|(_, present)| !present) {
        decoder.missing(path, place.clone(), member);
    }
    let answers: Vec<Cow<'_, str>> = answers?;
    Some(Fact {
        kind: kind?,
        subject: subject?.into_owned(),
        answers: answers.into_iter().map(Cow::into_owned).collect(),
    })
}

fn one_of<'t, T: Copy>(decoder: &mut Decoder<'t, '_>, path: &str, value: Value<'t>, values: &[(&str, T)]) -> Option<T> {
    let place = value.place();
    let text = decoder.string(path, value)?;
    let found = values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        let names = values.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        decoder.note(path, Note::new(Code::TypeWrong, place, format!("this must be {names}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_whole_or_not_at_all() {
        let text =
            r#"{"reference": "h/x", "facts": [{"kind": "addresses-of", "subject": "h", "answers": ["10.0.0.1"]}]}"#;
        let request = OwnedRequest::from_json(text).unwrap();
        assert_eq!((request.reference.as_str(), request.facts.len(), request.kind), ("h/x", 1, ReferenceKind::Image));
        for (text, code) in [
            (r#"{"refrence": "h/x"}"#, Code::MemberMissing),
            (r#"{"reference": "h/x", "projet": "p"}"#, Code::MemberUnknown),
            (r#"{"reference": 1}"#, Code::TypeWrong),
            (r#"{"reference": "h/x", "kind": "login"}"#, Code::TypeWrong),
            (r#"{"reference": "h/x", "reference": "i/x"}"#, Code::MemberDuplicate),
            (r#"{"reference": "h/x", "facts": [{"kind": "names-of", "subject": "10.0.0.1"}]}"#, Code::MemberMissing),
            (r#""h/x""#, Code::TypeWrong),
            ("", Code::JsonSyntax),
        ] {
            let findings = OwnedRequest::from_json(text).unwrap_err();
            assert!(findings.iter().any(|finding| finding.code == code), "{text}: {findings:?}");
        }
    }
}
