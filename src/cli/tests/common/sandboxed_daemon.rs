//! A `pullgate serve` process in a sandbox.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::daemon::talk;
use super::sandbox::{Sandbox, Server};

/// The socket of the API, where the image verifier expects it.
const API_SOCKET: &str = "/run/pullgate/pullgate.sock";

/// The time between two looks at the record. It is written beside the answer, and may be a little later.
const RECORD_INTERVAL: Duration = Duration::from_millis(10);

/// The time in which a record gets to its file.
const RECORD_TIMEOUT: Duration = Duration::from_secs(2);

/// The time in which a policy takes effect.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(20);

/// A daemon with its audit record.
pub struct SandboxedDaemon {
    pub server: Server,
    audit: PathBuf,
    socket: PathBuf,
    /// The number of records that were read.
    read: usize,
}

impl SandboxedDaemon {
    /// Starts a daemon with these arguments, and waits until it is ready.
    pub fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let audit = sandbox.folder().join("audit");
        let _ = fs::remove_file(&audit);
        let server = sandbox.serve("pullgate", env!("CARGO_BIN_EXE_pullgate"), |command| {
            command.arg("serve").arg("--listen").arg(format!("unix:{API_SOCKET}"));
            command.arg("--audit").arg(&audit).args(arguments);
        });
        let mut daemon = Self { server, audit, socket: sandbox.outside(API_SOCKET), read: 0 };
        let socket = daemon.socket.clone();
        daemon.server.wait_until("pullgate is ready", || {
            UnixStream::connect(&socket).is_ok_and(|stream| talk(stream, "GET /readyz", "localhost", &[], "").0 == 200)
        });
        daemon
    }

    /// Replaces the policy file, and waits until the new policy is in effect.
    pub fn set_policy(&mut self, file: &Path, text: &str) {
        let before = self.generation();
        fs::write(file, text).unwrap();
        self.server.signal("HUP");
        let start = Instant::now();
        while self.generation() == before {
            assert!(start.elapsed() < RELOAD_TIMEOUT, "the policy stays\n{}", self.server.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn generation(&self) -> u64 {
        let stream = UnixStream::connect(&self.socket).unwrap();
        let (_, text) = talk(stream, "GET /v1/policy", "localhost", &[], "");
        let policy: Value = serde_json::from_str(&text).unwrap();
        policy["generation"].as_u64().unwrap_or_else(|| panic!("no `generation` in {text}"))
    }

    /// Returns all records that were not read before, and waits for a number of them.
    pub fn records(&mut self, number: usize) -> Vec<Value> {
        self.records_until(|records| records.len() >= number)
    }

    /// Returns all records that were not read before, and waits until they are complete.
    pub fn records_until(&mut self, is_complete: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let start = Instant::now();
        loop {
            thread::sleep(RECORD_INTERVAL);
            let text = fs::read_to_string(&self.audit).unwrap_or_default();
            // The last line may be half written.
            let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
            let new = whole.lines().skip(self.read);
            let records: Vec<Value> = new.map(|line| serde_json::from_str(line).unwrap()).collect();
            if is_complete(&records) || start.elapsed() > RECORD_TIMEOUT {
                self.read += records.len();
                return records;
            }
        }
    }
}
