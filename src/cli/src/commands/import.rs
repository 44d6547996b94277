//! `pullgate import`: the settings of a container runtime as a policy.

use pullgate::Finding;
use pullgate_host::{Module, now};
use pullgate_runtimes::{Import, ImportSeverity, read_source_files};
use pullgate_source::display_name;
use serde::Serialize;
use serde_json::Value;

use crate::args::ImportArgs;
use crate::error::CliError;
use crate::output::{
    BAD_STYLE, INFO_STYLE, OutputWriter, WARNING_STYLE, eprint_styled, escape_for_terminal, json_line, styled,
};

/// The result as JSON.
#[derive(Serialize)]
struct ImportReport<'a> {
    source: &'static str,
    policy: Value,
    #[serde(flatten)]
    import: &'a Import,
}

/// Runs the command. Returns whether all of the source is in the policy.
pub fn run(arguments: &ImportArgs) -> Result<bool, CliError> {
    let sources = read_source_files(&arguments.files)?;
    let import = arguments.from.import(&sources);
    let policy = import.to_policy();
    let report = Module::built_in()?.check_policy(&policy.to_string(), now())?;
    if report.canonical.is_none() {
        let errors = report.findings.into_iter().filter(Finding::is_error).map(|finding| finding.message);
        return Err(CliError::without_help(format!(
            "what was imported is no policy that loads: {}",
            errors.collect::<Vec<_>>().join("; ")
        )));
    }
    let mut output = OutputWriter::new(arguments.json);
    if arguments.json {
        output.line(json_line(&ImportReport { source: arguments.from.as_str(), policy, import: &import })?)?;
    } else {
        let names: Vec<_> = arguments.files.iter().map(|file| display_name(file)).collect();
        output.text(&import.to_toml(&format!(
            "Imported by `pullgate import --from {}` from {}.",
            arguments.from.as_str(),
            names.join(", ")
        )))?;
        print_findings(&import);
    }
    output.flush()?;
    Ok(!import.has_errors())
}

fn print_findings(import: &Import) {
    for finding in &import.findings {
        let (style, word) = match finding.severity {
            ImportSeverity::Error => (BAD_STYLE, "error"),
            ImportSeverity::Warning => (WARNING_STYLE, "warning"),
            ImportSeverity::Info => (INFO_STYLE, "info"),
        };
        let label = styled(style, format!("{word}[{}]", finding.code));
        eprint_styled(format!("{label}: {}\n  --> {}", escape_for_terminal(&finding.message), finding.origin));
    }
}
