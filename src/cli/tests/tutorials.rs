//! The tutorials of `docs/tutorials`, command by command, in a sandbox.
//!
//! A fence `toml` is the file that the paragraph before it names last. In a fence `console` each line after `$ ` is a command,
//! and the lines below it are what it prints, with `...` for any lines; of a fence `console internet` it is only tested
//! that nothing is denied. A fence `sh daemon` is a command that goes on.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use common::daemon::talk;
use common::sandbox::{Sandbox, Server};

const DOCKER_SOCKET: &str = "/run/docker.sock";

/// A part of a tutorial that is run.
#[derive(Debug)]
enum Step {
    File { name: String, text: String },
    Command { text: String, output: Vec<String>, needs_internet: bool },
    Daemon { text: String },
}

/// Returns the steps of a tutorial.
fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut paragraph) = (Vec::new(), String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            paragraph = if line.is_empty() { paragraph } else { line.to_owned() };
            continue;
        };
        let fence: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        match kind {
            "toml" => {
                let name = paragraph.rsplit('`').nth(1).unwrap_or_else(|| panic!("no file is named: {paragraph}"));
                steps.push(Step::File { name: name.to_owned(), text: fence.join("\n") + "\n" });
            }
            "sh daemon" => steps.push(Step::Daemon { text: fence.join("\n") }),
            "console" | "console internet" => {
                for line in fence {
                    match (line.strip_prefix("$ "), steps.last_mut()) {
                        (Some(text), _) => steps.push(Step::Command {
                            text: text.to_owned(),
                            output: Vec::new(),
                            needs_internet: kind.ends_with("internet"),
                        }),
                        (None, Some(Step::Command { output, .. })) => output.push(line.to_owned()),
                        (None, _) => panic!("{line}: no command printed it"),
                    }
                }
            }
            _ => panic!("a fence `{kind}` is not run"),
        }
    }
    steps
}

/// Asserts that the lines of an output are the expected ones.
fn check_output(command: &str, actual: &str, expected: &[String]) {
    let mut rest: Vec<&str> = actual.lines().map(str::trim_end).collect();
    let mut may_skip = false;
    for line in expected {
        if line == "..." {
            may_skip = true;
            continue;
        }
        let found = rest.iter().position(|actual| actual == line);
        let found = found.filter(|position| may_skip || *position == 0);
        let position = found.unwrap_or_else(|| panic!("{command}: `{line}` is not there in\n{actual}"));
        rest.drain(..=position);
        may_skip = false;
    }
    assert!(may_skip || rest.is_empty(), "{command}: there is more than the page says:\n{actual}");
}

/// A machine for a tutorial: `sudo` runs what it is given, and `systemctl reload docker` tells the dockerd of the sandbox.
struct TutorialMachine {
    /// The daemon of the tutorial, once it is started. It is ended before dockerd.
    daemon: Option<Server>,
    _docker: Server,
    sandbox: Sandbox,
    path: String,
}

impl TutorialMachine {
    fn start() -> Self {
        let sandbox = Sandbox::start(&[]);
        for (name, script) in [
            ("sudo", "exec \"$@\""),
            ("systemctl", "[ \"$*\" = 'reload docker' ] && kill -s HUP $(cat /run/docker.pid) && sleep 1"),
        ] {
            let path = sandbox.write(&format!("programs/{name}"), &format!("#!/bin/sh\n{script}\n"));
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::create_dir(sandbox.folder().join("work")).unwrap();
        let programs = sandbox.folder().join("programs");
        let program = Path::new(env!("CARGO_BIN_EXE_pullgate")).parent().unwrap();
        let path = format!("{}:{}:{}", programs.display(), program.display(), std::env::var("PATH").unwrap());
        let mut docker = sandbox.serve("dockerd", "dockerd", |command| {
            command.args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--data-root=/run/data"]);
            command.args(["--exec-root=/run/exec", "--pidfile=/run/docker.pid"]);
            command.arg(format!("--host=unix://{DOCKER_SOCKET}"));
        });
        let socket = sandbox.outside(DOCKER_SOCKET);
        docker.wait_until("dockerd answers", || {
            UnixStream::connect(&socket).is_ok_and(|stream| talk(stream, "GET /_ping", "d", &[], "").0 == 200)
        });
        Self { daemon: None, _docker: docker, sandbox, path }
    }

    /// Returns a command of the tutorial, in its folder.
    fn shell(&self, text: &str) -> [String; 2] {
        ["-c".to_owned(), format!("cd {}/work && {text}", self.sandbox.folder().display())]
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::File { name, text } => {
                self.sandbox.write(&format!("work/{name}"), text);
            }
            Step::Daemon { text } => {
                let arguments = self.shell(&format!("exec {text}"));
                let mut daemon = self.sandbox.serve("daemon", "bash", |command| {
                    command.args(arguments).env("PATH", &self.path);
                });
                let socket = self.sandbox.outside("/run/docker/plugins/pullgate.sock");
                daemon.wait_until("the daemon listens", || UnixStream::connect(&socket).is_ok());
                self.daemon = Some(daemon);
            }
            Step::Command { text, output, needs_internet } => {
                let mut command = self.sandbox.command("bash");
                command.args(self.shell(&format!("{text} 2>&1"))).env("PATH", &self.path);
                command.env("DOCKER_HOST", format!("unix://{DOCKER_SOCKET}"));
                let ran = command.output().unwrap();
                let printed = String::from_utf8(ran.stdout).unwrap();
                if *needs_internet {
                    assert!(!printed.contains("denied by plugin"), "{text}: {printed}");
                } else {
                    assert!(ran.status.success() || !output.is_empty(), "{text}: {printed}");
                    check_output(text, &printed, output);
                }
            }
        }
    }
}

#[test]
fn ten_minutes_with_docker() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tutorials/docker.md");
    let steps = steps(&fs::read_to_string(page).unwrap());
    assert!(steps.len() > 10, "{steps:?}");
    let mut machine = TutorialMachine::start();
    steps.iter().for_each(|step| machine.take(step));
}
