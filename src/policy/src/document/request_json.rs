//! Requests as JSON: `{"reference", "kind"?, "project"?, "dnsAnswers"?: [{"kind", "subject", "answers"}]}` (rule D1).
//!
//! They are decoded as strictly as policies, so that a misspelt member is an error on every surface.

use std::borrow::Cow;

use crate::decision::{
    DnsAnswer, LookupKind, MAX_ANSWER_BYTES, MAX_ANSWERS_PER_QUERY, MAX_DNS_ANSWERS, ReferenceKind, Request,
    too_long_answer, too_many_answers, too_many_dns_answers,
};
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

impl From<&Request<'_>> for OwnedRequest {
    fn from(request: &Request<'_>) -> Self {
        Self {
            reference: request.reference.to_owned(),
            kind: request.kind,
            project: request.project.map(str::to_owned),
            dns_answers: request.dns_answers.to_vec(),
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
                request.kind = decoder.choice(&path, member.value, &kinds)?;
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
    let span = value.span();
    let elements = decoder.elements(path, value)?;
    if elements.len() > MAX_DNS_ANSWERS {
        decoder.report(path, RawFinding::new(Code::TypeWrong, span, too_many_dns_answers(elements.len())));
        return None;
    }
    elements
        .into_iter()
        .enumerate()
        .map(|(index, element)| parse_dns_answer(decoder, &format!("{path}/{index}"), element))
        .collect()
}

fn parse_dns_answer<'t>(decoder: &mut Decoder<'t, '_>, path: &str, value: SpannedValue<'t>) -> Option<DnsAnswer> {
    let span = value.span();
    let (mut kind, mut subject, mut answers) = (None, None, None);
    let mut missing = vec!["kind", "subject", "answers"];
    for member in decoder.known_members(path, value, &["kind", "subject", "answers"])? {
        missing.retain(|name| *name != member.name);
        let path = format!("{path}/{}", member.name);
        match &*member.name {
            "kind" => {
                let kinds = [("reverse", LookupKind::Reverse), ("forward", LookupKind::Forward)];
                kind = decoder.choice(&path, member.value, &kinds);
            }
            "subject" => subject = dns_text(decoder, &path, member.value),
            _ => {
                let span = member.value.span();
                let elements = decoder.elements(&path, member.value)?;
                if elements.len() > MAX_ANSWERS_PER_QUERY {
                    let message = too_many_answers(elements.len());
                    decoder.report(&path, RawFinding::new(Code::TypeWrong, span, message));
                    return None;
                }
                let strings = elements.into_iter().enumerate();
                answers = strings.map(|(index, value)| dns_text(decoder, &format!("{path}/{index}"), value)).collect();
            }
        }
    }
    for member in missing {
        decoder.report_missing(path, span.clone(), member);
    }
    let answers: Vec<Cow<'_, str>> = answers?;
    Some(DnsAnswer {
        kind: kind?,
        subject: subject?.into_owned(),
        answers: answers.into_iter().map(Cow::into_owned).collect(),
    })
}

/// Returns an address or a name of a DNS answer, within the limit of its size.
fn dns_text<'t>(decoder: &mut Decoder<'t, '_>, path: &str, value: SpannedValue<'t>) -> Option<Cow<'t, str>> {
    let span = value.span();
    let text = decoder.string(path, value)?;
    if text.len() > MAX_ANSWER_BYTES {
        decoder.report(path, RawFinding::new(Code::TypeWrong, span, too_long_answer(text.len())));
        return None;
    }
    Some(text)
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

    #[test]
    fn m6_requests_beyond_the_limits_are_refused() {
        let answer = |subject: &str, answers: &[&str]| serde_json::json!({"kind": "reverse", "subject": subject, "answers": answers});
        let request = |dns_answers: Vec<serde_json::Value>| {
            OwnedRequest::from_json(&serde_json::json!({"reference": "h/x", "dnsAnswers": dns_answers}).to_string())
        };
        let (longest, long) = ("a".repeat(253), "a".repeat(254));
        assert!(request(vec![answer(&longest, &[longest.as_str(); 256]); 32]).is_ok());
        for (dns_answers, path) in [
            (vec![answer("10.0.0.1", &[]); 33], "/dnsAnswers"),
            (vec![answer("10.0.0.1", &["a"; 257])], "/dnsAnswers/0/answers"),
            (vec![answer("10.0.0.1", &["a", &long])], "/dnsAnswers/0/answers/1"),
            (vec![answer(&long, &[])], "/dnsAnswers/0/subject"),
        ] {
            let findings = request(dns_answers).unwrap_err();
            assert_eq!((findings[0].code, findings[0].path.as_deref()), (Code::TypeWrong, Some(path)));
        }
    }
}
