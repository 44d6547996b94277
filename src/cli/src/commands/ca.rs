//! `pullgate ca`: the certificates of PEM files, and the findings about them.

use std::collections::HashSet;
use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use pullgate::{CertificateInfo, CertificateReport, Code, Finding, KeyInfo, MAX_BUNDLE_BYTES, Severity};
use pullgate_host::{Module, now};

use crate::args::CaArgs;
use crate::error::CliError;
use crate::output::{
    BAD_STYLE, GOOD_STYLE, INFO_STYLE, OutputWriter, WARNING_STYLE, eprint_styled, escape_for_terminal, json_line,
    styled,
};
use pullgate_source::findings;
use pullgate_source::{display_name, is_stdin, read_bytes};

/// Runs the command. Returns whether there are no errors.
pub fn run(arguments: &CaArgs) -> Result<bool, CliError> {
    if arguments.files.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(CliError::Usage("standard input can be read once only: leave one `-`".to_owned()));
    }
    let module = Module::built_in()?;
    let at = arguments.at.unwrap_or_else(now);
    let mut output = OutputWriter::new(arguments.json || arguments.pem);
    let mut sound = true;
    for (index, path) in arguments.files.iter().enumerate() {
        // One byte over the limit tells the module that the bundle is too large.
        let bytes = read_bytes(path, "file of certificates", MAX_BUNDLE_BYTES + 1)?;
        if arguments.pem {
            sound &= write_plain_pem(&module, path, bytes, at, &mut output)?;
            continue;
        }
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

/// The maximum number of times that fixes are applied: each application leaves fewer.
const MAX_FIX_ROUNDS: usize = 8;

/// Writes the certificates of a bundle in plain PEM, with every fix applied, and the findings to standard error.
/// Returns whether no errors are left.
fn write_plain_pem(
    module: &Module,
    path: &Path,
    mut bytes: Vec<u8>,
    at: u64,
    output: &mut OutputWriter,
) -> Result<bool, CliError> {
    let name = escape_for_terminal(&display_name(path));
    let mut report = module.check_certificates(&bytes, at)?;
    for finding in in_text_order(&report) {
        eprint_styled(format!("{}: {}", place(&name, &bytes, finding), leveled_message(finding)));
    }
    let known: HashSet<Code> = all_findings(&report).map(|finding| finding.code).collect();
    for _ in 0..MAX_FIX_ROUNDS {
        let Some(fixed) = apply_fixes(&bytes, &report) else { break };
        bytes = fixed;
        report = module.check_certificates(&bytes, at)?;
    }
    // What is to say only now, of a certificate that a fix has brought to light, has no line in the file.
    for finding in in_text_order(&report).into_iter().filter(|finding| !known.contains(&finding.code)) {
        eprint_styled(format!("{name}: {}", leveled_message(finding)));
    }
    let is_rejected = |finding: &Finding| finding.code == Code::CertificateTrustSettings;
    let written = report.certificates.iter().filter(|certificate| !certificate.findings.iter().any(is_rejected));
    for certificate in written {
        output.text(&certificate.pem)?;
    }
    Ok(!all_findings(&report).any(Finding::is_error))
}

/// Applies the fixes of a report that do not overlap; `None` if there are none.
fn apply_fixes(bytes: &[u8], report: &CertificateReport) -> Option<Vec<u8>> {
    let mut fixed = Vec::with_capacity(bytes.len());
    let (mut done, mut is_fixed) = (0, false);
    for finding in in_text_order(report) {
        let (Some(fix), Some(range)) = (&finding.fix, finding.range) else { continue };
        let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
        if let Some(before) = bytes.get(done..start) {
            fixed.extend_from_slice(before);
            fixed.extend_from_slice(fix.as_bytes());
            (done, is_fixed) = (end, true);
        }
    }
    fixed.extend_from_slice(bytes.get(done..)?);
    is_fixed.then_some(fixed)
}

/// Returns the findings in the order of the text; a fix that leaves a block out is before one that rewrites it.
fn in_text_order(report: &CertificateReport) -> Vec<&Finding> {
    let mut all: Vec<&Finding> = all_findings(report).collect();
    all.sort_by_key(|finding| (finding.range.map(|range| range.start), finding.fix.as_ref().map(String::len)));
    all
}

fn all_findings(report: &CertificateReport) -> impl Iterator<Item = &Finding> + Clone {
    report.certificates.iter().flat_map(|certificate| &certificate.findings).chain(&report.findings)
}

/// Prints the certificates as a table, then the findings in the order of the file, then the verdict.
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
    let all = in_text_order(report);
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
    // A terminal that does not report its width reports 0.
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

/// Formats a finding with its place: `ca.pem:12: error[certificate-expired]: ...`.
fn finding_line(name: &str, bytes: &[u8], finding: &Finding) -> String {
    let mut text = format!("{}: {}", place(name, bytes, finding), leveled_message(finding));
    match finding.fix.as_deref() {
        None => {}
        Some("") => text.push_str("\n  help: leave it out"),
        Some(fix) => text.push_str(&format!("\n  help: write this in its place:\n{}", fix.trim())),
    }
    text
}

/// Formats the line of a finding: `ca.pem:12`.
fn place(name: &str, bytes: &[u8], finding: &Finding) -> String {
    let start = finding.range.and_then(|range| usize::try_from(range.start).ok()).unwrap_or_default();
    let before = bytes.get(..start).unwrap_or_default();
    let number = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    format!("{name}:{number}")
}

/// Formats a finding without its place: `error[certificate-expired]: ...`.
fn leveled_message(finding: &Finding) -> String {
    let (style, level) = match finding.severity {
        Severity::Error => (BAD_STYLE, "error"),
        Severity::Warning => (WARNING_STYLE, "warning"),
        Severity::Info => (INFO_STYLE, "info"),
    };
    let level = styled(style, format!("{level}[{}]", finding.code.as_str()));
    format!("{level}: {}", escape_for_terminal(&finding.message))
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
