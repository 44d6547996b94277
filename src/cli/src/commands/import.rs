//! `pullgate import`: the settings of a container runtime as a policy.

use pullgate::Finding;
use pullgate_host::{Module, now};
use pullgate_runtimes::{
    Import, ImportReport, ImportSeverity, SourceDetectionError, detect_sources, read_source_files,
};
use pullgate_source::display_name;

use crate::args::ImportArgs;
use crate::error::CliError;
use crate::output::{
    BAD_STYLE, INFO_STYLE, OutputWriter, WARNING_STYLE, eprint_styled, escape_for_terminal, json_line, styled,
};

/// Runs the command. Returns whether all of the source is in the policy.
pub fn run(arguments: &ImportArgs) -> Result<bool, CliError> {
    let sources = read_source_files(&arguments.files)?;
    let source = match arguments.from {
        Some(source) => source,
        None => detect_sources(&sources).map_err(unknown_source)?,
    };
    let import = source.import(&sources);
    let report = Module::built_in()?.check_policy(&import.to_policy().to_string(), now())?;
    if report.canonical.is_none() {
        let errors = report.findings.into_iter().filter(Finding::is_error).map(|finding| finding.message);
        return Err(CliError::without_help(format!(
            "what was imported is no policy that loads: {}",
            errors.collect::<Vec<_>>().join("; ")
        )));
    }
    let names: Vec<_> = arguments.files.iter().map(|file| display_name(file)).collect();
    let mut output = OutputWriter::new(arguments.json);
    if arguments.json {
        output.line(json_line(&ImportReport::new(source, &import, &names))?)?;
    } else {
        output.text(&import.to_toml(&source.heading(&names)))?;
        print_findings(&import);
    }
    output.flush()?;
    Ok(!import.has_errors())
}

fn unknown_source(error: SourceDetectionError) -> CliError {
    CliError::new(error.to_string(), "give `--from SOURCE`")
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
