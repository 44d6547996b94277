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

fn units_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd")
}

/// Copies the units with the built program in place of the installed one.
fn installed(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(units_dir()).unwrap().map(|entry| entry.unwrap().path());
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
    assert_eq!(units.len(), 4);
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

#[test]
fn the_drop_in_lets_docker_try_until_pullgate_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut units = installed(folder.path());
    let docker = folder.path().join("docker.service");
    // Debian's, as far as its starts are concerned.
    fs::write(
        &docker,
        "[Unit]\nDescription=Docker\nStartLimitBurst=3\nStartLimitIntervalSec=60s\n\
         [Service]\nType=notify\nExecStart=/bin/true\nRestart=always\nRestartSec=2\n",
    )
    .unwrap();
    let drop_in = folder.path().join("docker.service.d");
    fs::create_dir(&drop_in).unwrap();
    fs::copy(units_dir().join("docker.service.d/pullgate.conf"), drop_in.join("pullgate.conf")).unwrap();
    units.push(docker.clone());
    let verified = Command::new("systemd-analyze").arg("verify").args(&units).output().expect("systemd is installed");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
    // Neither of the two gives up, and a service that did would take its sockets with it.
    for unit in [drop_in.join("pullgate.conf"), units_dir().join("pullgate.service")] {
        let text = fs::read_to_string(&unit).unwrap();
        let unit_section = text.split("[Service]").next().unwrap();
        assert!(unit_section.contains("\nStartLimitIntervalSec=0\n"), "{}", unit.display());
        assert!(text.contains("\nRestart=always\n"), "{}", unit.display());
    }
}

#[test]
fn the_drop_ins_of_the_gate_are_sound() {
    for (target, service) in
        [("docker", "docker"), ("containerd", "containerd"), ("containers", "crio"), ("k3s", "k3s")]
    {
        let folder = tempfile::tempdir().unwrap();
        let system = folder.path().join("etc/systemd/system");
        fs::create_dir_all(&system).unwrap();
        let unit = system.join(format!("{service}.service"));
        fs::write(&unit, "[Service]\nExecStart=/bin/true\n").unwrap();
        let mut export = Command::new(env!("CARGO_BIN_EXE_pullgate"));
        export.args(["export", "--to", target, "--insecure-registry", "h:5000", "--gate", "127.0.0.1:8733", "--out"]);
        let exported = export.arg(folder.path()).output().unwrap();
        assert!(exported.status.success(), "{exported:?}");
        let drop_ins = system.join(format!("{service}.service.d"));
        assert!(drop_ins.join("pullgate-gate.conf").exists(), "{exported:?}");
        // What holds without the engine's co-operation.
        fs::copy(units_dir().join("gate/engine.conf"), drop_ins.join("engine.conf")).unwrap();
        let verified = Command::new("systemd-analyze").arg("verify").arg(&unit).output().expect("systemd is installed");
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success() && said.is_empty(), "{target}: {said}");
    }
}

#[test]
fn shipped_settings_refuse_the_shipped_policy_until_it_has_a_whitelist() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["pullgate.toml", "policy.toml"] {
        fs::copy(units_dir().join(name), folder.path().join(name)).unwrap();
    }
    let start = |listen: &str| {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_pullgate"));
        serve.args(["serve", "--no-dns", "--audit", "off", "--listen", listen, "--config"]);
        serve.arg(folder.path().join("pullgate.toml")).stdout(Stdio::null()).stderr(Stdio::piped());
        serve.spawn().unwrap()
    };
    let refused = start("127.0.0.1:0").wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("require_whitelist"), "{said}");

    let policy = folder.path().join("policy.toml");
    let text = fs::read_to_string(&policy).unwrap().replace("# whitelist =", "whitelist =");
    fs::write(&policy, text).unwrap();
    let socket = folder.path().join("api.sock");
    let mut daemon = start(&format!("unix:{}", socket.display()));
    let end = Instant::now() + Duration::from_secs(20);
    while UnixStream::connect(&socket).is_err() {
        assert!(Instant::now() < end && daemon.try_wait().unwrap().is_none(), "it does not start");
        thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").arg(daemon.id().to_string()).status().unwrap();
    assert!(daemon.wait().unwrap().success());
}
