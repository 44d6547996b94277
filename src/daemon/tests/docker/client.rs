//! The docker client.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Timeout of a command in seconds.
const COMMAND_TIMEOUT_SECS: &str = "60";

pub struct Client {
    host: String,
    config: PathBuf,
    /// The `PATH` with the client.
    path: String,
}

/// The outcome of a command.
#[derive(Debug)]
pub struct Outcome {
    pub done: bool,
    /// Both outputs.
    pub text: String,
}

impl Client {
    pub fn new(socket: &Path, config: PathBuf, path: String) -> Self {
        Self { host: format!("unix://{}", socket.display()), config, path }
    }

    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[]).await
    }

    /// Runs a command with some input.
    pub async fn run_with(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut command = Command::new("timeout");
        command.args([COMMAND_TIMEOUT_SECS, "docker"]).args(arguments);
        // BuildKit is a separate program, which Debian's package does not have.
        command.env("DOCKER_HOST", &self.host).env("DOCKER_CONFIG", &self.config).env("DOCKER_BUILDKIT", "0");
        command.env("PATH", &self.path);
        for name in ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "HTTP_PROXY", "http_proxy"] {
            command.env_remove(name);
        }
        Outcome::from_command(command, input, "docker.io").await
    }
}

impl Outcome {
    /// Runs a command with some input. `package` is the Debian package with the program.
    pub async fn from_command(mut command: Command, input: &[u8], package: &'static str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let input = input.to_vec();
        let run = move || {
            let mut child = command.spawn().unwrap();
            // The program may exit without reading it.
            let _ = child.stdin.take().unwrap().write_all(&input);
            let output = child.wait_with_output().unwrap();
            let text =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_ne!(output.status.code(), Some(127), "a program is missing: apt-get install {package}");
            Self { done: output.status.success(), text }
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }
}
