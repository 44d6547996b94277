//! DNS answers given by hand: `NAME=ADDRESS[,ADDRESS]` and `ADDRESS=NAME[,NAME]`.

use std::net::IpAddr;

use pullgate::{EntryKind, Fact, List, QuestionKind};
use pullgate_host::Module;

use crate::error::Failure;
use pullgate_source::redact;

const FORMS: &str = "write `--fact NAME=ADDRESS[,ADDRESS]`, `--fact ADDRESS=NAME[,NAME]`, or nothing after the `=` where there is \
                     no answer";

/// Reads facts. Several about one subject are taken together.
pub fn read(module: &Module, texts: &[String]) -> Result<Vec<Fact>, Failure> {
    let mut facts: Vec<Fact> = Vec::new();
    for text in texts {
        let fact = fact(module, text)?;
        match facts.iter_mut().find(|known| (known.kind, &known.subject) == (fact.kind, &fact.subject)) {
            Some(known) => known.answers.extend(fact.answers),
            None => facts.push(fact),
        }
    }
    Ok(facts)
}

fn fact(module: &Module, text: &str) -> Result<Fact, Failure> {
    let wrong = |what: String| Failure::new(format!("`--fact {}`: {what}", redact::host(text)), FORMS);
    if text.contains('@') {
        return Err(wrong("neither addresses nor host names have an `@`".to_owned()));
    }
    let (subject, answers) = text.split_once('=').ok_or_else(|| wrong("there is no `=`".to_owned()))?;
    let (kind, subject) = match host(module, subject)? {
        Some(Host::Address(address)) => (QuestionKind::NamesOf, address),
        Some(Host::Name(name)) => (QuestionKind::AddressesOf, name),
        None => return Err(wrong(format!("`{}` is neither an address nor a host name", subject))),
    };
    let mut fact = Fact { kind, subject, answers: Vec::new() };
    for answer in answers.split(',').map(str::trim).filter(|_| !answers.trim().is_empty()) {
        let read = match (kind, host(module, answer)?) {
            (QuestionKind::AddressesOf, Some(Host::Address(address))) => address,
            (QuestionKind::AddressesOf, _) => return Err(wrong(format!("`{}` is not an address", answer))),
            (QuestionKind::NamesOf, Some(Host::Name(name))) => name,
            (QuestionKind::NamesOf, _) => return Err(wrong(format!("`{}` is not a host name", answer))),
        };
        fact.answers.push(read);
    }
    Ok(fact)
}

/// What DNS knows of.
enum Host {
    Address(String),
    Name(String),
}

/// Reads a host as entries have them, without port and namespace.
fn host(module: &Module, text: &str) -> Result<Option<Host>, Failure> {
    let report = module.check_entry(text, List::Whitelist)?;
    let (Some(entry), Some(kind)) = (report.entry, report.kind) else { return Ok(None) };
    Ok(match kind {
        EntryKind::Address if entry.parse::<IpAddr>().is_ok() => Some(Host::Address(entry)),
        EntryKind::Name if !entry.contains([':', '/']) => Some(Host::Name(entry)),
        _ => None,
    })
}
