//! `pullgate image-verifier`: containerd's question about an image, answered by the daemon, or from the policy file
//! where there is none.

mod verifier;

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use pullgate::{ReferenceKind, Request};
use pullgate_host::{Dns, DnsLimits, Limits, LoadError, Module, Options, now};
use tokio::runtime::Builder;
use verifier::{Answer, Call, FOLDER, LONGEST, SETTINGS, SOCKET, Settings, Trouble};

use crate::error::reason;
use pullgate_source::Document;

/// The name that the program has when it is called as a verifier.
const NAME: &str = "pullgate-image-verifier";

/// The environment variable with the daemon's socket.
const SOCKET_VARIABLE: &str = "PULLGATE_SOCKET";

/// The environment variable with the settings file.
const SETTINGS_VARIABLE: &str = "PULLGATE_IMAGE_VERIFIER_CONFIG";

/// The least time that is left for a decision of one's own.
const LEAST: Duration = Duration::from_millis(500);

/// The arguments, if the program is called as a verifier: by its name, from containerd's folder, or with the argument
/// that containerd begins with, which nothing else here has.
pub fn called(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Option<Vec<String>> {
    let program = PathBuf::from(arguments.next()?);
    let rest: Vec<String> = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    let by_name = program.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(NAME));
    let by_folder = program.parent() == Some(Path::new(FOLDER));
    let by_argument = rest.first().is_some_and(|first| first == "-name");
    (by_name || by_folder || by_argument).then_some(rest)
}

/// Answers. `true` if the image may be pulled. The reason is on standard output; whatever goes wrong is one.
pub fn run(arguments: &[String]) -> bool {
    let start = Instant::now();
    // containerd writes a descriptor, of which the digest is an argument too. It is taken, so that nothing waits.
    thread::spawn(|| io::copy(&mut io::stdin().lock(), &mut io::sink()));
    let (sender, receiver) = channel();
    let call = Call::parse(arguments);
    // On a thread of its own, so that the time is kept whatever it is spent on.
    thread::spawn(move || {
        let answer =
            call.and_then(|call| call.reference()).map_or_else(Answer::no, |reference| decide(&reference, start));
        // If nobody waits any longer, there is an answer already.
        let _ = sender.send(answer);
    });
    let answer = receiver.recv_timeout(LONGEST).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => Answer::no(format!("not decided within {} ms", LONGEST.as_millis())),
        RecvTimeoutError::Disconnected => Answer::no("the decision failed"),
    });
    // Where the reason cannot be written the exit code says enough.
    let _ = writeln!(io::stdout(), "pullgate: {}", answer.line());
    answer.allowed
}

fn decide(reference: &str, start: Instant) -> Answer {
    let settings = match Settings::read(&variable(SETTINGS_VARIABLE).unwrap_or_else(|| SETTINGS.into())) {
        Ok(settings) => settings,
        Err(text) => return Answer::no(text),
    };
    let socket = variable(SOCKET_VARIABLE).or(settings.socket).unwrap_or_else(|| SOCKET.into());
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Answer::no(format!("nothing can be asked: {}", reason(&error))),
    };
    let left = |keep: Duration| LONGEST.saturating_sub(start.elapsed()).saturating_sub(keep);
    match runtime.block_on(verifier::ask(&socket, reference, left(LEAST))) {
        Ok(answer) => answer,
        // A daemon that is there and cannot answer may have a policy that the file does not.
        Err(trouble @ Trouble::Daemon(..)) => Answer::no(trouble.to_string()),
        Err(trouble @ Trouble::NoDaemon(_)) => match settings.policy {
            Some(policy) => {
                let decided = by_oneself(&policy, reference, left(Duration::ZERO), &runtime);
                decided.unwrap_or_else(|text| Answer::no(format!("{trouble}, and {text}")))
            }
            None => Answer::no(format!("{trouble}, and no policy to decide by: give `policy` in `{SETTINGS}`")),
        },
    }
}

/// Decides from a policy file, with the DNS of this machine.
fn by_oneself(
    policy: &Path,
    reference: &str,
    left: Duration,
    runtime: &tokio::runtime::Runtime,
) -> Result<Answer, String> {
    let shown = policy.display();
    let (document, errors) = Document::read(policy).map_err(|error| error.message)?;
    if let Some(first) = errors.first() {
        return Err(format!("the policy file `{shown}` has errors, the first: {}", first.finding.message));
    }
    let module = Module::built_in().map_err(|error| error.to_string())?;
    // Without the machine's DNS, what depends on it is denied.
    let limits = DnsLimits { decision: left.min(DnsLimits::default().decision), ..DnsLimits::default() };
    let dns = Dns::system(limits).ok();
    let limits = Limits { load: left, instances: 1, ..Limits::default() };
    let (gate, _) = module.load(document.json(), now(), Options { limits, dns }).map_err(|error| match error {
        LoadError::Policy(_) => format!("in `{shown}` {error}"),
        LoadError::Failed(_) => error.to_string(),
    })?;
    let request = Request { reference, kind: ReferenceKind::Image, project: None, facts: &[] };
    Answer::read(&runtime.block_on(gate.decide_text(&request)), reference).map_err(|what| format!("the module {what}"))
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_called(arguments: &[&str]) -> bool {
        called(arguments.iter().map(std::ffi::OsString::from)).is_some()
    }

    #[test]
    fn it_is_called_by_name_by_folder_or_as_containerd_does() {
        assert!(is_called(&["pullgate-image-verifier"]));
        assert!(is_called(&["/usr/libexec/pullgate-image-verifier", "-name", "x"]));
        assert!(is_called(&["/opt/containerd/image-verifier/bin/50-pullgate"]));
        assert!(is_called(&["/usr/bin/pullgate", "-name", "x"]));
        assert!(!is_called(&["/usr/bin/pullgate", "decide", "-name"]));
        assert!(!is_called(&["pullgate"]));
        assert!(!is_called(&[]));
    }
}
