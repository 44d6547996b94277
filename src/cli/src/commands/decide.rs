//! `pullgate decide` and `pullgate explain`: what a policy says of references.

use clap::ArgMatches;
use pullgate::{Code, Fact, Finding, ReferenceKind, Request};
use pullgate_host::{Dns, DnsLimits, Gate, LoadError, Module, Options, now};
use serde::Deserialize;
use tokio::runtime::{Builder, Runtime};

use crate::args::{Ask, PolicyFlags};
use crate::dns_answers;
use crate::error::{Failure, reason};
use crate::output::{BAD, GOOD, Output, UNSURE, complain, styled};
use crate::render::decision::{Answer, Decision};
use pullgate_source::findings;
use pullgate_source::{Document, Flags, Located};
use pullgate_source::{Source, StdinLines, is_stdin, name_of};

/// The largest file of certificates that is read, in bytes: far more than any bundle has.
const MAX_AUTHORITIES: usize = 16 << 20;

/// Which of the two commands it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Decide,
    Explain,
}

/// Runs the command. `true` if everything that was asked about is allowed.
pub fn run(ask: &Ask, matches: &ArgMatches, mode: Mode) -> Result<bool, Failure> {
    let dashes = ask.references.iter().filter(|reference| *reference == "-").count();
    let document = document(&ask.flags, dashes)?;
    let module = Module::built_in()?;
    let mut session = Session::new(ask, mode, &document, &module)?;
    let mut output = Output::new(ask.json);
    for (kind, text) in subjects(ask, matches) {
        if kind == ReferenceKind::Image && text == "-" {
            let mut lines = StdinLines::new();
            while let Some(line) = lines.next()? {
                if !line.trim().is_empty() {
                    session.answer(&line, kind, &mut output)?;
                }
                if lines.may_wait() {
                    output.flush()?;
                }
            }
        } else {
            session.answer(text, kind, &mut output)?;
        }
    }
    if session.tally.all() == 0 {
        // What should have written the references may have failed, and nothing is no permission.
        return Err(Failure::new("nothing was decided: standard input has no reference", "write one reference a line"));
    }
    if !ask.json && session.tally.all() > 1 {
        output.line(format!("\n{}", session.tally.words()))?;
    }
    output.flush()?;
    Ok(session.tally.allowed == session.tally.all())
}

/// What is asked about, in the order of the command line.
fn subjects<'a>(ask: &'a Ask, matches: &ArgMatches) -> Vec<(ReferenceKind, &'a str)> {
    let of = |id: &str, kind: ReferenceKind, texts: &'a [String]| {
        let places = matches.indices_of(id).into_iter().flatten();
        places.zip(texts).map(move |(place, text)| (place, kind, text.as_str())).collect::<Vec<_>>()
    };
    let mut subjects = of("references", ReferenceKind::Image, &ask.references);
    subjects.extend(of("login", ReferenceKind::Registry, &ask.login));
    subjects.sort_by_key(|(place, _, _)| *place);
    subjects.into_iter().map(|(_, kind, text)| (kind, text)).collect()
}

/// The policy that was given. `dashes` is how often standard input is read besides.
pub fn document(given: &PolicyFlags, dashes: usize) -> Result<Document, Failure> {
    let flags =
        !(given.whitelist_registry.is_empty() && given.insecure_registry.is_empty() && given.registry_ca.is_empty());
    if given.policy.is_none() && !flags {
        let message = "there is no policy to decide by: give `--policy FILE`, or entries with `--whitelist-registry ENTRY` and \
                       `--insecure-registry ENTRY`";
        return Err(Failure::Usage(message.to_owned()));
    }
    let on_stdin = |path: &&std::path::PathBuf| is_stdin(path);
    let stdin = given.policy.iter().chain(&given.registry_ca).filter(on_stdin).count() + dashes;
    if stdin > 1 {
        return Err(Failure::Usage("standard input can be read once only: leave one `-`".to_owned()));
    }
    let mut document = match &given.policy {
        Some(path) => {
            let (document, located) = Document::read(path)?;
            if !located.is_empty() {
                return Err(refused(&document, &located));
            }
            document
        }
        None => Document::of_flags(),
    };
    if flags {
        let authorities = given.registry_ca.iter().map(|path| {
            let what = "file of certificate authorities";
            let too_large =
                || Failure::bare(format!("the {what} `{}` has over {MAX_AUTHORITIES} bytes", name_of(path)));
            Source::read(path, what, MAX_AUTHORITIES)?.ok_or_else(too_large)
        });
        let authorities = authorities.collect::<Result<_, _>>()?;
        document.add(Flags { whitelist: &given.whitelist_registry, insecure: &given.insecure_registry, authorities });
    }
    Ok(document)
}

/// The policy, loaded.
pub fn gate(document: &Document, module: &Module, dns: Option<Dns>) -> Result<Gate, Failure> {
    let options = Options { dns, ..Options::default() };
    let (gate, findings) = match module.load(document.json(), now(), options) {
        Ok(loaded) => loaded,
        Err(LoadError::Policy(findings)) => return Err(refused(document, &document.locate(findings))),
        Err(LoadError::Failed(failure)) => return Err(failure.into()),
    };
    if !document.has_all() {
        return Err(Failure::bare(
            "the policy file has lists to which the flags cannot be added: give one or the other",
        ));
    }
    left_out(document, findings)?;
    Ok(gate)
}

/// Shows the certificates that do not count because of their dates (rule P3). What else there is to say of a policy is for
/// `check`: it would be the same with every decision.
fn left_out(document: &Document, mut findings: Vec<Finding>) -> Result<(), Failure> {
    findings.retain(|finding| matches!(finding.code, Code::CertificateExpired | Code::CertificateNotYetValid));
    if findings.is_empty() {
        return Ok(());
    }
    show(document, &document.locate(findings));
    complain(format!("{}: the policy is used without these certificates", styled(UNSURE, "warning")));
    Ok(())
}

/// Shows why a policy does not load.
fn refused(document: &Document, located: &[Located]) -> Failure {
    show(document, located);
    let count = findings::count(located.iter().map(|located| located.finding.severity));
    complain(format!("{}: the policy does not load: {count}", styled(BAD, "error")));
    Failure::Shown
}

/// Writes findings to standard error.
fn show(document: &Document, located: &[Located]) {
    findings::render(document.sources(), located).into_iter().for_each(complain);
}

/// A loaded policy, being asked.
struct Session<'a> {
    ask: &'a Ask,
    mode: Mode,
    document: &'a Document,
    facts: Vec<Fact>,
    gate: Gate,
    /// Why DNS cannot be asked, until it was said.
    trouble: Option<String>,
    /// Made when the first question comes up: most policies never ask one.
    runtime: Option<Runtime>,
    tally: Tally,
}

impl<'a> Session<'a> {
    fn new(ask: &'a Ask, mode: Mode, document: &'a Document, module: &Module) -> Result<Self, Failure> {
        let facts = dns_answers::read(module, &ask.fact)?;
        let (dns, trouble) = match (!ask.no_dns).then(|| Dns::system(DnsLimits::default())) {
            Some(Ok(dns)) => (Some(dns), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        let gate = gate(document, module, dns)?;
        Ok(Self { ask, mode, document, facts, gate, trouble, runtime: None, tally: Tally::default() })
    }

    /// Answers one request.
    fn answer(&mut self, reference: &str, kind: ReferenceKind, output: &mut Output) -> Result<(), Failure> {
        let text = self.text(reference, kind)?;
        let unreadable = |error| Failure::bare(format!("the module's answer cannot be read: {error}"));
        if self.ask.json {
            self.tally.count(serde_json::from_str::<Verdict>(&text).map_err(unreadable)?.decision);
            return output.line(text);
        }
        let answer: Answer = serde_json::from_str(&text).map_err(unreadable)?;
        if self.tally.all() > 0 {
            output.line("")?;
        }
        self.tally.count(answer.decision);
        output.line(answer.block(self.document, self.gate.authorities(), !self.ask.no_dns))
    }

    /// The canonical text of the answer.
    fn text(&mut self, reference: &str, kind: ReferenceKind) -> Result<String, Failure> {
        let request = Request { reference, kind, project: self.ask.flags.project.as_deref(), facts: &self.facts };
        let text = match self.mode {
            Mode::Decide => self.gate.decide_text_offline(&request),
            Mode::Explain => self.gate.explain_offline(&request).to_json(),
        };
        let depends_on_dns =
            || serde_json::from_str::<Verdict>(&text).is_ok_and(|verdict| verdict.decision == Decision::Lookup);
        if self.ask.no_dns || !depends_on_dns() {
            return Ok(text);
        }
        if let Some(trouble) = self.trouble.take() {
            complain(format!("{}: DNS cannot be asked: {trouble}", styled(UNSURE, "warning")));
        }
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::bare(format!("DNS cannot be asked: {}", reason(&error))))?,
        };
        let runtime = self.runtime.insert(runtime);
        Ok(match self.mode {
            Mode::Decide => runtime.block_on(self.gate.decide_text(&request)),
            Mode::Explain => runtime.block_on(self.gate.explain(&request)).to_json(),
        })
    }
}

/// All that has to be read of an answer which goes out as it is.
#[derive(Deserialize)]
struct Verdict {
    decision: Decision,
}

/// How many answers there were of each kind.
#[derive(Default)]
struct Tally {
    allowed: usize,
    denied: usize,
    undecided: usize,
}

impl Tally {
    fn count(&mut self, decision: Decision) {
        match decision {
            Decision::Allow => self.allowed += 1,
            Decision::Deny => self.denied += 1,
            Decision::Lookup => self.undecided += 1,
        }
    }

    fn all(&self) -> usize {
        self.allowed + self.denied + self.undecided
    }

    fn words(&self) -> String {
        let parts =
            [(self.allowed, "allowed", GOOD), (self.denied, "denied", BAD), (self.undecided, "undecided", UNSURE)];
        let parts = parts.into_iter().filter(|(number, _, _)| *number > 0);
        parts.map(|(number, word, style)| format!("{number} {}", styled(style, word))).collect::<Vec<_>>().join(", ")
    }
}
