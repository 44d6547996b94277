//! Requests as JSON: `{"reference", "kind"?, "project"?, "dnsAnswers"?: [{"kind", "subject", "answers"}]}` (rule D1).
//!
//! They are decoded as strictly as policies, so that a misspelt member is an error on every surface.

use std::borrow::Cow;

use crate::decision::{DnsAnswer, LookupKind, ReferenceKind, Request};
use crate::document::decoder::Decoder;
use crate::document::spanned_json::{self, SpannedValue};
use crate::finding::code::Code;
use crate::finding::{Finding, RawFinding, locate_findings};

/// A request that owns its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedRequest {
    /// The reference as typed.
    pub reference: String,
    /// The kind of the reference.
    pub kind: ReferenceKind,
    /// The project of the request (rule J1).
    pub project: Option<String>,
    /// The known DNS answers.
    pub dns_answers: Vec<DnsAnswer>,
}

impl OwnedRequest {
    /// Parses a request from JSON text. The error is its findings, all of them errors.
    pub fn from_json(text: &str) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut decoder = Decoder { text, findings: &mut findings };
        let mut request = None;
        match spanned_json::parse(text) {
            Ok(value) => request = parse_request(&mut decoder, value),
            Err(finding) => decoder.report("", finding),
        }
        match request {
            Some(request) if findings.is_empty() => Ok(request),
            _ => Err(locate_findings(text.as_bytes(), findings)),
        }
    }

    /// Returns the request, borrowed.
    pub fn as_request(&self) -> Request<'_> {
        Request {
            reference: &self.reference,
            kind: self.kind,
            project: self.project.as_deref(),
            dns_answers: &self.dns_answers,
        }
    }
}

fn parse_request<'t>(decoder: &mut Decoder<'t, '_>, value: SpannedValue<'t>) -> Option<OwnedRequest> {
    let span = value.span();
    let mut request = OwnedRequest::default();
    let mut reference = None;
    for member in decoder.members("", value, &["reference", "kind", "project", "dnsAnswers"]) {
        let path = format!("/{}", member.name);
        match &*member.name {
            "reference" => reference = Some(decoder.string(&path, member.value)?.into_owned()),
            "kind" => {
                let kinds = [("image", ReferenceKind::Image), ("registry", ReferenceKind::Registry)];
                request.kind = parse_choice(decoder, &path, member.value, &kinds)?;
            }
            "project" => request.project = Some(decoder.string(&path, member.value)?.into_owned()),
            _ => request.dns_answers = parse_dns_answers(decoder, &path, member.value)?,
        }
    }
    if reference.is_none() {
        decoder.report_missing("", span, "reference");
    }
    Some(OwnedRequest { reference: reference?, ..request })
}

fn parse_dns_answers<'t>(decoder: &mut Decoder<'t, '_>, path: &str, value: SpannedValue<'t>) -> Option<Vec<DnsAnswer>> {
    let elements = decoder.elements(path, value)?;
    elements
        .into_iter()
        .enumerate()
        .map(|(index, element)| parse_dns_answer(decoder, &format!("{path}/{index}"), element))
        .collect()
}

fn parse_dns_answer<'t>(decoder: &mut Decoder<'t, '_>, path: &str, value: SpannedValue<'t>) -> Option<DnsAnswer> {
    let span = value.span();
    let (mut kind, mut subject, mut answers) = (None, None, None);
    for member in decoder.known_members(path, value, &["kind", "subject", "answers"])? {
        let path = format!("{path}/{}", member.name);
        match &*member.name {
            "kind" => {
                let kinds = [("reverse", LookupKind::Reverse), ("forward", LookupKind::Forward)];
                kind = parse_choice(decoder, &path, member.value, &kinds);
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
        decoder.report_missing(path, span.clone(), member);
    }
    let answers: Vec<Cow<'_, str>> = answers?;
    Some(DnsAnswer {
        kind: kind?,
        subject: subject?.into_owned(),
        answers: answers.into_iter().map(Cow::into_owned).collect(),
    })
}

fn parse_choice<'t, T: Copy>(
    decoder: &mut Decoder<'t, '_>,
    path: &str,
    value: SpannedValue<'t>,
    values: &[(&str, T)],
) -> Option<T> {
    let span = value.span();
    let text = decoder.string(path, value)?;
    let found = values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        let names = values.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        decoder.report(path, RawFinding::new(Code::TypeWrong, span, format!("this must be {names}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_whole_or_not_at_all() {
        let text =
            r#"{"reference": "h/x", "dnsAnswers": [{"kind": "forward", "subject": "h", "answers": ["10.0.0.1"]}]}"#;
        let request = OwnedRequest::from_json(text).unwrap();
        assert_eq!(
            (request.reference.as_str(), request.dns_answers.len(), request.kind),
            ("h/x", 1, ReferenceKind::Image)
        );
        for (text, code) in [
            (r#"{"refrence": "h/x"}"#, Code::MemberMissing),
            (r#"{"reference": "h/x", "projet": "p"}"#, Code::MemberUnknown),
            (r#"{"reference": 1}"#, Code::TypeWrong),
            (r#"{"reference": "h/x", "kind": "login"}"#, Code::TypeWrong),
            (r#"{"reference": "h/x", "reference": "i/x"}"#, Code::MemberDuplicate),
            (
                r#"{"reference": "h/x", "dnsAnswers": [{"kind": "reverse", "subject": "10.0.0.1"}]}"#,
                Code::MemberMissing,
            ),
            (r#""h/x""#, Code::TypeWrong),
            ("", Code::JsonSyntax),
        ] {
            let findings = OwnedRequest::from_json(text).unwrap_err();
            assert!(findings.iter().any(|finding| finding.code == code), "{text}: {findings:?}");
        }
    }
}
