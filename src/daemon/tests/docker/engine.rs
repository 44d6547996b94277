//! A dockerd with the plugin.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::client::Client;
use crate::installation::Installation;
use crate::pki::Ca;
use crate::process::{Folder, Process};
use crate::raw;
use crate::registries::NAMES;

pub struct Engine {
    pub version: String,
    pub socket: PathBuf,
    /// The docker client of this dockerd.
    pub client: Client,
    _process: Process,
    folder: Folder,
}

impl Engine {
    /// Starts a dockerd that uses a proxy for all but loopback addresses, and verifies all but those and these
    /// registries.
    pub async fn start(installation: &Installation, plugin: &str, proxy: SocketAddr, insecure: &[String]) -> Self {
        let folder = Folder::new("engine");
        let path = |name: &str| folder.path(name).display().to_string();
        let socket = folder.path("docker.sock");
        let mut arguments: Vec<String> = [
            "--iptables=false",
            "--ip6tables=false",
            "--bridge=none",
            "--storage-driver=vfs",
            "--max-concurrent-downloads=1",
        ]
        .map(str::to_owned)
        .to_vec();
        // No configuration of the machine applies.
        let config = folder.path("daemon.json");
        std::fs::write(&config, "{}").unwrap();
        arguments.extend([
            format!("--config-file={}", config.display()),
            format!("--data-root={}", path("data")),
            format!("--exec-root={}", path("exec")),
            format!("--pidfile={}", path("pid")),
            format!("--host=unix://{}", socket.display()),
            format!("--authorization-plugin={plugin}"),
        ]);
        arguments.extend(insecure.iter().map(|registry| format!("--insecure-registry={registry}")));
        std::fs::create_dir_all(folder.path("etc")).unwrap();
        // Its certificates are those of the test. It resolves every name to see whether it is loopback and so insecure:
        // none is, and no DNS server is queried.
        std::fs::write(folder.path("hosts"), format!("203.0.113.1 {}\n", NAMES.join(" "))).unwrap();
        let script = format!(
            "mkdir -p /etc/docker\nmount --bind {} /etc/docker\nmount --bind {} /etc/hosts",
            path("etc"),
            path("hosts")
        );
        let proxy = format!("http://{proxy}");
        let variables = [
            ("HTTP_PROXY", proxy.clone()),
            ("HTTPS_PROXY", proxy),
            ("NO_PROXY", String::new()),
            ("PATH", installation.path()),
        ];
        let mut process = Process::start(&folder.path("log"), &script, &arguments, &variables);
        let get = "GET /version HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
        let mut version = String::new();
        process
            .wait_until("dockerd answers", async || match raw::send(&socket, get.as_bytes()).await {
                Some((200, body)) => {
                    version = body;
                    true
                }
                _ => false,
            })
            .await;
        let version: serde_json::Value = serde_json::from_str(raw::json_in(&version)).unwrap();
        let found = version["Version"].as_str().unwrap();
        assert!(found.starts_with(installation.version), "dockerd {found} is not {}", installation.version);
        let version = format!("dockerd {found}, API {}", version["ApiVersion"].as_str().unwrap());
        let client = Client::new(&socket, folder.path("client"), installation.path());
        Self { version, socket, client, _process: process, folder }
    }

    /// Installs the certificate authority of a registry for dockerd, in place of any other.
    pub fn trust(&self, registry: &str, ca: &Ca) {
        let folder = self.certificates(registry);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("ca.crt"), ca.pem()).unwrap();
    }

    /// Removes it.
    pub fn distrust(&self, registry: &str) {
        std::fs::remove_dir_all(self.certificates(registry)).unwrap();
    }

    /// Returns the folder that is `/etc/docker/certs.d/HOST:PORT` to dockerd.
    fn certificates(&self, registry: &str) -> PathBuf {
        self.folder.path("etc").join("certs.d").join(registry)
    }
}
