//! The newer containerd, with the image verifiers of a folder.

use std::os::unix::net::UnixStream;

use crate::common::sandbox::Server;
use crate::cri::CriClient;
use crate::docker::CommandOutcome;
use crate::world::{ALLOWED_REGISTRY, DENIED_REGISTRY, World};

/// The socket of containerd.
const SOCKET: &str = "/run/containerd/containerd.sock";

/// The folder of the image verifiers, by containerd's default.
pub const VERIFIER_FOLDER: &str = "/opt/containerd/image-verifier/bin";

/// The variable that names the settings of pullgate's verifier.
const SETTINGS_VARIABLE: &str = "PULLGATE_IMAGE_VERIFIER_CONFIG";

/// A containerd in a world.
pub struct Containerd<'a> {
    world: &'a World,
    pub server: Server,
    pub cri: CriClient,
}

impl<'a> Containerd<'a> {
    /// Starts containerd with settings of its image service, and with a sandbox image.
    pub fn start(world: &'a World, image_settings: &str, sandbox_image: &str) -> Self {
        let certificates = world.sandbox.folder().join("certs.d");
        for registry in [ALLOWED_REGISTRY, DENIED_REGISTRY] {
            let hosts = format!("server = \"http://{registry}\"\n[host.\"http://{registry}\"]\n");
            world.sandbox.write(&format!("certs.d/{}_/hosts.toml", registry.replace(':', "_")), &hosts);
        }
        let config = format!(
            "version = 3
            root = '/run/containerd/root'
            state = '/run/containerd/state'
            [grpc]
            address = '{SOCKET}'
            [plugins.'io.containerd.cri.v1.images']
            {image_settings}
            [plugins.'io.containerd.cri.v1.images'.registry]
            config_path = '{}'
            [plugins.'io.containerd.cri.v1.images'.pinned_images]
            sandbox = '{sandbox_image}'
            [plugins.'io.containerd.cri.v1.runtime'.cni]
            conf_dir = '/run/cni'
            ",
            certificates.display()
        );
        let config = world.sandbox.write("containerd.toml", &config);
        let settings = world.sandbox.folder().join("image-verifier.toml");
        let mut server = world.serve("containerd", |command| {
            command.arg("--config").arg(config).env(SETTINGS_VARIABLE, settings);
        });
        let socket = world.sandbox.outside(SOCKET);
        server.wait_until("containerd answers", || UnixStream::connect(&socket).is_ok());
        let cri = CriClient::new(&socket);
        let containerd = Self { world, server, cri };
        let mut start = 0;
        while !containerd.ctr(&["version"]).is_success {
            start += 1;
            assert!(start < 100, "containerd does not serve\n{}", containerd.server.log());
        }
        containerd
    }

    /// Runs `ctr`.
    pub fn ctr(&self, arguments: &[&str]) -> CommandOutcome {
        let mut command = self.world.command("timeout");
        command.args(["60", "ctr", "--address", SOCKET, "--namespace", "k8s.io"]).args(arguments);
        CommandOutcome::from_command(command)
    }
}
