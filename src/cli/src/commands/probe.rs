//! `pullgate probe`: tests connections to registries, as the policy allows them.

use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use pullgate_connect::probe::{Attempt, NOTHING, ProbeLimits, Prober, Progress, Report, Stage, is_nothing};
use pullgate_host::{Dns, DnsLimits, Module};
use tokio::runtime::Builder;

use crate::args::Probe;
use crate::commands::decide::{document, gate};
use crate::error::{Failure, reason};
use crate::output::json_line;
use crate::output::{BAD, GOOD, LABEL, Output, UNSURE, complain, styled, visible};
use crate::render::decision::Answer;
use pullgate_source::Document;

/// Runs the command. `true` if all registries can be used as the policy says.
pub fn run(probe: &Probe) -> Result<bool, Failure> {
    if probe.registries.iter().any(|registry| is_nothing(registry)) {
        return Err(Failure::Usage(NOTHING.to_owned()));
    }
    let document = document(&probe.flags, 0)?;
    let module = Module::built_in()?;
    let dns = match Dns::system(DnsLimits::default()) {
        Ok(dns) => Some(dns),
        Err(error) => {
            complain(format!("{}: DNS cannot be asked: {error}", styled(UNSURE, "warning")));
            None
        }
    };
    let gate = gate(&document, &module, dns)?;
    let prober = Prober::of_this_machine(limits(probe.timeout))
        .map_err(|error| Failure::bare(format!("TLS cannot be set up: {error}")))?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::bare(format!("nothing can be connected to: {}", reason(&error))))?;
    let line = Line { shows: io::stderr().is_terminal() };
    let watch = |progress: Progress<'_>| line.show(progress.registry, progress.stage);
    let (mut output, mut good) = (Output::new(probe.json), 0);
    let done: Result<(), Failure> = runtime.block_on(async {
        let reports = prober.probe_all(&gate, &probe.registries, probe.flags.project.as_deref(), &watch);
        let mut reports = pin!(reports);
        let mut first = true;
        while let Some(report) = reports.next().await {
            line.clear();
            good += usize::from(report.ok);
            let text = if probe.json { json_line(&report)? } else { block(&report, &document)? };
            if !probe.json && !first {
                output.line("")?;
            }
            first = false;
            output.line(text)?;
            output.flush()?;
        }
        Ok(())
    });
    // A look-up of the system's may go on for long, and nobody waits for it any more.
    runtime.shutdown_background();
    done?;
    let all = probe.registries.len();
    if !probe.json && all > 1 {
        output.line(format!("\n{good} of {all} registries can be used"))?;
    }
    output.flush()?;
    Ok(good == all)
}

fn limits(timeout: u64) -> ProbeLimits {
    let registry = Duration::from_secs(timeout);
    ProbeLimits { registry, stage: (registry / 3).min(Duration::from_secs(10)), ..ProbeLimits::default() }
}

/// The report as a person reads it: what was done, stage by stage, and the outcome last.
fn block(report: &Report, document: &Document) -> Result<String, Failure> {
    let mut tree = Tree { text: visible(&report.registry), document };
    tree.report(report, 1)?;
    let verdict = if report.ok { styled(GOOD, "good") } else { styled(BAD, "bad") };
    tree.line(1, format!("{verdict}  {}", visible(&report.summary)));
    Ok(tree.text)
}

struct Tree<'a> {
    text: String,
    document: &'a Document,
}

impl Tree<'_> {
    fn line(&mut self, depth: usize, text: impl AsRef<str>) {
        self.text.push('\n');
        self.text.push_str(&"  ".repeat(depth));
        self.text.push_str(text.as_ref());
    }

    fn report(&mut self, report: &Report, depth: usize) -> Result<(), Failure> {
        let unreadable = |error| Failure::bare(format!("the module's answer cannot be read: {error}"));
        let answer: Answer = serde_json::from_str(report.decision.get()).map_err(unreadable)?;
        self.line(depth, answer.decided(self.document));
        report.attempts.iter().try_for_each(|attempt| self.attempt(attempt, depth))
    }

    fn attempt(&mut self, attempt: &Attempt, depth: usize) -> Result<(), Failure> {
        let host = attempt.host.as_deref().map(|host| format!(", {}", visible(host))).unwrap_or_default();
        self.line(depth, format!("{attempt}{host}"));
        for stage in &attempt.stages {
            self.stage(stage, depth + 1);
            // What the server sent belongs below the handshake in which it did.
            if stage.stage.as_str() == "tls" {
                for (place, sent) in attempt.chain.iter().enumerate() {
                    let label = styled(LABEL, format!("{:<5}", if place == 0 { "sent" } else { "" }));
                    let (subject, issuer) = (visible(&sent.subject), visible(&sent.issuer));
                    let until = &sent.not_after;
                    self.line(depth + 5, format!("{label}  `{subject}`, issued by `{issuer}`, until {until}"));
                }
            }
        }
        for other in &attempt.elsewhere {
            self.line(depth + 1, format!("{} {}", styled(LABEL, "another host:"), visible(&other.registry)));
            self.report(other, depth + 2)?;
        }
        Ok(())
    }

    fn stage(&mut self, stage: &Stage, depth: usize) {
        let mark = if stage.ok { styled(GOOD, "+") } else { styled(BAD, "-") };
        let name = styled(LABEL, format!("{:<5}", stage.stage.as_str()));
        let time = styled(LABEL, format!("({} ms)", stage.milliseconds));
        self.line(depth, format!("{mark} {name}  {} {time}", visible(&stage.detail)));
    }
}

/// The line of a terminal that shows what was done last.
struct Line {
    shows: bool,
}

impl Line {
    /// The longest text that is shown, in characters: no line of a terminal is to be broken.
    const LONGEST: usize = 70;

    fn show(&self, registry: &str, stage: &Stage) {
        if self.shows {
            let outcome = if stage.ok { "ok" } else { "failed" };
            let text = format!("{}: {} {outcome} ...", visible(registry), stage.stage.as_str());
            let text: String = text.chars().take(Self::LONGEST).collect();
            let _ = write!(io::stderr(), "\r\u{1b}[K{text}");
        }
    }

    fn clear(&self) {
        if self.shows {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
