//! DNS answers given on the command line: `NAME=ADDRESS[,ADDRESS]` and `ADDRESS=NAME[,NAME]`.

use std::net::IpAddr;

use pullgate::{DnsAnswer, EntryKind, EntryList, LookupKind};
use pullgate_host::Module;

use crate::error::CliError;

const DNS_ANSWER_FORMS: &str = "write `--dns-answer NAME=ADDRESS[,ADDRESS]`, `--dns-answer ADDRESS=NAME[,NAME]`, or nothing after the `=` where there is \
                     no answer";

/// Parses DNS answers. Answers about the same subject are merged.
pub fn parse_dns_answers(module: &Module, texts: &[String]) -> Result<Vec<DnsAnswer>, CliError> {
    let mut dns_answers: Vec<DnsAnswer> = Vec::new();
    for text in texts {
        let dns_answer = parse_dns_answer(module, text)?;
        match dns_answers
            .iter_mut()
            .find(|known| (known.kind, &known.subject) == (dns_answer.kind, &dns_answer.subject))
        {
            Some(known) => known.answers.extend(dns_answer.answers),
            None => dns_answers.push(dns_answer),
        }
    }
    Ok(dns_answers)
}

fn parse_dns_answer(module: &Module, text: &str) -> Result<DnsAnswer, CliError> {
    let wrong = |what: String| {
        CliError::new(format!("`--dns-answer {}`: {what}", pullgate::redact_userinfo(text)), DNS_ANSWER_FORMS)
    };
    if text.contains('@') {
        return Err(wrong("neither addresses nor host names have an `@`".to_owned()));
    }
    let (subject, answers) = text.split_once('=').ok_or_else(|| wrong("there is no `=`".to_owned()))?;
    let (kind, subject) = match parse_host(module, subject)? {
        Some(DnsHost::Address(address)) => (LookupKind::Reverse, address),
        Some(DnsHost::Name(name)) => (LookupKind::Forward, name),
        None => return Err(wrong(format!("`{}` is neither an address nor a host name", subject))),
    };
    let mut dns_answer = DnsAnswer { kind, subject, answers: Vec::new() };
    for answer in answers.split(',').map(str::trim).filter(|_| !answers.trim().is_empty()) {
        let read = match (kind, parse_host(module, answer)?) {
            (LookupKind::Forward, Some(DnsHost::Address(address))) => address,
            (LookupKind::Forward, _) => return Err(wrong(format!("`{}` is not an address", answer))),
            (LookupKind::Reverse, Some(DnsHost::Name(name))) => name,
            (LookupKind::Reverse, _) => return Err(wrong(format!("`{}` is not a host name", answer))),
        };
        dns_answer.answers.push(read);
    }
    Ok(dns_answer)
}

/// A subject or answer of DNS: an address or a name.
enum DnsHost {
    Address(String),
    Name(String),
}

/// Parses a host as in an entry, without port and namespace.
fn parse_host(module: &Module, text: &str) -> Result<Option<DnsHost>, CliError> {
    let report = module.check_entry(text, EntryList::Whitelist)?;
    let (Some(entry), Some(kind)) = (report.entry, report.kind) else { return Ok(None) };
    Ok(match kind {
        EntryKind::Address if entry.parse::<IpAddr>().is_ok() => Some(DnsHost::Address(entry)),
        EntryKind::Name if !entry.contains([':', '/']) => Some(DnsHost::Name(entry)),
        _ => None,
    })
}
