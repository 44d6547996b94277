//! The units of `deploy/systemd`, checked by systemd's own programs.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Maximum exposure of `systemd-analyze security`, in tenths: below 2 it rates a service "OK".
const EXPOSURE: &str = "--threshold=15";

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd")
}

/// Copies the units with the built program in place of the installed one.
fn installed(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(units()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "service" || extension == "socket"))
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let text = text.replace("/usr/bin/pullgate", env!("CARGO_BIN_EXE_pullgate"));
            // The manual page is generated with the package.
            let text = text.replace("man:pullgate-serve(1)", "https://example.com/");
            let copy = folder.join(file.file_name().unwrap());
            fs::write(&copy, text).unwrap();
            copy
        })
        .collect()
}

#[test]
fn the_units_are_sound_and_confine_the_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let units = installed(folder.path());
    assert_eq!(units.len(), 3);
    let verified = Command::new("systemd-analyze").arg("verify").args(&units).output().expect("systemd is installed");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
    let service = units.iter().find(|unit| unit.ends_with("pullgate.service")).unwrap();
    let security = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", EXPOSURE])
        .arg(service)
        .output()
        .unwrap();
    assert!(security.status.success(), "{}", String::from_utf8_lossy(&security.stdout));
}

#[test]
fn sockets_of_systemd_are_taken_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let (docker, api) = (folder.path().join("docker.sock"), folder.path().join("api.sock"));
    let mut activate = Command::new("systemd-socket-activate")
        .arg(format!("--listen={}", docker.display()))
        .arg(format!("--listen={}", api.display()))
        .args(["--fdname=docker:api", env!("CARGO_BIN_EXE_pullgate"), "serve", "--no-dns", "--audit", "off"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("systemd is installed");
    let ask = |path: &Path, request: &str| {
        let end = Instant::now() + Duration::from_secs(20);
        let mut stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            thread::sleep(Duration::from_millis(20));
        };
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let head = "HTTP/1.1\r\nHost: pullgate\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let module = ask(&api, &format!("GET /v1/module {head}"));
    let plugin = ask(&docker, &format!("POST /Plugin.Activate {head}"));
    // By process id, since activation execs the daemon.
    Command::new("kill").arg(activate.id().to_string()).status().unwrap();
    activate.wait().unwrap();
    assert!(module.contains("\"sha256\""), "{module}");
    assert!(plugin.contains("authz"), "{plugin}");
}
