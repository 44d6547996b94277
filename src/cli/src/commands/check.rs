//! `pullgate check`: what is wrong with a policy or an entry.

use std::path::Path;

use pullgate::{EntryKind, EntryReport, Finding, List, PolicyReport};
use pullgate_host::{Module, now};

use crate::args::Check;
use crate::error::Failure;
use crate::output::{BAD, GOOD, Output, json_line, styled, visible};
use pullgate_source::findings;
use pullgate_source::{Document, Located};
use pullgate_source::{Source, StdinLines};

/// Runs the command. `true` if there are no errors.
pub fn run(arguments: &Check) -> Result<bool, Failure> {
    let mut output = Output::new(arguments.json);
    let sound = match (&arguments.file, arguments.entry.as_deref()) {
        (Some(file), _) => policy(file, arguments.json, &mut output)?,
        (None, Some("-")) => stdin_entries(arguments, &mut output)?,
        (None, Some(text)) => entry(&Module::built_in()?, text, arguments, &mut output)?,
        (None, None) => return Err(Failure::Usage("give a FILE or an --entry to check".to_owned())),
    };
    output.flush()?;
    Ok(sound)
}

fn policy(file: &Path, json: bool, output: &mut Output) -> Result<bool, Failure> {
    let (document, mut located) = Document::read(file)?;
    let mut canonical = None;
    if located.is_empty() {
        let report = Module::built_in()?.check_policy(document.json(), now())?;
        located = document.locate(report.findings);
        canonical = report.canonical;
    }
    let sound = !located.iter().any(|located| located.finding.is_error());
    if json {
        let findings = located.into_iter().map(|located| located.finding).collect();
        output.line(json_line(&PolicyReport { canonical, findings })?)?;
    } else {
        for block in findings::render(document.sources(), &located) {
            output.line(block)?;
        }
        output.line(summary(&document.sources()[0].name, sound, &located))?;
    }
    Ok(sound)
}

fn summary(name: &str, sound: bool, located: &[Located]) -> String {
    let count = findings::count(located.iter().map(|located| located.finding.severity));
    let count = if count.is_empty() { "nothing to say about it".to_owned() } else { count };
    let verdict = if sound { styled(GOOD, "loads") } else { styled(BAD, "does not load") };
    format!("{} {verdict}: {count}", visible(name))
}

/// One entry a line. Every line is one, blank ones too, so that reports and lines go together.
fn stdin_entries(arguments: &Check, output: &mut Output) -> Result<bool, Failure> {
    let module = Module::built_in()?;
    let mut lines = StdinLines::new();
    let mut sound = true;
    while let Some(line) = lines.next()? {
        sound &= entry(&module, &line, arguments, output)?;
        if lines.may_wait() {
            output.flush()?;
        }
    }
    Ok(sound)
}

fn entry(module: &Module, text: &str, arguments: &Check, output: &mut Output) -> Result<bool, Failure> {
    let list = List::from(arguments.list);
    let report = module.check_entry(text, list)?;
    let sound = !report.findings.iter().any(Finding::is_error);
    if arguments.json {
        output.line(json_line(&report)?)?;
    } else {
        show_entry(report, list, output)?;
    }
    Ok(sound)
}

fn show_entry(report: EntryReport, list: List, output: &mut Output) -> Result<(), Failure> {
    // The report's text is masked and as long as the entry was, so ranges fit it.
    let EntryReport { text: shown, entry, kind, findings } = report;
    let located: Vec<_> = findings.into_iter().map(Located::in_itself).collect();
    for block in findings::render(&[Source::flag("entry", &shown)], &located) {
        output.line(block)?;
    }
    let list = match list {
        List::Whitelist => "whitelist",
        List::Insecure => "insecure list",
        List::BuiltIn => "list of built-in registries",
    };
    output.line(match (entry, kind) {
        (Some(entry), Some(kind)) => {
            format!("{}: {} `{entry}`", styled(GOOD, format!("fit for the {list}")), noun(kind))
        }
        _ => format!("{}: `{}`", styled(BAD, format!("not fit for the {list}")), visible(&shown)),
    })
}

fn noun(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Address => "the address",
        EntryKind::Network => "the network",
        EntryKind::Name => "the name",
        EntryKind::Wildcard => "the wildcard",
    }
}
