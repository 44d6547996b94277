//! A dockerd that asks the plugin.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::client::Client;
use crate::process::{Folder, Process};
use crate::raw;

pub struct Engine {
    pub version: String,
    pub socket: PathBuf,
    /// The docker client, for it.
    pub client: Client,
    _process: Process,
    _folder: Folder,
}

impl Engine {
    /// Starts one that reaches all but loopback addresses through a proxy. It takes plain HTTP from the names of the test.
    pub async fn start(plugin: &str, proxy: SocketAddr, port: u16) -> Self {
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
        // No file of the machine has a say.
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
        for name in ["a.wild.test", "evil.test", "wild.test"] {
            arguments.push(format!("--insecure-registry={name}:{port}"));
        }
        for registry in ["named.test:5000", "named.test:5001", "198.51.100.0/24"] {
            arguments.push(format!("--insecure-registry={registry}"));
        }
        let proxy = format!("http://{proxy}");
        let variables = [("HTTP_PROXY", proxy.clone()), ("HTTPS_PROXY", proxy), ("NO_PROXY", String::new())];
        let mut process = Process::start("docker.io", &folder.path("log"), "dockerd", &arguments, &variables);
        let get = "GET /version HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
        let mut version = String::new();
        process
            .until("dockerd answers", async || match raw::send(&socket, get.as_bytes()).await {
                Some((200, body)) => {
                    version = body;
                    true
                }
                _ => false,
            })
            .await;
        let version: serde_json::Value = serde_json::from_str(raw::json_in(&version)).unwrap();
        let version = format!("dockerd {}, API {}", version["Version"], version["ApiVersion"]);
        let client = Client::new(&socket, folder.path("client"));
        Self { version, socket, client, _process: process, _folder: folder }
    }
}
