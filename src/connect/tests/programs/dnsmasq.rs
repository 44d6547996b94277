//! A dnsmasq process with a few names and addresses and no upstream server. Killed when the test ends or panics.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, process};

/// The startup timeout.
const START: Duration = Duration::from_secs(30);

pub struct Dnsmasq {
    pub address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Dnsmasq {
    /// Starts a server for forward records, such as `("a.test", "198.51.100.1")`, and reverse records.
    pub fn start(forward: &[(&str, &str)], reverse: &[(&str, &str)]) -> Self {
        // A race for the port fails the test, and cannot make it pass.
        let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let name = format!("dnsmasq-{}-{}.log", process::id(), address.port());
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let output = File::create(&log).unwrap();
        let mut command = Command::new("dnsmasq");
        // Debian installs it in `/usr/sbin`, which may be missing from `PATH`.
        command.env("PATH", format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default()));
        command.args([
            "--keep-in-foreground",
            "--log-facility=-",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--log-queries",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--user=",
            "--pid-file=",
            "--local=/test/",
            "--local=/100.51.198.in-addr.arpa/",
        ]);
        command.arg(format!("--port={}", address.port()));
        command.args(forward.iter().map(|(name, address)| format!("--host-record={name},{address}")));
        command.args(reverse.iter().map(|(address, name)| {
            let [a, b, c, d] = address.parse::<Ipv4Addr>().unwrap().octets();
            format!("--ptr-record={d}.{c}.{b}.{a}.in-addr.arpa,{name}")
        }));
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("`dnsmasq` cannot be started ({error}): install Debian's package dnsmasq-base")
        });
        // From here on, `Drop` kills the process on a panic.
        let mut dnsmasq = Self { address, child, log };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(dnsmasq.child.try_wait().unwrap().is_none(), "`dnsmasq` ended: {}", dnsmasq.log());
            assert!(start.elapsed() < START, "`dnsmasq` does not listen: {}", dnsmasq.log());
            sleep(Duration::from_millis(20));
        }
        dnsmasq
    }

    /// Returns the log of queries and answers.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.log);
    }
}
