//! `pullgate compare` and `pullgate narrow`: the effects of a policy change.

use std::path::Path;

use pullgate::{
    ChangeKind, CompareError, Comparison, ComparisonVerdict, DnsAnswer, EntryList, LookupKind, NarrowError,
    ReferenceKind, Region, Witness,
};
use pullgate_host::{Module, now};

use crate::args::{CompareArgs, NarrowArgs};
use crate::error::CliError;
use crate::output::{
    BAD_STYLE, GOOD_STYLE, INFO_STYLE, LABEL_STYLE, OutputWriter, WARNING_STYLE, eprint_styled, escape_for_terminal,
    json_line, styled,
};
use pullgate_source::findings;
use pullgate_source::is_stdin;
use pullgate_source::{LocatedFinding, PolicySource};

/// Runs `compare`. Returns the exit code.
pub fn run(arguments: &CompareArgs) -> Result<u8, CliError> {
    let (old, new) = read_documents(&arguments.old, &arguments.new)?;
    let comparison = match Module::built_in()?.compare(old.json(), new.json(), now())? {
        Ok(comparison) => comparison,
        Err(why) => return Err(report_compare_error(&old, &new, why)),
    };
    let mut output = OutputWriter::new(arguments.json);
    if arguments.json {
        output.line(json_line(&comparison)?)?;
    } else {
        print_comparison(&comparison, &mut output)?;
    }
    output.flush()?;
    Ok(match comparison.verdict {
        ComparisonVerdict::Same => 0,
        ComparisonVerdict::NotWider => 1,
        ComparisonVerdict::Wider => 2,
    })
}

/// Runs `narrow`. Returns whether the remote list applies.
pub fn narrow(arguments: &NarrowArgs) -> Result<bool, CliError> {
    let (policy, remote) = read_documents(&arguments.policy, &arguments.remote)?;
    let mut output = OutputWriter::for_programs();
    match Module::built_in()?.narrow(policy.json(), remote.json(), now())? {
        Ok(document) => {
            output.line(document)?;
            output.flush()?;
            Ok(true)
        }
        Err(NarrowError::Unreadable(why)) => Err(report_compare_error(&policy, &remote, why)),
        Err(NarrowError::Uncovered(refused)) => {
            let list = match refused.list {
                EntryList::Whitelist => "whitelist",
                EntryList::Insecure | EntryList::BuiltIn | EntryList::Blocked => "insecure",
            };
            eprint_styled(format!(
                "{}: `{}`, {list}[{}] of the remote list, would make the policy wider",
                styled(BAD_STYLE, "refused"),
                escape_for_terminal(&refused.entry),
                refused.index
            ));
            if let Some(witness) = &refused.witness {
                eprint_styled(witness_line(witness));
            }
            Ok(false)
        }
    }
}

fn read_documents(first: &Path, second: &Path) -> Result<(PolicySource, PolicySource), CliError> {
    if is_stdin(first) && is_stdin(second) {
        return Err(CliError::Usage("standard input can be read once only: leave one `-`".to_owned()));
    }
    let mut documents = Vec::new();
    for path in [first, second] {
        let (document, located) = PolicySource::read(path)?;
        if !located.is_empty() {
            return Err(report_findings(&document, &located));
        }
        documents.push(document);
    }
    let second = documents.pop();
    let first = documents.pop();
    first.zip(second).ok_or_else(|| CliError::without_help("there are no two documents"))
}

fn report_compare_error(first: &PolicySource, second: &PolicySource, why: CompareError) -> CliError {
    for (document, findings) in [(first, why.first), (second, why.second)] {
        if !findings.is_empty() {
            report_findings(document, &document.locate(findings));
        }
    }
    CliError::AlreadyReported
}

/// Prints the findings of a document that does not load.
fn report_findings(document: &PolicySource, located: &[LocatedFinding]) -> CliError {
    findings::render(document.sources(), located).into_iter().for_each(eprint_styled);
    let count = findings::severity_counts(located.iter().map(|located| located.finding.severity));
    let name = escape_for_terminal(&document.sources()[0].name);
    eprint_styled(format!("{}: {name} does not load: {count}", styled(BAD_STYLE, "error")));
    CliError::AlreadyReported
}

fn print_comparison(comparison: &Comparison, output: &mut OutputWriter) -> Result<(), CliError> {
    for mode in &comparison.modes {
        let whose = match &mode.project {
            Some(project) => format!("whitelist mode of project `{}`", escape_for_terminal(project)),
            None => "whitelist mode".to_owned(),
        };
        output.line(match mode.on {
            true => {
                format!("{} {whose} is turned ON: what no entry covers is denied from now on", styled(INFO_STYLE, "-"))
            }
            false => {
                format!("{} {whose} is turned OFF: every registry is allowed that was denied", styled(BAD_STYLE, "+"))
            }
        })?;
    }
    match comparison.match_resolved_addresses {
        Some(true) => output
            .line(format!("{} addresses and networks cover names now, by what DNS says", styled(INFO_STYLE, "~")))?,
        Some(false) => {
            output.line(format!("{} addresses and networks do not cover names any more", styled(INFO_STYLE, "~")))?
        }
        None => {}
    }
    let mut last = None;
    for region in &comparison.regions {
        if last != Some(region.change) {
            if last.is_some() || !comparison.modes.is_empty() || comparison.match_resolved_addresses.is_some() {
                output.line("")?;
            }
            output.line(change_title(region.change))?;
            last = Some(region.change);
        }
        output.line(region_line(region))?;
        output.line(witness_line(&region.witness))?;
        let omitted = comparison.omitted.iter().find(|omitted| omitted.change == region.change);
        let is_last = comparison.regions.iter().rfind(|other| other.change == region.change) == Some(region);
        if let Some(omitted) = omitted.filter(|_| is_last) {
            output.line(format!("  and {} more", omitted.count))?;
        }
    }
    if last.is_some() {
        output.line("")?;
    }
    if !comparison.exhaustive {
        output.line("patterns overlap in over 10,000 ways, so that differences may be missing here")?;
    }
    output.line(match comparison.verdict {
        ComparisonVerdict::Same => {
            format!("{}: every request is decided as before", styled(GOOD_STYLE, "same meaning"))
        }
        ComparisonVerdict::NotWider => {
            format!("{}: nothing is newly allowed, and nothing is reached less safely", styled(GOOD_STYLE, "not wider"))
        }
        ComparisonVerdict::Wider => {
            format!("{}: look at what is newly allowed or less safe before you apply it", styled(BAD_STYLE, "wider"))
        }
    })
}

fn change_title(change: ChangeKind) -> String {
    match change {
        ChangeKind::NewlyAllowed => styled(BAD_STYLE, "newly allowed"),
        ChangeKind::NewlyDenied => styled(INFO_STYLE, "newly denied"),
        ChangeKind::NowUnverified => styled(BAD_STYLE, "now without verification"),
        ChangeKind::NowVerified => styled(GOOD_STYLE, "now verified"),
        ChangeKind::NowPlainHttp => styled(BAD_STYLE, "now over plain HTTP too"),
        ChangeKind::NoLongerPlainHttp => styled(GOOD_STYLE, "no longer over plain HTTP"),
        ChangeKind::OtherAuthorities => styled(WARNING_STYLE, "now with other certificate authorities"),
        ChangeKind::NowByDns => styled(WARNING_STYLE, "now depending on DNS"),
        ChangeKind::NoLongerByDns => styled(INFO_STYLE, "no longer depending on DNS"),
    }
}

fn region_line(region: &Region) -> String {
    let (style, sign) = match region.change {
        ChangeKind::NewlyAllowed | ChangeKind::NowUnverified | ChangeKind::NowPlainHttp => (BAD_STYLE, '+'),
        ChangeKind::NewlyDenied | ChangeKind::NowVerified | ChangeKind::NoLongerPlainHttp => (GOOD_STYLE, '-'),
        ChangeKind::OtherAuthorities | ChangeKind::NowByDns | ChangeKind::NoLongerByDns => (WARNING_STYLE, '~'),
    };
    let mut text = format!("  {} {}", styled(style, sign), escape_for_terminal(&region.text));
    for (word, fingerprints) in [("now", &region.added), ("no longer", &region.removed)] {
        for fingerprint in fingerprints {
            text.push_str(&format!("\n      {word} sha256:{fingerprint}"));
        }
    }
    text
}

/// Formats a witness: the request and its outcomes under both policies.
fn witness_line(witness: &Witness) -> String {
    let mut text = match witness.kind {
        ReferenceKind::Image => escape_for_terminal(&witness.reference),
        ReferenceKind::Registry => format!("a login to {}", escape_for_terminal(&witness.reference)),
    };
    if let Some(project) = &witness.project {
        text.push_str(&format!(" of project `{}`", escape_for_terminal(project)));
    }
    if !witness.dns_answers.is_empty() {
        let dns_answers: Vec<String> = witness.dns_answers.iter().map(describe_dns_answer).collect();
        text.push_str(&format!(" where {}", dns_answers.join(" and ")));
    }
    format!(
        "      {} {text}: {} -> {}",
        styled(LABEL_STYLE, "such as"),
        escape_for_terminal(&witness.before),
        escape_for_terminal(&witness.after)
    )
}

fn describe_dns_answer(dns_answer: &DnsAnswer) -> String {
    let subject = escape_for_terminal(&dns_answer.subject);
    let answers = escape_for_terminal(&dns_answer.answers.join(", "));
    match (dns_answer.kind, dns_answer.answers.is_empty()) {
        (LookupKind::Reverse, true) => format!("{subject} has no name"),
        (LookupKind::Reverse, false) => format!("{subject} is called {answers}"),
        (LookupKind::Forward, true) => format!("{subject} has no address"),
        (LookupKind::Forward, false) => format!("{subject} is at {answers}"),
    }
}
