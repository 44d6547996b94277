//! The world of the tests: newer programs of Debian, a sandbox, and a registry by two names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::sandbox::{Sandbox, Server};

/// The registry by the name that most policies allow.
pub const ALLOWED_REGISTRY: &str = "reg.test:5000";

/// The same registry by a name that no whitelist has.
pub const DENIED_REGISTRY: &str = "evil.test:5000";

/// The names, each with an address of its own: on 127.0.0.0/8 runtimes make exceptions.
const NAMES: [(&str, &str); 2] = [("10.77.0.1", "reg.test"), ("10.77.0.2", "evil.test")];

/// A sandbox with a registry.
pub struct World {
    pub sandbox: Sandbox,
    registry: Server,
    /// The folder of the programs, as `/` has them.
    programs: PathBuf,
}

impl World {
    pub fn start() -> Self {
        let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../engines/root");
        assert!(programs.exists(), "there are no newer engines: run `cargo xtask engines`");
        let programs = fs::canonicalize(programs).unwrap();
        let sandbox = Sandbox::start(&NAMES);
        let registry = sandbox.serve_registry("0.0.0.0:5000", None);
        Self { sandbox, registry, programs }
    }

    /// Returns a command of the newer programs, by name.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.sandbox.command(program);
        self.equip(&mut command);
        command
    }

    /// Starts one of the newer programs as a server.
    pub fn serve(&self, name: &str, adjust: impl FnOnce(&mut Command)) -> Server {
        self.sandbox.serve(name, name, |command| {
            self.equip(command);
            adjust(command);
        })
    }

    /// Returns the path of a file of the newer programs.
    pub fn program_file(&self, path: &str) -> PathBuf {
        self.programs.join(path)
    }

    /// Returns the number of requests that the registry has had by the name that no whitelist has.
    pub fn denied_contacts(&self) -> usize {
        let host = format!("http.request.host=\"{DENIED_REGISTRY}\"");
        self.registry.log().lines().filter(|line| line.contains("response completed") && line.contains(&host)).count()
    }

    /// Puts the newer programs before all others, and leaves out the settings of the machine.
    fn equip(&self, command: &mut Command) {
        let programs = self.programs.display();
        let others = std::env::var("PATH").unwrap_or_default();
        let path = format!("{programs}/usr/bin:{programs}/usr/sbin:{others}:/usr/sbin");
        command.env("PATH", path).env("HOME", self.sandbox.folder());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"] {
            command.env_remove(name);
        }
        for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"] {
            command.env_remove(name);
        }
    }
}
