//! `pullgate check`: the findings about a policy or an entry.

use std::path::Path;

use pullgate::{Code, EntryKind, EntryList, EntryReport, Finding, PolicyReport};
use pullgate_host::{Module, now};
use pullgate_runtimes::detect_source;
use serde::Serialize;

use crate::args::CheckArgs;
use crate::error::CliError;
use crate::output::{
    BAD_STYLE, GOOD_STYLE, INFO_STYLE, OutputWriter, WARNING_STYLE, escape_for_terminal, json_line, styled,
};
use crate::runtime_notes::{RuntimeNote, runtime_notes};
use pullgate_source::findings;
use pullgate_source::{InputText, StdinLines};
use pullgate_source::{LocatedFinding, PolicySource};

/// Runs the command. Returns whether there are no errors.
pub fn run(arguments: &CheckArgs) -> Result<bool, CliError> {
    let mut output = OutputWriter::new(arguments.json);
    let sound = match (&arguments.file, arguments.entry.as_deref()) {
        (Some(file), _) => check_policy_file(file, arguments, &mut output)?,
        (None, Some("-")) => check_stdin_entries(arguments, &mut output)?,
        (None, Some(text)) => check_entry(&Module::built_in()?, text, arguments, &mut output)?,
        (None, None) => return Err(CliError::Usage("give a FILE or an --entry to check".to_owned())),
    };
    output.flush()?;
    Ok(sound)
}

/// The report about a policy file as JSON.
#[derive(Serialize)]
struct FileReport {
    #[serde(flatten)]
    report: PolicyReport,
    /// The notes about the runtimes that were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<Vec<RuntimeNote>>,
    /// The command that imports the file of another program.
    #[serde(rename = "importCommand", skip_serializing_if = "Option::is_none")]
    import_command: Option<String>,
}

fn check_policy_file(file: &Path, arguments: &CheckArgs, output: &mut OutputWriter) -> Result<bool, CliError> {
    let (document, mut located) = PolicySource::read(file)?;
    let (mut canonical, mut notes) = (None, Vec::new());
    if located.is_empty() {
        let module = Module::built_in()?;
        let report = module.check_policy(document.json(), now())?;
        located = document.locate(report.findings);
        canonical = report.canonical;
        if let Some(canonical) = &canonical {
            notes = runtime_notes(&module, canonical, &arguments.runtimes)?;
        }
    }
    let import_command = import_command(file, &document, &located);
    let (sound, loads) = (!located.iter().any(|located| located.finding.is_error()), canonical.is_some());
    if arguments.json {
        let findings = located.into_iter().map(|located| located.finding).collect();
        let notes = (!arguments.runtimes.is_empty()).then_some(notes);
        output.line(json_line(&FileReport { report: PolicyReport { canonical, findings }, notes, import_command })?)?;
    } else {
        for block in findings::render(document.sources(), &located) {
            output.line(block)?;
        }
        for RuntimeNote { code, text, docs, .. } in &notes {
            let label = styled(INFO_STYLE, format!("note[{code}]"));
            output.line(format!("{label}: {text}\n  see {docs}\n"))?;
        }
        if let Some(command) = import_command {
            let label = styled(INFO_STYLE, "help");
            output.line(format!("{label}: `{}` makes a policy of it", escape_for_terminal(&command)))?;
        }
        output.line(summary_line(&document.sources()[0].name, loads, &located))?;
    }
    Ok(sound)
}

/// Returns the command that imports a file of another program (rule P7).
fn import_command(file: &Path, document: &PolicySource, located: &[LocatedFinding]) -> Option<String> {
    located.iter().find(|located| located.finding.code == Code::DocumentForeign)?;
    let source = detect_source(&document.sources()[0].text)?;
    Some(format!("pullgate import --from {} {}", source.as_str(), file.display()))
}

fn summary_line(name: &str, loads: bool, located: &[LocatedFinding]) -> String {
    let count = findings::severity_counts(located.iter().map(|located| located.finding.severity));
    let count = if count.is_empty() { "nothing to say about it".to_owned() } else { count };
    let is_date = |code| matches!(code, Code::CertificateExpired | Code::CertificateNotYetValid);
    let verdict = match (loads, located.iter().any(|located| is_date(located.finding.code))) {
        (false, _) => styled(BAD_STYLE, "does not load"),
        (true, false) => styled(GOOD_STYLE, "loads"),
        (true, true) => styled(WARNING_STYLE, "loads without the certificates that have expired or are not valid yet"),
    };
    format!("{} {verdict}: {count}", escape_for_terminal(name))
}

/// Checks one entry per line. Blank lines count too, so that reports and lines correspond.
fn check_stdin_entries(arguments: &CheckArgs, output: &mut OutputWriter) -> Result<bool, CliError> {
    let module = Module::built_in()?;
    let mut lines = StdinLines::open();
    let mut sound = true;
    while let Some(line) = lines.next_line()? {
        sound &= check_entry(&module, &line, arguments, output)?;
        if lines.would_block() {
            output.flush()?;
        }
    }
    Ok(sound)
}

fn check_entry(
    module: &Module,
    text: &str,
    arguments: &CheckArgs,
    output: &mut OutputWriter,
) -> Result<bool, CliError> {
    let list = EntryList::from(arguments.list);
    let report = module.check_entry(text, list)?;
    let sound = !report.findings.iter().any(Finding::is_error);
    if arguments.json {
        output.line(json_line(&report)?)?;
    } else {
        print_entry_report(report, list, output)?;
    }
    Ok(sound)
}

fn print_entry_report(report: EntryReport, list: EntryList, output: &mut OutputWriter) -> Result<(), CliError> {
    // The text in the report is redacted and of the same length as the entry, so its ranges are valid.
    let EntryReport { text: shown, entry, kind, findings } = report;
    let located: Vec<_> = findings.into_iter().map(LocatedFinding::in_own_text).collect();
    for block in findings::render(&[InputText::from_flag("entry", &shown)], &located) {
        output.line(block)?;
    }
    let list = match list {
        EntryList::Whitelist => "whitelist",
        EntryList::Insecure => "insecure list",
        EntryList::BuiltIn => "list of built-in registries",
        EntryList::Blocked => "list of blocked registries",
    };
    output.line(match (entry, kind) {
        (Some(entry), Some(kind)) => {
            format!("{}: {} `{entry}`", styled(GOOD_STYLE, format!("fit for the {list}")), kind_noun(kind))
        }
        _ => format!("{}: `{}`", styled(BAD_STYLE, format!("not fit for the {list}")), escape_for_terminal(&shown)),
    })
}

fn kind_noun(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Address => "the address",
        EntryKind::Network => "the network",
        EntryKind::Name => "the name",
        EntryKind::Wildcard => "the wildcard",
        EntryKind::Pattern => "the pattern",
    }
}
