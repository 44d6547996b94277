//! DNS answers given by hand: `NAME=ADDRESS[,ADDRESS]` and `ADDRESS=NAME[,NAME]`.

use std::net::IpAddr;

use pullgate::{DnsAnswer, EntryKind, EntryList, LookupKind};
use pullgate_host::Module;

use crate::error::CliError;
use pullgate_source::redact;

const DNS_ANSWER_FORMS: &str = "write `--dns-answer NAME=ADDRESS[,ADDRESS]`, `--dns-answer ADDRESS=NAME[,NAME]`, or nothing after the `=` where there is \
                     no answer";

/// Reads facts. Several about one subject are taken together.
pub fn parse_dns_answers(module: &Module, texts: &[String]) -> Result<Vec<DnsAnswer>, CliError> {
    let mut facts: Vec<DnsAnswer> = Vec::new();
    for text in texts {
        let fact = parse_dns_answer(module, text)?;
        match facts.iter_mut().find(|known| (known.kind, &known.subject) == (fact.kind, &fact.subject)) {
            Some(known) => known.answers.extend(fact.answers),
            None => facts.push(fact),
        }
    }
    Ok(facts)
}

fn parse_dns_answer(module: &Module, text: &str) -> Result<DnsAnswer, CliError> {
    let wrong =
        |what: String| CliError::new(format!("`--dns-answer {}`: {what}", redact::redact_host(text)), DNS_ANSWER_FORMS);
    if text.contains('@') {
        return Err(wrong("neither addresses nor host names have an `@`".to_owned()));
    }
    let (subject, answers) = text.split_once('=').ok_or_else(|| wrong("there is no `=`".to_owned()))?;
    let (kind, subject) = match parse_host(module, subject)? {
        Some(DnsHost::Address(address)) => (LookupKind::Reverse, address),
        Some(DnsHost::Name(name)) => (LookupKind::Forward, name),
        None => return Err(wrong(format!("`{}` is neither an address nor a host name", subject))),
    };
    let mut fact = DnsAnswer { kind, subject, answers: Vec::new() };
    for answer in answers.split(',').map(str::trim).filter(|_| !answers.trim().is_empty()) {
        let read = match (kind, parse_host(module, answer)?) {
            (LookupKind::Forward, Some(DnsHost::Address(address))) => address,
            (LookupKind::Forward, _) => return Err(wrong(format!("`{}` is not an address", answer))),
            (LookupKind::Reverse, Some(DnsHost::Name(name))) => name,
            (LookupKind::Reverse, _) => return Err(wrong(format!("`{}` is not a host name", answer))),
        };
        fact.answers.push(read);
    }
    Ok(fact)
}

/// What DNS knows of.
enum DnsHost {
    Address(String),
    Name(String),
}

/// Reads a host as entries have them, without port and namespace.
fn parse_host(module: &Module, text: &str) -> Result<Option<DnsHost>, CliError> {
    let report = module.check_entry(text, EntryList::Whitelist)?;
    let (Some(entry), Some(kind)) = (report.entry, report.kind) else { return Ok(None) };
    Ok(match kind {
        EntryKind::Address if entry.parse::<IpAddr>().is_ok() => Some(DnsHost::Address(entry)),
        EntryKind::Name if !entry.contains([':', '/']) => Some(DnsHost::Name(entry)),
        _ => None,
    })
}
