//! `pullgate compare` and `pullgate narrow`: what a change to a policy does.

use std::path::Path;

use pullgate::{
    Change, Comparison, Fact, List, NarrowError, QuestionKind, ReferenceKind, Region, Unreadable, Verdict, Witness,
};
use pullgate_host::{Module, now};

use crate::args::{Compare, Narrow};
use crate::error::Failure;
use crate::output::{BAD, GOOD, INFO, LABEL, Output, UNSURE, complain, json_line, styled, visible};
use pullgate_source::findings;
use pullgate_source::is_stdin;
use pullgate_source::{Document, Located};

/// Runs `compare`. The number is what the process exits with.
pub fn run(arguments: &Compare) -> Result<u8, Failure> {
    let (old, new) = read(&arguments.old, &arguments.new)?;
    let comparison = match Module::built_in()?.compare(old.json(), new.json(), now())? {
        Ok(comparison) => comparison,
        Err(why) => return Err(refused(&old, &new, why)),
    };
    let mut output = Output::new(arguments.json);
    if arguments.json {
        output.line(json_line(&comparison)?)?;
    } else {
        write(&comparison, &mut output)?;
    }
    output.flush()?;
    Ok(match comparison.verdict {
        Verdict::Same => 0,
        Verdict::NotWider => 1,
        Verdict::Wider => 2,
    })
}

/// Runs `narrow`. `true` if the remote list applies.
pub fn narrow(arguments: &Narrow) -> Result<bool, Failure> {
    let (policy, remote) = read(&arguments.policy, &arguments.remote)?;
    let mut output = Output::for_programs();
    match Module::built_in()?.narrow(policy.json(), remote.json(), now())? {
        Ok(document) => {
            output.line(document)?;
            output.flush()?;
            Ok(true)
        }
        Err(NarrowError::Unreadable(why)) => Err(refused(&policy, &remote, why)),
        Err(NarrowError::Refused(refused)) => {
            let list = match refused.list {
                List::Whitelist => "whitelist",
                List::Insecure | List::BuiltIn => "insecure",
            };
            complain(format!(
                "{}: `{}`, {list}[{}] of the remote list, would make the policy wider",
                styled(BAD, "refused"),
                visible(&refused.entry),
                refused.index
            ));
            if let Some(witness) = &refused.witness {
                complain(shown(witness));
            }
            Ok(false)
        }
    }
}

fn read(first: &Path, second: &Path) -> Result<(Document, Document), Failure> {
    if is_stdin(first) && is_stdin(second) {
        return Err(Failure::Usage("standard input can be read once only: leave one `-`".to_owned()));
    }
    let mut documents = Vec::new();
    for path in [first, second] {
        let (document, located) = Document::read(path)?;
        if !located.is_empty() {
            return Err(unusable(&document, &located));
        }
        documents.push(document);
    }
    let second = documents.pop();
    let first = documents.pop();
    first.zip(second).ok_or_else(|| Failure::bare("there are no two documents"))
}

fn refused(first: &Document, second: &Document, why: Unreadable) -> Failure {
    for (document, findings) in [(first, why.first), (second, why.second)] {
        if !findings.is_empty() {
            unusable(document, &document.locate(findings));
        }
    }
    Failure::Shown
}

/// Shows why a document does not load.
fn unusable(document: &Document, located: &[Located]) -> Failure {
    findings::render(document.sources(), located).into_iter().for_each(complain);
    let count = findings::count(located.iter().map(|located| located.finding.severity));
    let name = visible(&document.sources()[0].name);
    complain(format!("{}: {name} does not load: {count}", styled(BAD, "error")));
    Failure::Shown
}

fn write(comparison: &Comparison, output: &mut Output) -> Result<(), Failure> {
    for mode in &comparison.modes {
        let whose = match &mode.project {
            Some(project) => format!("whitelist mode of project `{}`", visible(project)),
            None => "whitelist mode".to_owned(),
        };
        output.line(match mode.on {
            true => format!("{} {whose} is turned ON: what no entry covers is denied from now on", styled(INFO, "-")),
            false => format!("{} {whose} is turned OFF: every registry is allowed that was denied", styled(BAD, "+")),
        })?;
    }
    match comparison.match_resolved_addresses {
        Some(true) => {
            output.line(format!("{} addresses and networks cover names now, by what DNS says", styled(INFO, "~")))?
        }
        Some(false) => {
            output.line(format!("{} addresses and networks do not cover names any more", styled(INFO, "~")))?
        }
        None => {}
    }
    let mut last = None;
    for region in &comparison.regions {
        if last != Some(region.change) {
            if last.is_some() || !comparison.modes.is_empty() || comparison.match_resolved_addresses.is_some() {
                output.line("")?;
            }
            output.line(title(region.change))?;
            last = Some(region.change);
        }
        output.line(line(region))?;
        output.line(shown(&region.witness))?;
        let omitted = comparison.omitted.iter().find(|omitted| omitted.change == region.change);
        let is_last = comparison.regions.iter().rfind(|other| other.change == region.change) == Some(region);
        if let Some(omitted) = omitted.filter(|_| is_last) {
            output.line(format!("  and {} more", omitted.count))?;
        }
    }
    if last.is_some() {
        output.line("")?;
    }
    output.line(match comparison.verdict {
        Verdict::Same => format!("{}: every request is decided as before", styled(GOOD, "same meaning")),
        Verdict::NotWider => {
            format!("{}: nothing is newly allowed, and nothing is reached less safely", styled(GOOD, "not wider"))
        }
        Verdict::Wider => {
            format!("{}: look at what is newly allowed or less safe before you apply it", styled(BAD, "wider"))
        }
    })
}

fn title(change: Change) -> String {
    match change {
        Change::NewlyAllowed => styled(BAD, "newly allowed"),
        Change::NewlyDenied => styled(INFO, "newly denied"),
        Change::NowUnverified => styled(BAD, "now without verification"),
        Change::NowVerified => styled(GOOD, "now verified"),
        Change::NowPlainHttp => styled(BAD, "now over plain HTTP too"),
        Change::NoLongerPlainHttp => styled(GOOD, "no longer over plain HTTP"),
        Change::OtherAuthorities => styled(UNSURE, "now with other certificate authorities"),
        Change::NowByDns => styled(UNSURE, "now depending on DNS"),
        Change::NoLongerByDns => styled(INFO, "no longer depending on DNS"),
    }
}

fn line(region: &Region) -> String {
    let (style, sign) = match region.change {
        Change::NewlyAllowed | Change::NowUnverified | Change::NowPlainHttp => (BAD, '+'),
        Change::NewlyDenied | Change::NowVerified | Change::NoLongerPlainHttp => (GOOD, '-'),
        Change::OtherAuthorities | Change::NowByDns | Change::NoLongerByDns => (UNSURE, '~'),
    };
    let mut text = format!("  {} {}", styled(style, sign), visible(&region.text));
    for (word, fingerprints) in [("now", &region.added), ("no longer", &region.removed)] {
        for fingerprint in fingerprints {
            text.push_str(&format!("\n      {word} sha256:{fingerprint}"));
        }
    }
    text
}

/// A witness: what is asked, and what becomes of it.
fn shown(witness: &Witness) -> String {
    let mut text = match witness.kind {
        ReferenceKind::Image => visible(&witness.reference),
        ReferenceKind::Registry => format!("a login to {}", visible(&witness.reference)),
    };
    if let Some(project) = &witness.project {
        text.push_str(&format!(" of project `{}`", visible(project)));
    }
    if !witness.facts.is_empty() {
        let facts: Vec<String> = witness.facts.iter().map(fact).collect();
        text.push_str(&format!(" where {}", facts.join(" and ")));
    }
    format!("      {} {text}: {} -> {}", styled(LABEL, "such as"), visible(&witness.before), visible(&witness.after))
}

fn fact(fact: &Fact) -> String {
    let subject = visible(&fact.subject);
    let answers = visible(&fact.answers.join(", "));
    match (fact.kind, fact.answers.is_empty()) {
        (QuestionKind::NamesOf, true) => format!("{subject} has no name"),
        (QuestionKind::NamesOf, false) => format!("{subject} is called {answers}"),
        (QuestionKind::AddressesOf, true) => format!("{subject} has no address"),
        (QuestionKind::AddressesOf, false) => format!("{subject} is at {answers}"),
    }
}
