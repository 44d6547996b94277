//! A sandbox for servers that would otherwise take hold of the machine: namespaces of processes, mounts and network.
//!
//! In it `/run` and `/opt` are empty, `/etc/docker` is a folder of the test, and the network is loopback with addresses
//! of the test, so that ports are free. Everything in it is killed with the test.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Timeout for every wait.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A sandbox, with a folder that both sides see.
pub struct Sandbox {
    /// `unshare`, whose child is the first process of the sandbox.
    unshare: Child,
    /// The id of that process, as seen from outside.
    init: String,
    folder: TempDir,
}

impl Sandbox {
    /// Starts a sandbox. `names` are the lines of its `/etc/hosts`, each an address and a name; all addresses are its
    /// own.
    pub fn start(names: &[(&str, &str)]) -> Self {
        let id = Command::new("id").arg("-u").output().unwrap();
        assert_eq!(id.stdout.trim_ascii(), b"0", "this test makes namespaces, and needs root");
        let folder = TempDir::new().unwrap();
        let hosts: String = names.iter().map(|(address, name)| format!("{address} {name}\n")).collect();
        fs::write(folder.path().join("hosts"), format!("127.0.0.1 localhost\n{hosts}")).unwrap();
        // No name server: no name of the outside is resolved.
        fs::write(folder.path().join("resolv.conf"), "").unwrap();
        fs::create_dir(folder.path().join("docker")).unwrap();
        let addresses: String =
            names.iter().map(|(address, _)| format!("ip address add {address}/24 dev lo\n")).collect();
        let here = folder.path().display();
        // The last process waits for the end of the test, and meanwhile for orphans, as the first process of a machine.
        let script = format!(
            "read -r outer rest < /proc/self/stat
            mount -t proc proc /proc
            mount --bind {here}/hosts /etc/hosts
            mount --bind {here}/resolv.conf /etc/resolv.conf
            mkdir -p /etc/docker
            mount --bind {here}/docker /etc/docker
            mount -t tmpfs tmpfs /run
            mount -t tmpfs tmpfs /opt
            mkdir -p /run/docker/plugins /run/pullgate
            ip link set lo up
            {addresses}
            echo $outer
            exec 3<&0
            cat <&3 > /dev/null &
            wait $!"
        );
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount", "--net", "--", "sh", "-e", "-c", &script]);
        let mut unshare = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut init = String::new();
        BufReader::new(unshare.stdout.take().unwrap()).read_line(&mut init).unwrap();
        assert!(!init.is_empty(), "there is no sandbox: {:?}", unshare.wait());
        Self { unshare, init: init.trim().to_owned(), folder }
    }

    /// Returns the folder, which has the same path inside and outside.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file in the folder. Returns its path.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Returns the path by which a path of the sandbox is reached from outside.
    pub fn outside(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.init))
    }

    /// Returns a command that runs in the sandbox.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init, "--pid", "--mount", "--net", "--", program]).stdin(Stdio::null());
        command
    }

    /// Starts a server. Its output goes to a file in the folder.
    pub fn serve(&self, name: &str, program: &str, adjust: impl FnOnce(&mut Command)) -> Server {
        let (log, pid) = (self.folder().join(format!("{name}.log")), self.folder().join(format!("{name}.pid")));
        let _ = fs::remove_file(&pid);
        let output = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = self.command("sh");
        command.args(["-c", "echo $$ > \"$0\"; exec \"$@\""]).arg(&pid).arg(program);
        command.stdin(Stdio::piped()).stdout(output.try_clone().unwrap()).stderr(output);
        adjust(&mut command);
        let child = command.spawn().unwrap();
        Server { child, pid, init: self.init.clone(), log }
    }

    /// Starts a `docker-registry` with its storage in the folder, over TLS with the files of a certificate and its key
    /// there, and waits until it listens. Its output is in `registry-PORT.log`.
    pub fn serve_registry(&self, address: &str, identity: Option<[&str; 2]>) -> Server {
        let file = |name: &str| -> String { self.folder().join(name).display().to_string() };
        let tls = identity.map_or_else(String::new, |[certificate, key]| {
            format!("  tls:\n    certificate: {}\n    key: {}\n", file(certificate), file(key))
        });
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n{tls}",
            file("storage")
        );
        let listening = format!("listening on {}", address.replace("0.0.0.0", "[::]"));
        let name = format!("registry-{}", address.rsplit(':').next().unwrap_or_default());
        let config = self.write(&format!("{name}.yml"), &config);
        let mut registry = self.serve(&name, "docker-registry", |command| {
            command.arg("serve").arg(config);
        });
        let log = file(&format!("{name}.log"));
        registry
            .wait_until("the registry listens", || fs::read_to_string(&log).is_ok_and(|log| log.contains(&listening)));
        registry
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

/// A server in a sandbox, ended on drop.
pub struct Server {
    /// `nsenter`, whose child is the server.
    child: Child,
    /// The file with the server's id in the sandbox.
    pid: PathBuf,
    init: String,
    log: PathBuf,
}

impl Server {
    /// Waits for a condition.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) {
        let start = Instant::now();
        while !ready() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{what}: it ended\n{}", self.log());
            assert!(start.elapsed() < TIMEOUT, "{what}: not in time\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the server has ended by itself.
    #[track_caller]
    pub fn wait_for_end(&mut self) {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < TIMEOUT, "it goes on\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the output.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Lets a server go on that was stopped by a signal. `nsenter` stops itself with its child.
    pub fn resume(&self) {
        self.signal("CONT");
        let mut kill = Command::new("kill");
        let _ = kill.args(["-s", "CONT", &self.child.id().to_string()]).stderr(Stdio::null()).status();
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let Ok(pid) = fs::read_to_string(&self.pid) else { return };
        let mut kill = Command::new("nsenter");
        kill.args(["--target", &self.init, "--pid", "--mount", "--", "kill", "-s", name, pid.trim()]);
        let _ = kill.stderr(Stdio::null()).status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that is stopped would not hear.
        self.resume();
        self.signal("TERM");
        for _ in 0..500 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.signal("KILL");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
