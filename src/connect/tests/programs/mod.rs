//! Real registries: Debian's `docker-registry`, and nginx. Killed when the test ends or panics.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use crate::pki::Identity;

/// The startup timeout of a program.
const START: Duration = Duration::from_secs(30);

/// A running program.
pub struct Program {
    child: Child,
    folder: PathBuf,
    pub port: u16,
}

impl Program {
    /// Starts `docker-registry`, with TLS if there is an identity, and with additional configuration.
    pub fn registry(identity: Option<&Identity>, more: impl FnOnce(&Path) -> String) -> Self {
        let folder = folder();
        let config = folder.join("config.yml");
        let storage = folder.join("storage");
        let tls = identity.map(|identity| {
            let (certificate, key) = write(&folder, identity);
            format!("  tls:\n    certificate: {certificate}\n    key: {key}\n")
        });
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n{}{}",
            storage.display(),
            tls.unwrap_or_default(),
            more(&folder)
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::piped());
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REGISTRY_")) {
            command.env_remove(name);
        }
        let child = command.spawn().unwrap_or_else(|error| missing("docker-registry", "docker-registry", &error));
        // From here on, `Drop` kills the process on a panic.
        let mut registry = Self { child, folder, port: 0 };
        let log = read_log(&mut registry.child);
        let mut seen = String::new();
        while registry.port == 0 {
            let line = log.recv_timeout(START).unwrap_or_else(|error| panic!("`docker-registry`: {error}\n{seen}"));
            registry.port = port_in(&line).unwrap_or_default();
            seen += &line;
        }
        registry
    }

    /// Starts nginx with one server and these locations; with TLS if there is an identity.
    pub fn nginx(identity: Option<&Identity>, locations: &str) -> Self {
        // Another process may take the port before nginx does.
        (0..5).find_map(|_| Self::try_nginx(identity, locations)).expect("nginx gets a port")
    }

    fn try_nginx(identity: Option<&Identity>, locations: &str) -> Option<Self> {
        let folder = folder();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let tls = identity.map(|identity| {
            let (certificate, key) = write(&folder, identity);
            (" ssl", format!("ssl_certificate {certificate}; ssl_certificate_key {key};"))
        });
        let (ssl, tls) = tls.unwrap_or_default();
        let here = folder.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
            .concat();
        let text = format!(
            "daemon off; master_process off; pid {here}/pid; error_log stderr; events {{}}\n\
             http {{ access_log off; {temporary}\n\
             server {{ listen 127.0.0.1:{port}{ssl}; {tls}\n{locations}\n}} }}\n"
        );
        let config = folder.join("nginx.conf");
        fs::write(&config, text).unwrap();
        let mut command = Command::new("nginx");
        // Debian installs it in `/usr/sbin`, which may be missing from `PATH`.
        command.env("PATH", format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default()));
        command.arg("-p").arg(&folder).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap_or_else(|error| missing("nginx", "nginx-light", &error));
        let mut nginx = Self { child, folder, port };
        let start = Instant::now();
        loop {
            if nginx.child.try_wait().unwrap().is_some() {
                let mut said = String::new();
                nginx.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                assert!(said.contains("Address already in use"), "`nginx`: {said}");
                return None;
            }
            if nginx.folder.join("pid").exists() && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(nginx);
            }
            assert!(start.elapsed() < START, "`nginx` does not listen");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Returns a line of a password file, generated by `htpasswd`.
pub fn htpasswd(user: &str, password: &str) -> String {
    let output = Command::new("htpasswd").args(["-Bbn", user, password]).output();
    let output = output.unwrap_or_else(|error| missing("htpasswd", "apache2-utils", &error));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn missing(program: &str, package: &str, error: &std::io::Error) -> ! {
    panic!("`{program}` cannot be started ({error}): install Debian's package {package}")
}

fn folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("programs-{}-{number}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a certificate and its key and returns their paths.
pub fn write(folder: &Path, identity: &Identity) -> (String, String) {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    fs::write(&certificate, identity.pem()).unwrap();
    fs::write(&key, identity.key.serialize_pem()).unwrap();
    (certificate.display().to_string(), key.display().to_string())
}

/// Reads a program's log to its end, so that the program never blocks on it.
fn read_log(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let log = BufReader::new(child.stderr.take().unwrap());
    thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            let _ = sender.send(line + "\n");
        }
    });
    receiver
}

fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit())?;
    rest[..digits].parse().ok()
}
