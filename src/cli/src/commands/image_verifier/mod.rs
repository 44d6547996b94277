//! `pullgate image-verifier`: decides about an image for containerd, by the daemon, or by the policy file if there is
//! no daemon.

mod verifier;

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use libsystemd::logging::{Priority, journal_send};
use pullgate::display::single_line;
use pullgate::{Decision, DnsAnswer, ReferenceKind, Request, redact_userinfo};
use pullgate_daemon::admission::enforcement::Enforcement;
use pullgate_host::{Dns, DnsLimits, EvaluatorOptions, LoadError, Module, ResourceLimits, now};
use tokio::runtime::Builder;
use verifier::{
    BIN_DIR, DEFAULT_SETTINGS_FILE, DEFAULT_SOCKET, DaemonAnswer, DaemonError, VERIFIER_TIMEOUT, VerifierArgs,
    VerifierOutput, VerifierSettings,
};

use crate::error::io_error_reason;
use pullgate_source::PolicySource;

/// The program name that selects the verifier.
const PROGRAM_NAME: &str = "pullgate-image-verifier";

/// The environment variable with the path of the daemon's socket.
const SOCKET_ENV: &str = "PULLGATE_SOCKET";

/// The environment variable with the path of the settings file.
const SETTINGS_ENV: &str = "PULLGATE_IMAGE_VERIFIER_CONFIG";

/// The time reserved for a local decision.
const MIN_LOCAL_TIME: Duration = Duration::from_millis(500);

/// Returns the arguments if the program runs as a verifier: by its name, in containerd's folder, or with containerd's
/// first argument, which no command has.
pub fn verifier_args(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Option<Vec<String>> {
    let program = PathBuf::from(arguments.next()?);
    let rest: Vec<String> = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    let by_name = program.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(PROGRAM_NAME));
    let by_folder = program.parent() == Some(Path::new(BIN_DIR));
    let by_argument = rest.first().is_some_and(|first| first == "-name");
    (by_name || by_folder || by_argument).then_some(rest)
}

/// Runs the verifier. Returns whether the image may be pulled. The reason is printed to standard output, and every
/// failure is a denial, which the settings may leave without effect.
pub fn run(arguments: &[String]) -> bool {
    let start = Instant::now();
    // Drained so that containerd's write does not block; the digest in the descriptor is an argument too.
    thread::spawn(|| io::copy(&mut io::stdin().lock(), &mut io::sink()));
    let (sender, receiver) = channel();
    let call = VerifierArgs::parse(arguments);
    let enforcement = Arc::new(OnceLock::new());
    let known = Arc::clone(&enforcement);
    // A separate thread, so that the timeout holds wherever the time is spent.
    thread::spawn(move || {
        let answer = decide_call(call, start, &known);
        // If the receiver is gone, the timeout has decided already.
        let _ = sender.send(answer);
    });
    let answer = receiver.recv_timeout(VERIFIER_TIMEOUT).unwrap_or_else(|error| {
        let failure = match error {
            RecvTimeoutError::Timeout => {
                VerifierOutput::deny(format!("not decided within {} ms", VERIFIER_TIMEOUT.as_millis()))
            }
            RecvTimeoutError::Disconnected => VerifierOutput::deny("the decision failed"),
        };
        enforce(failure, enforcement.get().copied().unwrap_or_default(), "", None)
    });
    // If the reason cannot be written, the exit code is enough.
    let _ = writeln!(io::stdout(), "pullgate: {}", answer.to_line());
    answer.allowed
}

/// Decides a call of containerd. `enforcement` is set once the settings are read: without them everything is enforced.
fn decide_call(
    call: Result<VerifierArgs, String>,
    start: Instant,
    enforcement: &OnceLock<Enforcement>,
) -> VerifierOutput {
    let settings = match VerifierSettings::read(&env_path(SETTINGS_ENV).unwrap_or_else(|| DEFAULT_SETTINGS_FILE.into()))
    {
        Ok(settings) => settings,
        Err(text) => return VerifierOutput::deny(text),
    };
    let enforcement = *enforcement.get_or_init(|| settings.enforcement);
    match call.and_then(|call| call.reference()) {
        Ok(reference) => decide_image(&reference, &settings, start),
        Err(text) => enforce(VerifierOutput::deny(text), enforcement, "", None),
    }
}

fn decide_image(reference: &str, settings: &VerifierSettings, start: Instant) -> VerifierOutput {
    let socket = env_path(SOCKET_ENV).or(settings.socket.clone()).unwrap_or_else(|| DEFAULT_SOCKET.into());
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = VerifierOutput::deny(format!("nothing can be asked: {}", io_error_reason(&error)));
            return enforce(failure, settings.enforcement, reference, None);
        }
    };
    let left = |keep: Duration| VERIFIER_TIMEOUT.saturating_sub(start.elapsed()).saturating_sub(keep);
    let DaemonAnswer { decision, is_audit } =
        runtime.block_on(verifier::request_decision(&socket, reference, left(MIN_LOCAL_TIME)));
    let trouble = match decision {
        // The daemon has recorded it.
        Ok(answer) => return if is_audit { answer.without_enforcement() } else { answer },
        Err(trouble) => trouble,
    };
    let mut denial = None;
    let output = match (&trouble, &settings.policy) {
        // No fallback: a daemon that runs but fails may have a newer policy than the file.
        (DaemonError::BadDaemon(..), _) => VerifierOutput::deny(trouble.to_string()),
        (DaemonError::NoDaemon(_), Some(policy)) => {
            match decide_locally(policy, settings, reference, left(Duration::ZERO), &runtime) {
                Ok((output, policy_denial)) => {
                    denial = policy_denial;
                    output
                }
                Err(text) => VerifierOutput::deny(format!("{trouble}, and {text}")),
            }
        }
        (DaemonError::NoDaemon(_), None) => VerifierOutput::deny(format!(
            "{trouble}, and no policy to decide by: give `policy` in `{DEFAULT_SETTINGS_FILE}`"
        )),
    };
    let enforcement = if is_audit { Enforcement::Audit } else { settings.enforcement };
    enforce(output, enforcement, reference, denial)
}

/// Applies the enforcement to an output that the daemon did not give, and so did not record: a denial without effect is
/// written to the journal, with the members of the daemon's record. `denial` is that of the policy file, if it decided.
fn enforce(
    output: VerifierOutput,
    enforcement: Enforcement,
    reference: &str,
    denial: Option<PolicyDenial>,
) -> VerifierOutput {
    if output.allowed || enforcement == Enforcement::Deny {
        return output;
    }
    let (reference, text) = (redact_userinfo(reference), output.to_line());
    let reference = single_line(&reference);
    let message = format!("not enforced: deny {reference}: {text}");
    let mut fields = vec![
        ("PULLGATE_FRONTEND", "containerd".to_owned()),
        ("PULLGATE_ACTION", "decide".to_owned()),
        ("PULLGATE_REFERENCE", reference.into_owned()),
        ("PULLGATE_DECISION", "deny".to_owned()),
        ("PULLGATE_ENFORCED", "false".to_owned()),
        ("PULLGATE_TEXT", text),
    ];
    fields.extend(denial.map_or_else(|| vec![("PULLGATE_REASON", "no-answer".to_owned())], PolicyDenial::into_fields));
    // Where there is no journal, containerd's log has the reason.
    let _ = journal_send(Priority::Warning, &message, fields.into_iter());
    output.without_enforcement()
}

/// Maximum size of the DNS answers in the journal in bytes: more than `journalctl` shows of a field is left out.
const MAX_DNS_FIELD_BYTES: usize = 4_095;

/// A denial by the policy file, for its record.
struct PolicyDenial {
    project: Option<String>,
    reason: &'static str,
    entry: Option<String>,
    dns_answers: Vec<DnsAnswer>,
}

impl PolicyDenial {
    /// Returns the fields of the journal that a decision of the policy adds.
    fn into_fields(self) -> Vec<(&'static str, String)> {
        let dns_answers =
            (!self.dns_answers.is_empty()).then(|| serde_json::to_string(&self.dns_answers).ok()).flatten();
        let dns_field = dns_answers.map(|text| match text.len() <= MAX_DNS_FIELD_BYTES {
            true => ("PULLGATE_DNSANSWERS", text),
            false => ("PULLGATE_DNSANSWERCOUNT", self.dns_answers.len().to_string()),
        });
        [("PULLGATE_KIND", "image".to_owned()), ("PULLGATE_REASON", self.reason.to_owned())]
            .into_iter()
            .chain(self.project.map(|project| ("PULLGATE_PROJECT", project)))
            .chain(self.entry.map(|entry| ("PULLGATE_ENTRY", entry)))
            .chain(dns_field)
            .collect()
    }
}

/// Decides by a policy file, with the system's DNS.
fn decide_locally(
    policy: &Path,
    settings: &VerifierSettings,
    reference: &str,
    left: Duration,
    runtime: &tokio::runtime::Runtime,
) -> Result<(VerifierOutput, Option<PolicyDenial>), String> {
    let shown = policy.display();
    let (document, errors) = PolicySource::read(policy).map_err(|error| error.message)?;
    if let Some(first) = errors.first() {
        return Err(format!("the policy file `{shown}` has errors, the first: {}", first.finding.message));
    }
    let module = Module::built_in().map_err(|error| error.to_string())?;
    // Without the system's DNS, entries that depend on it deny.
    let limits =
        DnsLimits { decision_timeout: left.min(DnsLimits::default().decision_timeout), ..DnsLimits::default() };
    let dns = Dns::system(limits).ok();
    let limits = ResourceLimits { load_timeout: left, max_instances: 1, ..ResourceLimits::default() };
    let (evaluator, _) = module
        .load_shared(document.shared_json(), now(), EvaluatorOptions { limits, dns, ..EvaluatorOptions::default() })
        .map_err(|error| match error {
            LoadError::Policy(_) => format!("in `{shown}` {error}"),
            LoadError::Failed(_) => error.to_string(),
        })?;
    if settings.require_whitelist && !has_whitelist(document.json()) {
        return Err(format!("the policy file `{shown}` has no `whitelist`, which `require_whitelist` refuses"));
    }
    let project = settings.project.as_deref();
    let request = Request { reference, kind: ReferenceKind::Image, project, dns_answers: &[] };
    let (response, dns_answers) = runtime.block_on(evaluator.answer_with_dns_answers(&request));
    let output = VerifierOutput::from_response(&response, reference).map_err(|error| format!("the module {error}"))?;
    let denial = |reason, entry| PolicyDenial { project: settings.project.clone(), reason, entry, dns_answers };
    let denial = match response.decision {
        Decision::Allow(_) => None,
        Decision::Deny(denied) => {
            let entry = denied.by.or(denied.nearest.map(|nearest| nearest.entry));
            Some(denial(denied.reason.as_str(), entry.map(|entry| entry.entry.into_owned())))
        }
        Decision::Lookup(_) => Some(denial("undecided", None)),
    };
    Ok((output, denial))
}

/// Returns whether a policy without errors has whitelist mode on (rule W1).
fn has_whitelist(policy: &str) -> bool {
    let members: Option<serde_json::Value> = serde_json::from_str(policy).ok();
    members.is_some_and(|members| members.get("whitelist").is_some_and(serde_json::Value::is_array))
}

fn env_path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_verifier_call(arguments: &[&str]) -> bool {
        verifier_args(arguments.iter().map(std::ffi::OsString::from)).is_some()
    }

    #[test]
    fn verifier_is_recognized_by_name_folder_or_arguments() {
        assert!(is_verifier_call(&["pullgate-image-verifier"]));
        assert!(is_verifier_call(&["/usr/libexec/pullgate-image-verifier", "-name", "x"]));
        assert!(is_verifier_call(&["/opt/containerd/image-verifier/bin/50-pullgate"]));
        assert!(is_verifier_call(&["/usr/bin/pullgate", "-name", "x"]));
        assert!(!is_verifier_call(&["/usr/bin/pullgate", "decide", "-name"]));
        assert!(!is_verifier_call(&["pullgate"]));
        assert!(!is_verifier_call(&[]));
    }
}
