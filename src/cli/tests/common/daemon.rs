//! A `pullgate serve` process under test.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::file;

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Timeout for every wait, far longer than any of them takes.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A daemon process that is killed on drop.
pub struct Daemon {
    child: Child,
    log: Mutex<Receiver<String>>,
    audit: PathBuf,
    pub address: String,
}

impl Daemon {
    /// Starts a daemon on a free port and waits until it is ready.
    pub fn start(arguments: &[&str]) -> Self {
        let daemon = Self::start_at("127.0.0.1:0", arguments);
        daemon.waits_for(|daemon| daemon.get("/readyz").0 == 200);
        daemon
    }

    /// Starts a daemon with its API at an address.
    pub fn start_at(listen: &str, arguments: &[&str]) -> Self {
        Self::start_and_see(listen, arguments, "").0
    }

    /// Starts a daemon and returns the log line with this text that precedes the API's.
    pub fn start_and_see(listen: &str, arguments: &[&str], text: &str) -> (Self, String) {
        Self::start_as(Command::new(env!("CARGO_BIN_EXE_pullgate")), listen, arguments, text)
    }

    /// Starts a daemon by a command that runs the program with the added arguments.
    pub fn start_as(mut command: Command, listen: &str, arguments: &[&str], text: &str) -> (Self, String) {
        let audit = PathBuf::from(file("audit", ""));
        command.args(["serve", "--listen", listen, "--audit"]).arg(&audit).args(arguments);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let (sender, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut daemon = Self { child, log: Mutex::new(log), audit, address: String::new() };
        let seen = if text.is_empty() { String::new() } else { daemon.says(text) };
        let line = daemon.says("the page and the API are served");
        let (_, address) = line.split_once("address=").expect("the log says where");
        daemon.address = address.trim_matches('"').to_owned();
        (daemon, seen)
    }

    /// Waits for a line of the log.
    #[track_caller]
    pub fn says(&self, text: &str) -> String {
        self.heard(text).pop().unwrap()
    }

    /// Waits for a line of the log. Returns it with all unread lines before it.
    #[track_caller]
    pub fn heard(&self, text: &str) -> Vec<String> {
        let end = Instant::now() + TEST_TIMEOUT;
        let (log, mut seen) = (self.log.lock().unwrap(), Vec::new());
        while let Ok(line) = log.recv_timeout(end.saturating_duration_since(Instant::now())) {
            let line = anstream::adapter::strip_str(&line).to_string();
            seen.push(line);
            if seen.last().is_some_and(|line| line.contains(text)) {
                return seen;
            }
        }
        panic!("the log does not say `{text}`, but {seen:#?}");
    }

    #[track_caller]
    pub fn waits_for(&self, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + TEST_TIMEOUT;
        while !done(self) {
            assert!(Instant::now() < end, "waited in vain");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path}"), &[], "")
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, text) = self.ask(&format!("POST {path}"), &[], &body.to_string());
        (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    pub fn ask(&self, line: &str, headers: &[&str], body: &str) -> (u16, String) {
        self.ask_bytes(line, headers, body.as_bytes())
    }

    pub fn ask_bytes(&self, line: &str, headers: &[&str], body: &[u8]) -> (u16, String) {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        let done = stream.try_clone().unwrap();
        let answer = talk(stream, line, &self.address, headers, body);
        let _ = done.shutdown(Shutdown::Both);
        answer
    }

    /// Returns the process id.
    pub fn process(&self) -> String {
        self.child.id().to_string()
    }

    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.process()]).status().unwrap();
        assert!(killed.success());
    }

    /// Stops the daemon. Returns its exit code and the audit records.
    pub fn stop(self) -> (Option<i32>, Vec<Value>) {
        let (code, audit) = self.stop_and_read();
        (code, audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// Stops the daemon. Returns its exit code and the audit log as text.
    pub fn stop_and_read(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let end = Instant::now() + TEST_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), fs::read_to_string(&self.audit).unwrap());
            }
            assert!(Instant::now() < end, "it does not stop");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one request over a stream and returns the status and the body.
pub fn talk(
    mut stream: impl Read + Write,
    line: &str,
    host: &str,
    headers: &[&str],
    body: impl AsRef<[u8]>,
) -> (u16, String) {
    let body = body.as_ref();
    let own = headers.iter().any(|header| header.to_ascii_lowercase().starts_with("host:"));
    let host = if own { String::new() } else { format!("Host: {host}\r\n") };
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\n{host}{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n");
    // At once: the server may have answered, and be gone, before it has a body that it does not want.
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}
