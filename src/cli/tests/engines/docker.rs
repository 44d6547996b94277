//! The newer dockerd, and the docker client with its plugins.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;
use serde_json::json;

use crate::common::daemon::talk;
use crate::common::sandbox::Server;
use crate::world::{ALLOWED_REGISTRY, DENIED_REGISTRY, World};

/// The socket of dockerd.
const SOCKET: &str = "/run/docker.sock";

/// Timeout of a command in seconds.
const COMMAND_TIMEOUT_SECS: &str = "60";

/// The store of images in dockerd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageStore {
    /// dockerd's own, with a storage driver.
    Dockerd,
    /// containerd's.
    Containerd,
}

/// A dockerd in a world.
pub struct Engine<'a> {
    world: &'a World,
    /// The folder of the client's settings.
    client: PathBuf,
    /// The folder in which commands run.
    folder: PathBuf,
    _server: Server,
}

/// The outcome of a command.
#[derive(Debug)]
pub struct CommandOutcome {
    pub is_success: bool,
    /// Both outputs.
    pub text: String,
}

impl<'a> Engine<'a> {
    /// Starts dockerd under these authorization plugins.
    pub fn start(world: &'a World, store: ImageStore, plugins: &[&str]) -> Self {
        let mut config = json!({
            "authorization-plugins": plugins,
            "insecure-registries": [ALLOWED_REGISTRY, DENIED_REGISTRY],
            "iptables": false,
            "ip6tables": false,
            "bridge": "none",
            "data-root": format!("/run/data/{store:?}"),
            "features": { "containerd-snapshotter": store == ImageStore::Containerd },
        });
        if store == ImageStore::Dockerd {
            config["storage-driver"] = json!("vfs");
        }
        let config = world.sandbox.write("daemon.json", &config.to_string());
        let mut server = world.serve("dockerd", |command| {
            command.arg("--config-file").arg(config).args(["--exec-root=/run/exec", "--pidfile=/run/docker.pid"]);
            command.arg(format!("--host=unix://{SOCKET}"));
        });
        let socket = world.sandbox.outside(SOCKET);
        server.wait_until("dockerd answers", || {
            UnixStream::connect(&socket).is_ok_and(|stream| talk(stream, "GET /_ping", "d", &[], "").0 == 200)
        });
        let client = world.sandbox.folder().join("client");
        let plugins = client.join("cli-plugins");
        fs::create_dir_all(&plugins).unwrap();
        for name in ["docker-buildx", "docker-compose"] {
            let program = world.program_file("usr/libexec/docker/cli-plugins").join(name);
            assert!(program.exists(), "{} is missing", program.display());
            let _ = symlink(program, plugins.join(name));
        }
        let folder = world.sandbox.folder().join("here");
        fs::create_dir_all(&folder).unwrap();
        Self { world, client, folder, _server: server }
    }

    /// Returns the versions of client and server.
    pub fn version(&self) -> String {
        let format = "docker {{.Client.Version}}, dockerd {{.Server.Version}}, API {{.Server.APIVersion}}";
        self.run(&format!("docker version --format '{format}'")).text.trim().to_owned()
    }

    /// Runs a shell command in a folder of the sandbox.
    pub fn run(&self, command: &str) -> CommandOutcome {
        let mut shell = self.world.command("timeout");
        shell.args(["--kill-after=5", COMMAND_TIMEOUT_SECS, "sh", "-c"]);
        shell.arg(format!("cd {}; {command}", self.folder.display()));
        shell.env("DOCKER_HOST", format!("unix://{SOCKET}")).env("DOCKER_CONFIG", &self.client);
        CommandOutcome::from_command(shell)
    }
}

impl CommandOutcome {
    /// Runs a command to its end.
    pub fn from_command(mut command: Command) -> Self {
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Self { is_success: output.status.success(), text }
    }

    /// Requires success. Returns the text.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert!(self.is_success, "{}", self.text);
        self.text
    }
}
