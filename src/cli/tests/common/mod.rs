//! Runs the program as a user does.

// Each test file is a separate crate that uses a part of this.
#![allow(dead_code)]

pub mod cluster;
pub mod daemon;
pub mod dns_server;
pub mod gate_world;
pub mod sandbox;
pub mod sandboxed_daemon;
pub mod settings_docker;
pub mod settings_world;
pub mod split_registry;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// The result of a program run.
#[derive(Debug)]
pub struct ProgramRun {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl ProgramRun {
    /// Parses standard output as one JSON value per line.
    pub fn json(&self) -> Vec<Value> {
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{}", self.stderr));
        self.stdout.lines().map(parse).collect()
    }

    /// Asserts that standard output has these texts, in this order.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) {
        in_order(&self.stdout, texts, self);
    }

    /// Asserts that standard error has these texts, in this order.
    #[track_caller]
    pub fn complains(&self, texts: &[&str]) {
        in_order(&self.stderr, texts, self);
    }
}

#[track_caller]
fn in_order(mut rest: &str, texts: &[&str], ran: &ProgramRun) {
    for text in texts {
        let at = rest.find(text).unwrap_or_else(|| panic!("no `{text}` in its place: {ran:#?}"));
        rest = &rest[at + text.len()..];
    }
}

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pullgate"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env("TERM", "xterm");
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command
}

/// Runs with arguments and empty standard input.
pub fn run<A: AsRef<OsStr>>(arguments: &[A]) -> ProgramRun {
    run_with(arguments, "")
}

/// Runs with arguments and standard input.
pub fn run_with<A: AsRef<OsStr>>(arguments: &[A], input: impl AsRef<[u8]>) -> ProgramRun {
    run_command(program(), arguments, input)
}

/// Runs with arguments, empty standard input and these environment variables.
pub fn run_in<A: AsRef<OsStr>>(environment: &[(&str, &str)], arguments: &[A]) -> ProgramRun {
    let mut command = program();
    command.envs(environment.iter().copied());
    run_command(command, arguments, "")
}

/// Runs a command with arguments and standard input.
pub fn run_command<A: AsRef<OsStr>>(mut command: Command, arguments: &[A], input: impl AsRef<[u8]>) -> ProgramRun {
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let input = input.as_ref().to_vec();
    // The program may exit before it has read all input.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the input is written");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    ProgramRun { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Writes a file with this extension for one test. Returns its path.
pub fn file(extension: &str, content: impl AsRef<[u8]>) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}.{extension}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).expect("the file is written");
    path.into_os_string().into_string().expect("the path is text")
}

/// Returns the path of a file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Reads the head of an HTTP request, or the first byte of a ClientHello, which has no such end: HTTPS is tried first.
pub fn read_head(stream: &mut impl Read) -> Vec<u8> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && !head.starts_with(&[22]) && stream.read(&mut byte).is_ok_and(|read| read == 1)
    {
        head.push(byte[0]);
    }
    head
}
