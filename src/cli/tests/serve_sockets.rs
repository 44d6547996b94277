//! `pullgate serve`: whose a unix socket is.

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::daemon::TEST_TIMEOUT;

/// A daemon with this socket, which runs until it is dropped.
struct Serving(Child);

impl Serving {
    fn start(socket: &Path) -> Self {
        let before = number(socket);
        let child = Command::new(env!("CARGO_BIN_EXE_pullgate"))
            .args(["serve", "--no-dns", "--audit", "off", "--listen", &listen(socket)])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let serving = Self(child);
        waits_for(|| number(socket) != before && UnixStream::connect(socket).is_ok());
        serving
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status().unwrap().success());
    }

    fn stop(mut self) {
        self.signal("TERM");
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listen(socket: &Path) -> String {
    format!("unix:{}", socket.display())
}

fn number(socket: &Path) -> Option<u64> {
    fs::symlink_metadata(socket).ok().map(|found| found.ino())
}

fn waits_for(done: impl Fn() -> bool) {
    let end = Instant::now() + TEST_TIMEOUT;
    while !done() {
        assert!(Instant::now() < end, "waited in vain");
        thread::sleep(Duration::from_millis(20));
    }
}

fn refused(socket: &Path) -> String {
    let ran = common::run(&["serve", "--no-dns", "--audit", "off", "--listen", &listen(socket)]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.stderr
}

#[test]
fn a_daemon_that_stops_leaves_the_socket_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("api.sock");
    let first = Serving::start(&socket);
    fs::remove_file(&socket).unwrap();
    let second = Serving::start(&socket);
    first.stop();
    assert!(UnixStream::connect(&socket).is_ok(), "it is the other's");
    second.stop();
    assert!(!socket.exists(), "its own it takes away");
}

#[test]
fn a_daemon_that_is_busy_keeps_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("api.sock");
    let busy = Serving::start(&socket);
    let own = number(&socket);
    busy.signal("STOP");
    // Until its queue is full, where those who gave up wait too: then a connection is not refused, but not to be had either.
    let mut waiting = 0;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        while tokio::net::UnixStream::connect(&socket).await.is_ok() {
            waiting += 1;
            assert!(waiting < 100_000, "its queue has no end");
        }
    });
    let error = refused(&socket);
    assert!(error.contains("another program listens there"), "{error}");
    assert_eq!(number(&socket), own);
    busy.signal("CONT");
}

#[test]
fn obstacles_to_the_socket_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    for (path, said) in [
        (folder.path().to_owned(), "a directory is there"),
        (file.clone(), "a file that is no socket is there"),
        (file.join("api.sock"), "is no directory"),
        (file.join("more/api.sock"), "cannot be made"),
    ] {
        let error = refused(&path);
        assert!(error.contains(said), "{}: {error}", path.display());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}
