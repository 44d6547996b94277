//! `pullgate export`: a policy as the settings of a container runtime.

use std::path::PathBuf;

use pullgate::Severity;
use pullgate_daemon::EvaluatorDecisions;
use pullgate_host::{Module, now};
use pullgate_runtimes::{
    ConfigFile, Export, ExportError, ExportReport, ExportRequest, ExportedEntry, ExportedList, Fidelity, FileContent,
    HostFiles, PolicyContext, PolicyView, PolicyViewError,
};
use pullgate_source::PolicySource;
use serde::Serialize;

use crate::args::{ExportArgs, PolicyFlags};
use crate::commands::decide::{load_evaluator, load_policy};
use crate::error::CliError;
use crate::output::{
    BAD_STYLE, GOOD_STYLE, INFO_STYLE, OutputWriter, WARNING_STYLE, eprint_styled, escape_for_terminal, json_line,
    styled,
};

/// A loaded policy with its lists.
pub struct LoadedPolicy {
    view: PolicyView,
    decisions: EvaluatorDecisions,
    project: Option<String>,
}

impl LoadedPolicy {
    /// Loads the policy of the flags.
    pub fn load(flags: &PolicyFlags) -> Result<Self, CliError> {
        let document = load_policy(flags, 0)?;
        let module = Module::built_in()?;
        let evaluator = load_evaluator(&document, &module, None)?;
        let canonical = canonical(&module, &document)?;
        let view = PolicyView::new(&canonical, flags.project.as_deref()).map_err(|error| match error {
            PolicyViewError::UnknownProject(_) => CliError::Usage(error.to_string()),
            PolicyViewError::Syntax(_) | PolicyViewError::InvalidEntry(_) => CliError::without_help(error.to_string()),
        })?;
        Ok(Self { view, decisions: EvaluatorDecisions(evaluator), project: flags.project.clone() })
    }

    /// Returns the policy for an export or a comparison.
    pub fn context(&self) -> PolicyContext<'_> {
        PolicyContext { view: &self.view, policy: &self.decisions, project: self.project.as_deref() }
    }
}

fn canonical(module: &Module, document: &PolicySource) -> Result<String, CliError> {
    // A policy that loads has a canonical form.
    let report = module.check_policy(document.json(), now())?;
    report.canonical.ok_or_else(|| {
        let error = report.findings.into_iter().find(|finding| finding.severity == Severity::Error);
        CliError::without_help(error.map_or_else(|| "the policy does not load".to_owned(), |error| error.message))
    })
}

/// The result as JSON.
#[derive(Serialize)]
struct ExportOutcome<'a> {
    #[serde(flatten)]
    report: ExportReport<'a>,
    /// The files that were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<Vec<PathBuf>>,
}

/// Runs the command. Returns false if the target would allow more than the policy.
pub fn run(arguments: &ExportArgs) -> Result<bool, CliError> {
    let policy = LoadedPolicy::load(&arguments.flags)?;
    let files = arguments.out.as_ref().map_or_else(HostFiles::none, HostFiles::below);
    let request = ExportRequest {
        policy: policy.context(),
        files: &files,
        allows_wider: arguments.allow_wider,
        gate: arguments.gate.as_ref(),
    };
    let export = match arguments.to.export(&request) {
        Ok(export) => export,
        Err(ExportError::Wider(reason)) => {
            eprint_styled(format!("{}: nothing is exported: {reason}", styled(BAD_STYLE, "error")));
            return Ok(false);
        }
        Err(error) => return Err(CliError::without_help(error.to_string())),
    };
    let written = match &arguments.out {
        Some(_) => Some(files.write(&export.files).map_err(|error| CliError::without_help(error.to_string()))?),
        None => None,
    };
    let mut output = OutputWriter::new(arguments.json);
    if arguments.json {
        let report = ExportReport::new(arguments.to, &export);
        output.line(json_line(&ExportOutcome { report, written })?)?;
    } else {
        print_files(&export.files, written.as_deref(), &mut output)?;
        print_report(&export);
    }
    output.flush()?;
    Ok(true)
}

/// Prints the files that were written, or the content of those that would be.
fn print_files(files: &[ConfigFile], written: Option<&[PathBuf]>, output: &mut OutputWriter) -> Result<(), CliError> {
    if let Some(written) = written {
        for (file, path) in files.iter().zip(written) {
            let kept = if file.is_merged { ", its other members kept" } else { "" };
            output.line(format!(
                "{}: {}{kept}",
                styled(GOOD_STYLE, "written"),
                escape_for_terminal(&path.display().to_string())
            ))?;
        }
        return Ok(());
    }
    for (index, file) in files.iter().enumerate() {
        if files.len() > 1 {
            let gap = if index == 0 { "" } else { "\n" };
            output.line(format!("{gap}# {}", file.path))?;
        }
        match &file.content {
            FileContent::Text(text) => output.text(text)?,
            FileContent::Link(target) => output.line(format!("-> {target}"))?,
        }
    }
    Ok(())
}

fn print_report(export: &Export) {
    for ExportedEntry { list, entry, fidelity, reason } in &export.entries {
        let style = match fidelity {
            Fidelity::Equal => GOOD_STYLE,
            Fidelity::Narrower => WARNING_STYLE,
            Fidelity::Wider => BAD_STYLE,
            Fidelity::ByPullgate => INFO_STYLE,
        };
        let place = match list {
            ExportedList::CertificateAuthorities => format!("{}[{entry}]", list.as_str()),
            _ => format!("{} `{entry}`", list.as_str()),
        };
        let reason = reason.as_ref().map(|reason| format!(": {}", escape_for_terminal(reason))).unwrap_or_default();
        eprint_styled(format!("{} {}{reason}", styled(style, fidelity), escape_for_terminal(&place)));
    }
    for note in &export.notes {
        eprint_styled(format!("{}: {}", styled(INFO_STYLE, "note"), escape_for_terminal(note)));
    }
    if let Some(line) = &export.command_line {
        eprint_styled(escape_for_terminal(line));
    }
}
