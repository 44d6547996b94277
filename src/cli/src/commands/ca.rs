//! `pullgate ca`: what is in a file of certificates, and what is wrong with it.

use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use pullgate::{CertificateInfo, CertificateReport, Finding, KeyInfo, MAX_BUNDLE_BYTES, Severity};
use pullgate_host::{Module, now};

use crate::args::CaArgs;
use crate::error::CliError;
use crate::output::{
    BAD_STYLE, GOOD_STYLE, INFO_STYLE, OutputWriter, WARNING_STYLE, escape_for_terminal, json_line, styled,
};
use pullgate_source::findings;
use pullgate_source::{display_name, is_stdin, read_bytes};

/// Runs the command. `true` if there are no errors.
pub fn run(arguments: &CaArgs) -> Result<bool, CliError> {
    if arguments.files.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(CliError::Usage("standard input can be read once only: leave one `-`".to_owned()));
    }
    let module = Module::built_in()?;
    let at = arguments.at.unwrap_or_else(now);
    let mut output = OutputWriter::new(arguments.json);
    let mut sound = true;
    for (index, path) in arguments.files.iter().enumerate() {
        // One byte more than a bundle may have tells the module that there is more.
        let bytes = read_bytes(path, "file of certificates", MAX_BUNDLE_BYTES + 1)?;
        let report = module.check_certificates(&bytes, at)?;
        sound &= !all_findings(&report).any(Finding::is_error);
        if arguments.json {
            output.line(json_line(&report)?)?;
        } else {
            if index > 0 {
                output.line("")?;
            }
            print_report(path, &bytes, &report, &mut output)?;
        }
    }
    output.flush()?;
    Ok(sound)
}

fn all_findings(report: &CertificateReport) -> impl Iterator<Item = &Finding> + Clone {
    report.certificates.iter().flat_map(|certificate| &certificate.findings).chain(&report.findings)
}

/// The certificates as a table, then the findings in the order of the file, then the verdict.
fn print_report(
    path: &Path,
    bytes: &[u8],
    report: &CertificateReport,
    output: &mut OutputWriter,
) -> Result<(), CliError> {
    let name = escape_for_terminal(&display_name(path));
    if !report.certificates.is_empty() {
        output.line(table(&report.certificates))?;
        output.line("")?;
    }
    let mut all: Vec<&Finding> = all_findings(report).collect();
    all.sort_by_key(|finding| finding.range.map(|range| range.start));
    for finding in &all {
        output.line(finding_line(&name, bytes, finding))?;
    }
    if !all.is_empty() {
        output.line("")?;
    }
    output.line(summary_line(&name, report))
}

fn table(certificates: &[CertificateInfo]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["LINE", "SUBJECT", "ISSUER", "VALID UNTIL", "KEY", "SHA-256"]);
    for certificate in certificates {
        let issuer = if certificate.self_issued { "itself" } else { &certificate.issuer };
        let day = certificate.not_after.split('T').next().unwrap_or_default();
        table.add_row([
            certificate.line.to_string(),
            escape_for_terminal(&certificate.subject),
            escape_for_terminal(issuer),
            day.to_owned(),
            key(&certificate.key),
            certificate.sha256.clone(),
        ]);
    }
    // A terminal that does not say how wide it is says 0.
    if table.width() == Some(0) {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.trim_fmt()
}

fn key(key: &KeyInfo) -> String {
    let size = key.bits.map(|bits| bits.to_string()).or_else(|| key.curve.clone());
    match size {
        Some(size) => format!("{} {size}", key.algorithm),
        None => key.algorithm.clone(),
    }
}

/// A finding with its line: `ca.pem:12: error[certificate-expired]: ...`.
fn finding_line(name: &str, bytes: &[u8], finding: &Finding) -> String {
    let (style, level) = match finding.severity {
        Severity::Error => (BAD_STYLE, "error"),
        Severity::Warning => (WARNING_STYLE, "warning"),
        Severity::Info => (INFO_STYLE, "info"),
    };
    let start = finding.range.and_then(|range| usize::try_from(range.start).ok()).unwrap_or_default();
    let before = bytes.get(..start).unwrap_or_default();
    let number = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let level = styled(style, format!("{level}[{}]", finding.code.as_str()));
    let mut text = format!("{name}:{number}: {level}: {}", escape_for_terminal(&finding.message));
    if let Some(fix) = &finding.fix {
        text.push_str(&format!("\n  help: write this in its place:\n{}", fix.trim_end()));
    }
    text
}

fn summary_line(name: &str, report: &CertificateReport) -> String {
    let number = report.certificates.len();
    let certificates = if number == 1 { "1 certificate".to_owned() } else { format!("{number} certificates") };
    let count = findings::severity_counts(all_findings(report).map(|finding| finding.severity));
    let count = if count.is_empty() { "nothing to say about it".to_owned() } else { count };
    let sound = !all_findings(report).any(Finding::is_error);
    let verdict = if sound { styled(GOOD_STYLE, "can be used") } else { styled(BAD_STYLE, "cannot be used as it is") };
    format!("{name} {verdict}: {certificates}, {count}")
}
