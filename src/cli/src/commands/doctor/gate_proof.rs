//! The proof that an engine reaches registries through the gate: it is asked for an image that nobody has, and shows
//! the words of whoever refused it.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pullgate_runtimes::{Disagreement, DisagreementEffect, Target};
use pullgate_source::io_error_reason;
use serde::Serialize;

use crate::error::CliError;

/// Timeout of one pull, longer than those of engines.
const PULL_TIMEOUT: Duration = Duration::from_secs(90);

/// Interval at which the end of a pull is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Maximum size of an engine's error in bytes.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// The start of a refusal by the gate: its status line, which engines show.
const GATE_PHRASE: &str = "pullgate: ";

/// The start of a refusal by pullgate as authorization plugin of dockerd, which is asked before anything is pulled.
const PLUGIN_PHRASE: &str = "authorization denied by plugin";

/// An engine that was refused by the gate.
#[derive(Debug, Serialize)]
pub struct GateProof {
    pub target: Target,
    /// The command that was refused.
    pub command: String,
    /// The line of the refusal.
    pub error: String,
}

/// Returns the commands that pull an image by an engine, the first of which is used that is there.
fn pull_commands(target: Target) -> &'static [&'static [&'static str]] {
    match target {
        Target::Docker => &[&["docker", "pull"]],
        Target::Containerd => &[&["crictl", "pull"], &["ctr", "images", "pull"]],
        Target::Containers => &[&["podman", "pull"], &["skopeo", "inspect"]],
        Target::K3s => &[&["k3s", "crictl", "pull"], &["crictl", "pull"]],
        Target::Openshift | Target::Kubernetes | Target::VicMachine | Target::Vch => &[],
    }
}

/// Has an engine pull images until the gate refuses one.
pub fn prove_gate(target: Target, images: &[String]) -> Result<Result<GateProof, Disagreement>, CliError> {
    let mut seen = None;
    for image in images {
        let (command, text) = pull(target, image)?;
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let is_of_plugin = text.contains(PLUGIN_PHRASE);
        if let Some(error) = lines().find(|line| line.contains(GATE_PHRASE) && !line.contains(PLUGIN_PHRASE)) {
            return Ok(Ok(GateProof { target, command, error: error.to_owned() }));
        }
        seen = Some((command, lines().next_back().unwrap_or_default().to_owned(), is_of_plugin));
        // Another image is for those that the plugin keeps from the gate.
        if !is_of_plugin {
            break;
        }
    }
    let (command, error, is_of_plugin) = seen.unwrap_or_default();
    let disagreement = |code, effect, text: String, mend: &str| Disagreement {
        code,
        effect,
        file: command.clone(),
        line: None,
        text,
        mend: mend.to_owned(),
    };
    Ok(Err(match is_of_plugin {
        true => disagreement(
            "gate-unproved",
            DisagreementEffect::Fails,
            "the authorization plugin refuses the image before the gate is asked, and no entry of the policy is for a \
             port on which nothing listens"
                .to_owned(),
            "pull an image that the policy allows, and look for its registry in `GET /v1/gate` of the daemon",
        ),
        false => disagreement(
            "gate-not-asked",
            DisagreementEffect::Silent,
            format!("the engine was not refused by the gate, but said: {error}"),
            "restart the engine, so that it reads its settings, and look whether the gate is open",
        ),
    }))
}

/// Pulls an image. Returns the command, and what it said.
fn pull(target: Target, image: &str) -> Result<(String, String), CliError> {
    let commands = pull_commands(target);
    for words in commands {
        let [program, arguments @ ..] = words else { continue };
        // Skopeo names images with their transport.
        let image = if *program == "skopeo" { format!("docker://{image}") } else { image.to_owned() };
        let mut command = Command::new(program);
        command.args(arguments).arg(&image).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let shown = [words.join(" "), image].join(" ");
        match command.spawn() {
            Ok(child) => {
                let text = wait_for_output(child, &shown)?;
                return Ok((shown, text));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let reason = io_error_reason(&error);
                return Err(CliError::without_help(format!("`{shown}` cannot be run: {reason}")));
            }
        }
    }
    let programs: Vec<_> = commands.iter().map(|words| format!("`{}`", words[0])).collect();
    let message = format!("there is no program to pull with, of {}", programs.join(" and "));
    Err(CliError::new(message, "install one, or leave `--prove` out"))
}

/// Waits for the end of a command, and returns its output and its errors.
fn wait_for_output(mut child: Child, shown: &str) -> Result<String, CliError> {
    let output = child.stdout.take().map(read_in_background);
    let errors = child.stderr.take().map(read_in_background);
    let end = Instant::now() + PULL_TIMEOUT;
    let failed = |reason: String| CliError::without_help(format!("`{shown}` failed: {reason}"));
    while child.try_wait().map_err(|error| failed(io_error_reason(&error)))?.is_none() {
        if Instant::now() > end {
            // It may have ended meanwhile.
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(format!("it did not end in {} seconds", PULL_TIMEOUT.as_secs())));
        }
        thread::sleep(POLL_INTERVAL);
    }
    let texts = [output, errors].into_iter().flatten().filter_map(|reader| reader.join().ok());
    Ok(texts.collect::<Vec<_>>().join("\n"))
}

/// Reads a pipe to its end, or to its limit.
fn read_in_background(pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks has said what it has.
        let _ = pipe.take(MAX_ERROR_BYTES).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
