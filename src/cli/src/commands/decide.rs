//! `pullgate decide` and `pullgate explain`: decisions about references by a policy.

use clap::ArgMatches;
use pullgate::{Code, Decision, DnsAnswer, Explanation, Finding, ReferenceKind, Request};
use pullgate_host::{Dns, DnsLimits, EvaluatorOptions, LoadError, Module, PolicyEvaluator, now};
use tokio::runtime::{Builder, Runtime};

use crate::args::{DecideArgs, PolicyFlags};
use crate::dns_answers;
use crate::error::{CliError, io_error_reason};
use crate::output::{BAD_STYLE, GOOD_STYLE, OutputWriter, WARNING_STYLE, eprint_styled, styled};
use crate::render::decision::DecisionRenderer;
use pullgate_source::findings;
use pullgate_source::{FlagEntries, LocatedFinding, PolicySource};
use pullgate_source::{InputText, StdinLines, display_name, is_stdin};

/// Maximum size of a certificate file in bytes, far above that of any bundle.
const MAX_CA_FILE_BYTES: usize = 16 << 20;

/// The command that runs: both share everything but the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecideMode {
    Decide,
    Explain,
}

/// Runs the command. Returns whether every reference and login is allowed.
pub fn run(ask: &DecideArgs, matches: &ArgMatches, mode: DecideMode) -> Result<bool, CliError> {
    let dashes = ask.references.iter().filter(|reference| *reference == "-").count();
    let document = load_policy(&ask.flags, dashes)?;
    let module = Module::built_in()?;
    let mut session = DecideSession::new(ask, mode, &document, &module)?;
    let mut output = OutputWriter::new(ask.json);
    for (kind, text) in subjects(ask, matches) {
        if kind == ReferenceKind::Image && text == "-" {
            let mut lines = StdinLines::open();
            while let Some(line) = lines.next_line()? {
                if !line.trim().is_empty() {
                    session.decide_one(&line, kind, &mut output)?;
                }
                if lines.would_block() {
                    output.flush()?;
                }
            }
        } else {
            session.decide_one(text, kind, &mut output)?;
        }
    }
    if session.tally.total() == 0 {
        // The program that writes the references may have failed, and an empty input is no permission.
        return Err(CliError::new(
            "nothing was decided: standard input has no reference",
            "write one reference a line",
        ));
    }
    if !ask.json && session.tally.total() > 1 {
        output.line(format!("\n{}", session.tally.describe()))?;
    }
    output.flush()?;
    Ok(session.tally.allowed == session.tally.total())
}

/// Returns the references and logins in the order of the command line.
fn subjects<'a>(ask: &'a DecideArgs, matches: &ArgMatches) -> Vec<(ReferenceKind, &'a str)> {
    let of = |id: &str, kind: ReferenceKind, texts: &'a [String]| {
        let places = matches.indices_of(id).into_iter().flatten();
        places.zip(texts).map(move |(place, text)| (place, kind, text.as_str())).collect::<Vec<_>>()
    };
    let mut subjects = of("references", ReferenceKind::Image, &ask.references);
    subjects.extend(of("login", ReferenceKind::Registry, &ask.login));
    subjects.sort_by_key(|(place, _, _)| *place);
    subjects.into_iter().map(|(_, kind, text)| (kind, text)).collect()
}

/// Loads the policy of the flags. `dashes` counts the other uses of standard input.
pub fn load_policy(given: &PolicyFlags, dashes: usize) -> Result<PolicySource, CliError> {
    let flags =
        !(given.whitelist_registry.is_empty() && given.insecure_registry.is_empty() && given.registry_ca.is_empty());
    if given.policy.is_none() && !flags {
        let message = "there is no policy to decide by: give `--policy FILE`, or entries with `--whitelist-registry ENTRY` and \
                       `--insecure-registry ENTRY`";
        return Err(CliError::Usage(message.to_owned()));
    }
    let on_stdin = |path: &&std::path::PathBuf| is_stdin(path);
    let stdin = given.policy.iter().chain(&given.registry_ca).filter(on_stdin).count() + dashes;
    if stdin > 1 {
        return Err(CliError::Usage("standard input can be read once only: leave one `-`".to_owned()));
    }
    let mut document = match &given.policy {
        Some(path) => {
            let (document, located) = PolicySource::read(path)?;
            if !located.is_empty() {
                return Err(report_errors(&document, &located));
            }
            document
        }
        None => PolicySource::from_flags(),
    };
    if flags {
        let authorities = given.registry_ca.iter().map(|path| {
            let what = "file of certificate authorities";
            let too_large = || {
                CliError::without_help(format!(
                    "the {what} `{}` has over {MAX_CA_FILE_BYTES} bytes",
                    display_name(path)
                ))
            };
            InputText::read(path, what, MAX_CA_FILE_BYTES)?.ok_or_else(too_large)
        });
        let authorities = authorities.collect::<Result<_, _>>()?;
        document.add_flags(FlagEntries {
            whitelist: &given.whitelist_registry,
            insecure: &given.insecure_registry,
            authorities,
        });
    }
    Ok(document)
}

/// Loads the policy into an evaluator.
pub fn load_evaluator(document: &PolicySource, module: &Module, dns: Option<Dns>) -> Result<PolicyEvaluator, CliError> {
    let options = EvaluatorOptions { dns, ..EvaluatorOptions::default() };
    let (evaluator, findings) = match module.load_shared(document.shared_json(), now(), options) {
        Ok(loaded) => loaded,
        Err(LoadError::Policy(findings)) => return Err(report_errors(document, &document.locate(findings))),
        Err(LoadError::Failed(failure)) => return Err(failure.into()),
    };
    if !document.has_flag_entries() {
        return Err(CliError::without_help(
            "the policy file has lists to which the flags cannot be added: give one or the other",
        ));
    }
    warn_ignored_certificates(document, findings)?;
    Ok(evaluator)
}

/// Prints the certificates that are ignored because of their dates (rule P3). Other findings are left to `check`: they
/// would repeat with every decision.
fn warn_ignored_certificates(document: &PolicySource, mut findings: Vec<Finding>) -> Result<(), CliError> {
    findings.retain(|finding| matches!(finding.code, Code::CertificateExpired | Code::CertificateNotYetValid));
    if findings.is_empty() {
        return Ok(());
    }
    print_findings(document, &document.locate(findings));
    eprint_styled(format!("{}: the policy is used without these certificates", styled(WARNING_STYLE, "warning")));
    Ok(())
}

/// Prints the findings of a policy that does not load.
fn report_errors(document: &PolicySource, located: &[LocatedFinding]) -> CliError {
    print_findings(document, located);
    let count = findings::severity_counts(located.iter().map(|located| located.finding.severity));
    eprint_styled(format!("{}: the policy does not load: {count}", styled(BAD_STYLE, "error")));
    CliError::AlreadyReported
}

/// Writes findings to standard error.
fn print_findings(document: &PolicySource, located: &[LocatedFinding]) {
    findings::render(document.sources(), located).into_iter().for_each(eprint_styled);
}

/// A loaded policy with the state of one run.
struct DecideSession<'a> {
    args: &'a DecideArgs,
    mode: DecideMode,
    document: &'a PolicySource,
    dns_answers: Vec<DnsAnswer>,
    evaluator: PolicyEvaluator,
    /// The error of the resolver's setup, until it is printed.
    dns_error: Option<String>,
    runtime: Runtime,
    tally: DecisionTally,
}

impl<'a> DecideSession<'a> {
    fn new(
        ask: &'a DecideArgs,
        mode: DecideMode,
        document: &'a PolicySource,
        module: &Module,
    ) -> Result<Self, CliError> {
        let dns_answers = dns_answers::parse_dns_answers(module, &ask.dns_answer)?;
        let (dns, trouble) = match (!ask.no_dns).then(|| Dns::system(DnsLimits::default())) {
            Some(Ok(dns)) => (Some(dns), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        let evaluator = load_evaluator(document, module, dns)?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::without_help(format!("DNS cannot be asked: {}", io_error_reason(&error))))?;
        Ok(Self {
            args: ask,
            mode,
            document,
            dns_answers,
            evaluator,
            dns_error: trouble,
            runtime,
            tally: DecisionTally::default(),
        })
    }

    /// Decides one request and prints the decision.
    fn decide_one(&mut self, reference: &str, kind: ReferenceKind, output: &mut OutputWriter) -> Result<(), CliError> {
        let request =
            Request { reference, kind, project: self.args.flags.project.as_deref(), dns_answers: &self.dns_answers };
        let (Explanation { response, steps }, json) = match self.mode {
            DecideMode::Decide => {
                let response = self.runtime.block_on(self.evaluator.answer(&request));
                let json = self.args.json.then(|| response.to_json());
                (Explanation { response, steps: Vec::new() }, json)
            }
            DecideMode::Explain => {
                let explanation = self.runtime.block_on(self.evaluator.explain(&request));
                let json = self.args.json.then(|| explanation.to_json());
                (explanation, json)
            }
        };
        if matches!(response.decision, Decision::Lookup(_))
            && let Some(trouble) = self.dns_error.take()
        {
            eprint_styled(format!("{}: DNS cannot be asked: {trouble}", styled(WARNING_STYLE, "warning")));
        }
        let is_first = self.tally.total() == 0;
        self.tally.count(&response.decision);
        if let Some(json) = json {
            return output.line(json);
        }
        if !is_first {
            output.line("")?;
        }
        let renderer = DecisionRenderer {
            document: self.document,
            authorities: self.evaluator.authorities(),
            asks_dns: !self.args.no_dns,
        };
        output.line(renderer.to_text(&response, &steps))
    }
}

/// Counts of decisions by kind.
#[derive(Default)]
struct DecisionTally {
    allowed: usize,
    denied: usize,
    undecided: usize,
}

impl DecisionTally {
    fn count(&mut self, decision: &Decision<'_>) {
        match decision {
            Decision::Allow(_) => self.allowed += 1,
            Decision::Deny(_) => self.denied += 1,
            Decision::Lookup(_) => self.undecided += 1,
        }
    }

    fn total(&self) -> usize {
        self.allowed + self.denied + self.undecided
    }

    fn describe(&self) -> String {
        let parts = [
            (self.allowed, "allowed", GOOD_STYLE),
            (self.denied, "denied", BAD_STYLE),
            (self.undecided, "undecided", WARNING_STYLE),
        ];
        let parts = parts.into_iter().filter(|(number, _, _)| *number > 0);
        parts.map(|(number, word, style)| format!("{number} {}", styled(style, word))).collect::<Vec<_>>().join(", ")
    }
}
