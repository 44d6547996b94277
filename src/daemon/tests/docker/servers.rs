//! The registry, and DNS.

use std::net::{SocketAddr, UdpSocket};

use tokio::net::TcpStream;

use crate::process::{Folder, Process};

/// Debian's `docker-registry`.
pub struct Registry {
    pub address: SocketAddr,
    _process: Process,
    _folder: Folder,
}

impl Registry {
    pub async fn start() -> Self {
        let folder = Folder::new("registry");
        let config = folder.path("config.yml");
        let storage = folder.path("storage");
        let storage = storage.display();
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {storage}\nhttp:\n  addr: 127.0.0.1:0\n"
        );
        std::fs::write(&config, text).unwrap();
        let arguments = ["serve".to_owned(), config.display().to_string()];
        let mut process = Process::start("docker-registry", &folder.path("log"), "docker-registry", &arguments, &[]);
        let log = process.log.clone();
        let mut port = None;
        process
            .until("docker-registry listens", async || {
                port = port_in(&std::fs::read_to_string(&log).unwrap_or_default());
                port.is_some()
            })
            .await;
        let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap()));
        Self { address, _process: process, _folder: folder }
    }
}

fn port_in(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once("listening on 127.0.0.1:")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit())?;
    rest[..digits].parse().ok()
}

/// A dnsmasq that knows a few names and addresses, and nobody else to ask.
pub struct Names {
    pub address: SocketAddr,
    process: Process,
    _folder: Folder,
}

impl Names {
    pub async fn start(forward: &[(&str, &str)], reverse: &[(&str, &str)]) -> Self {
        let folder = Folder::new("names");
        // Whoever takes the port in between fails the test, and does not change what it says.
        let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut arguments: Vec<String> = [
            "--keep-in-foreground",
            "--log-facility=-",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--log-queries",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--user=root",
            "--pid-file=",
            "--local=/test/",
            "--local=/100.51.198.in-addr.arpa/",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--port={}", address.port()));
        arguments.extend(forward.iter().map(|(name, address)| format!("--host-record={name},{address}")));
        arguments.extend(reverse.iter().map(|(address, name)| {
            let mut octets: Vec<&str> = address.split('.').collect();
            octets.reverse();
            format!("--ptr-record={}.in-addr.arpa,{name}", octets.join("."))
        }));
        let mut process = Process::start("dnsmasq", &folder.path("log"), "dnsmasq", &arguments, &[]);
        process.until("dnsmasq listens", async || TcpStream::connect(address).await.is_ok()).await;
        Self { address, process, _folder: folder }
    }

    /// What it was asked, and what it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.process.log).unwrap_or_default()
    }
}
