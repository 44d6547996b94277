//! `pullgate probe`: tests connections to registries as the policy allows them.

use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use pullgate::Response;
use pullgate_connect::probe::{
    AttemptReport, NO_REGISTRY_MESSAGE, ProbeLimits, ProbeProgress, ProbeReport, Prober, Stage, is_blank,
};
use pullgate_connect::{ProxySettings, ProxySettingsError};
use pullgate_host::{Dns, DnsLimits, Module};
use tokio::runtime::Builder;

use crate::args::ProbeArgs;
use crate::commands::decide::{load_evaluator, load_policy};
use crate::error::{CliError, io_error_reason};
use crate::output::json_line;
use crate::output::{
    BAD_STYLE, GOOD_STYLE, LABEL_STYLE, OutputWriter, WARNING_STYLE, eprint_styled, escape_for_terminal, styled,
};
use crate::render::decision::decision_line;
use pullgate_source::PolicySource;

/// Runs the command. Returns whether all registries can be used as the policy allows.
pub fn run(probe: &ProbeArgs) -> Result<bool, CliError> {
    if probe.registries.iter().any(|registry| is_blank(registry)) {
        return Err(CliError::Usage(NO_REGISTRY_MESSAGE.to_owned()));
    }
    let document = load_policy(&probe.flags, 0)?;
    let module = Module::built_in()?;
    let dns = match Dns::system(DnsLimits::default()) {
        Ok(dns) => Some(dns),
        Err(error) => {
            eprint_styled(format!("{}: DNS cannot be asked: {error}", styled(WARNING_STYLE, "warning")));
            None
        }
    };
    let evaluator = load_evaluator(&document, &module, dns)?;
    let prober = Prober::with_platform_roots(probe_limits(probe.timeout))
        .map_err(|error| CliError::without_help(format!("TLS cannot be set up: {error}")))?;
    let prober = match &probe.proxy {
        Some(url) => prober.with_proxies(proxy_settings(url, &document)?),
        None => prober.with_unused_proxies(ProxySettings::from_env()),
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::without_help(format!("nothing can be connected to: {}", io_error_reason(&error))))?;
    let line = ProgressLine { is_terminal: io::stderr().is_terminal() };
    let watch = |progress: ProbeProgress<'_>| line.show(progress.registry, progress.stage);
    let (mut output, mut good) = (OutputWriter::new(probe.json), 0);
    let done: Result<(), CliError> = runtime.block_on(async {
        let reports = prober.probe_all(&evaluator, &probe.registries, probe.flags.project.as_deref(), &watch);
        let mut reports = pin!(reports);
        let mut first = true;
        while let Some(report) = reports.next().await {
            line.clear();
            good += usize::from(report.ok);
            let text = if probe.json { json_line(&report)? } else { render_report(&report, &document)? };
            if !probe.json && !first {
                output.line("")?;
            }
            first = false;
            output.line(text)?;
            output.flush()?;
        }
        Ok(())
    });
    // The system's resolver may block for long, and its result is no longer needed.
    runtime.shutdown_background();
    done?;
    let all = probe.registries.len();
    if !probe.json && all > 1 {
        output.line(format!("\n{good} of {all} registries can be used"))?;
    }
    output.flush()?;
    Ok(good == all)
}

/// Returns the settings of `--proxy`: its URL, or without one those of the environment or of the policy.
fn proxy_settings(url: &str, document: &PolicySource) -> Result<ProxySettings, CliError> {
    let unusable = |error: ProxySettingsError| CliError::Usage(error.to_string());
    let environment = ProxySettings::from_env();
    let settings = if !url.is_empty() {
        ProxySettings::from_url(url).with_exceptions_of(&environment)
    } else if !environment.is_empty() {
        environment
    } else {
        ProxySettings::from_policy(document.json()).map_err(unusable)?.with_exceptions_of(&environment)
    };
    if settings.is_empty() {
        let message = "there is no proxy to go through: write `--proxy=http://HOST:PORT`, set `HTTPS_PROXY`, or give the policy \
                       an `image_fetch_proxy`";
        return Err(CliError::Usage(message.to_owned()));
    }
    settings.check().map_err(unusable)?;
    Ok(settings)
}

fn probe_limits(timeout: u64) -> ProbeLimits {
    let registry_timeout = Duration::from_secs(timeout);
    ProbeLimits {
        registry_timeout,
        stage_timeout: (registry_timeout / 3).min(Duration::from_secs(10)),
        ..ProbeLimits::default()
    }
}

/// Renders the report: the stages in order, and the outcome last.
fn render_report(report: &ProbeReport, document: &PolicySource) -> Result<String, CliError> {
    let mut tree = ReportTree { text: escape_for_terminal(&report.registry), document };
    tree.report(report, 1)?;
    if let Some(hint) = &report.hint {
        tree.line(1, format!("{}  {}", styled(WARNING_STYLE, "note"), escape_for_terminal(hint)));
    }
    let verdict = if report.ok { styled(GOOD_STYLE, "good") } else { styled(BAD_STYLE, "bad") };
    tree.line(1, format!("{verdict}  {}", escape_for_terminal(&report.summary)));
    Ok(tree.text)
}

struct ReportTree<'a> {
    text: String,
    document: &'a PolicySource,
}

impl ReportTree<'_> {
    fn line(&mut self, depth: usize, text: impl AsRef<str>) {
        self.text.push('\n');
        self.text.push_str(&"  ".repeat(depth));
        self.text.push_str(text.as_ref());
    }

    fn report(&mut self, report: &ProbeReport, depth: usize) -> Result<(), CliError> {
        let unreadable = |error| CliError::without_help(format!("the module's answer cannot be read: {error}"));
        let response: Response<'static> = serde_json::from_str(report.decision.get()).map_err(unreadable)?;
        self.line(depth, decision_line(&response.decision, self.document));
        report.attempts.iter().try_for_each(|attempt| self.attempt(attempt, depth))
    }

    fn attempt(&mut self, attempt: &AttemptReport, depth: usize) -> Result<(), CliError> {
        let host = attempt.host.as_deref().map(|host| format!(", {}", escape_for_terminal(host))).unwrap_or_default();
        self.line(depth, format!("{attempt}{host}"));
        for stage in &attempt.stages {
            self.stage(stage, depth + 1);
            // The certificates belong below the handshake that sent them.
            if stage.stage.as_str() == "tls" {
                for (place, sent) in attempt.chain.iter().enumerate() {
                    let label = styled(LABEL_STYLE, format!("{:<5}", if place == 0 { "sent" } else { "" }));
                    let (subject, issuer) = (escape_for_terminal(&sent.subject), escape_for_terminal(&sent.issuer));
                    let until = &sent.not_after;
                    self.line(depth + 5, format!("{label}  `{subject}`, issued by `{issuer}`, until {until}"));
                }
            }
        }
        for other in &attempt.elsewhere {
            self.line(
                depth + 1,
                format!("{} {}", styled(LABEL_STYLE, "another host:"), escape_for_terminal(&other.registry)),
            );
            self.report(other, depth + 2)?;
        }
        Ok(())
    }

    fn stage(&mut self, stage: &Stage, depth: usize) {
        let mark = if stage.ok { styled(GOOD_STYLE, "+") } else { styled(BAD_STYLE, "-") };
        let name = styled(LABEL_STYLE, format!("{:<5}", stage.stage.as_str()));
        let time = styled(LABEL_STYLE, format!("({} ms)", stage.milliseconds));
        self.line(depth, format!("{mark} {name}  {} {time}", escape_for_terminal(&stage.detail)));
    }
}

/// The progress line of a terminal.
struct ProgressLine {
    is_terminal: bool,
}

impl ProgressLine {
    /// Maximum length of the progress line in characters, so that it does not wrap.
    const MAX_PROGRESS_CHARS: usize = 70;

    fn show(&self, registry: &str, stage: &Stage) {
        if self.is_terminal {
            let outcome = if stage.ok { "ok" } else { "failed" };
            let text = format!("{}: {} {outcome} ...", escape_for_terminal(registry), stage.stage.as_str());
            let text: String = text.chars().take(Self::MAX_PROGRESS_CHARS).collect();
            let _ = write!(io::stderr(), "\r\u{1b}[K{text}");
        }
    }

    fn clear(&self) {
        if self.is_terminal {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
