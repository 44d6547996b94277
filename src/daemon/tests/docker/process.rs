//! dockerd as a process that ends with the test, even if that is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Timeout in seconds, longer than the whole test: a bound for the processes of a killed test.
const START_TIMEOUT_SECS: &str = "300";

/// A running program.
pub struct Process {
    child: Child,
    /// The file of its output.
    log: PathBuf,
}

impl Process {
    /// Starts dockerd by a shell script that mounts other files over the machine's.
    pub fn start(log: &Path, script: &str, arguments: &[String], variables: &[(&str, String)]) -> Self {
        let variables = || variables.iter().map(|(name, value)| (name, value));
        let mut found = Command::new("which");
        let found = found.arg("dockerd").envs(variables()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(found.is_ok_and(|status| status.success()), "`dockerd` is missing: apt-get install docker.io");
        let file = std::fs::File::create(log).unwrap();
        let mut command = Command::new("timeout");
        // Mounts in a separate namespace vanish with dockerd.
        command.args(["--kill-after=20", START_TIMEOUT_SECS, "unshare", "--mount", "sh", "-e", "-c"]);
        command.arg(format!("{script}\nexec dockerd \"$@\"")).arg("sh").args(arguments).stdin(Stdio::null());
        command.stdout(file.try_clone().unwrap()).stderr(file).envs(variables());
        Self { child: command.spawn().unwrap(), log: log.to_owned() }
    }

    /// Waits for a condition.
    pub async fn wait_until(&mut self, what: &str, mut ready: impl AsyncFnMut() -> bool) {
        let start = Instant::now();
        while !ready().await {
            let ended = self.child.try_wait().unwrap();
            let log = || std::fs::read_to_string(&self.log).unwrap_or_default();
            assert!(ended.is_none(), "{what}: it ended\n{}", log());
            assert!(start.elapsed() < Duration::from_secs(60), "{what}: not in time\n{}", log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // `timeout` passes the signal on.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        for _ in 0..200 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Panics unless run by root, which dockerd needs.
pub fn require_root() {
    let id = Command::new("id").arg("-u").output().unwrap();
    assert_eq!(id.stdout.trim_ascii(), b"0", "this test starts dockerd, and needs root");
}

/// A folder of one test process, removed on drop.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Short, as the path of a socket has at most 107 bytes.
        let folder = std::env::temp_dir().join(format!("pullgate-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
