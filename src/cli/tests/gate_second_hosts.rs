//! Engines that pull from a registry in pieces through the gate: tokens and blobs are on hosts of their own, each of which
//! the policy has to allow. The tests need root, and Debian's packages `buildah`, `containerd`, `curl`, `docker.io`,
//! `docker-registry`, `nginx-light`, `podman`, `python3` and `skopeo`.

mod common;

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use common::daemon::talk;
use common::gate_world::{GATE, GateWorld};
use common::settings_world::check_outcome;
use common::split_registry::{CDN, DECOY, FILE_BYTES, LOGIN, REGISTRY, SplitRegistry, TOKENS};
use serde_json::{Value, json};

/// Arguments of Podman and Buildah for a storage of their own.
const STORAGE: [&str; 3] = ["--root=/run/storage/root", "--runroot=/run/storage/run", "--storage-driver=vfs"];

/// Pulls by every tool of the `containers` family, each into a folder or storage of its own.
fn pull_by_tools(world: &SplitRegistry, image: &str) -> Vec<(&'static str, Output)> {
    let policy = world.sandbox.write("policy-of-tools.json", r#"{"default": [{"type": "insecureAcceptAnything"}]}"#);
    let policy = policy.display().to_string();
    let folder = world.sandbox.folder().join("copy");
    let _ = fs::remove_dir_all(&folder);
    let (from, to) = (format!("docker://{image}"), format!("dir:{}", folder.display()));
    let signatures = format!("--signature-policy={policy}");
    let skopeo = world.run("skopeo", &["--policy", &policy, "copy", &from, &to]);
    let podman = ["--cgroup-manager=cgroupfs", "--events-backend=none", "pull", &signatures, image];
    let podman = world.run("podman", &[&STORAGE[..], &podman].concat());
    let buildah = world.run("buildah", &[&STORAGE[..], &["pull", &signatures, image]].concat());
    vec![("skopeo", skopeo), ("podman", podman), ("buildah", buildah)]
}

#[test]
fn tools_pull_where_each_host_is_allowed() {
    let world = SplitRegistry::start();
    let app = format!("{REGISTRY}/team/app:1");
    for (allowed, errors) in [
        (&[REGISTRY, TOKENS, CDN][..], &[][..]),
        (&[REGISTRY, TOKENS], &["pullgate: access to registry `cdn.test:443` is denied"]),
        (&[REGISTRY, CDN], &["pullgate: access to registry `token.test:443` is denied"]),
        (&[TOKENS, CDN], &["pullgate: access to registry `registry.test:443` is denied"]),
    ] {
        let _gate = world.start_gate(allowed, &[]);
        for (tool, pulled) in pull_by_tools(&world, &app) {
            // What was pulled once is there; the storage begins anew.
            check_outcome(&format!("{tool} with {allowed:?}"), &pulled, errors);
        }
        let _ = world.sandbox.command("rm").args(["-rf", "/run/storage"]).status();
    }
    let _gate = world.start_gate(&[REGISTRY, TOKENS, CDN], &[]);
    for (tool, pulled) in pull_by_tools(&world, &format!("{REGISTRY}/lured/app:1")) {
        check_outcome(tool, &pulled, &["access to registry `decoy.test:443` is denied"]);
    }
    // A build: the base image, and a file of the network.
    for (url, errors) in [
        (format!("https://{CDN}/files/large"), &[][..]),
        (format!("https://{DECOY}/files/large"), &["access to registry `decoy.test:443` is denied"]),
    ] {
        let file = world.sandbox.write("build/Dockerfile", &format!("FROM {app}\nADD {url} /large\n"));
        let folder = file.parent().unwrap().display().to_string();
        let policy = world.sandbox.folder().join("policy-of-tools.json").display().to_string();
        let signatures = format!("--signature-policy={policy}");
        let built =
            world.run("buildah", &[&STORAGE[..], &["build", "--isolation=chroot", &signatures, &folder]].concat());
        check_outcome(&url, &built, errors);
    }
    world.check_decoy();
}

#[test]
fn dockerd_logs_in_pulls_and_builds_through_tunnels() {
    const SOCKET: &str = "/run/docker.sock";
    let world = SplitRegistry::start();
    let authority = fs::read_to_string(world.authority_file()).unwrap();
    world.sandbox.write(&format!("docker/certs.d/{REGISTRY}/ca.crt"), &authority);
    let _gate = world.start_gate(&[REGISTRY, TOKENS, CDN], &[]);
    let config = json!({
        "iptables": false, "ip6tables": false, "bridge": "none", "storage-driver": "vfs",
        "data-root": "/run/data", "exec-root": "/run/exec", "pidfile": "/run/docker.pid",
    });
    let config = world.sandbox.write("daemon.json", &config.to_string());
    let mut engine = world.sandbox.serve("dockerd", "dockerd", |command| {
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        command.arg("--config-file").arg(config).arg(format!("--host=unix://{SOCKET}"));
        command.env("PATH", path).env("SSL_CERT_FILE", world.authority_file()).envs(GateWorld::proxy());
    });
    let socket = world.sandbox.outside(SOCKET);
    engine.wait_until("dockerd answers", || {
        UnixStream::connect(&socket).is_ok_and(|stream| talk(stream, "GET /_ping", "d", &[], "").0 == 200)
    });
    let host = format!("--host=unix://{SOCKET}");
    let docker = |arguments: &[&str]| world.run("docker", &[&[host.as_str()], arguments].concat());
    // First, since the layers of all images are the same.
    let lured = docker(&["pull", &format!("{REGISTRY}/lured/app:1")]);
    check_outcome("lured", &lured, &["access to registry `decoy.test:443` is denied"]);
    let private = format!("{REGISTRY}/private/app:1");
    check_outcome("without a login", &docker(&["pull", &private]), &["unauthorized", "denied", "{}"]);
    let wrong = docker(&["login", "--username", LOGIN.0, "--password", "wrong", REGISTRY]);
    check_outcome("a wrong login", &wrong, &["unauthorized", "401", "Unauthorized"]);
    check_outcome("login", &docker(&["login", "--username", LOGIN.0, "--password", LOGIN.1, REGISTRY]), &[]);
    check_outcome("with a login", &docker(&["pull", &private]), &[]);
    let elsewhere = docker(&["login", "--username", LOGIN.0, "--password", LOGIN.1, DECOY]);
    check_outcome("a login elsewhere", &elsewhere, &["access to registry `decoy.test:443` is denied"]);
    // A build by the engine itself, and not by BuildKit.
    for (url, errors) in [
        (format!("https://{CDN}/files/large"), &[][..]),
        (format!("https://{DECOY}/files/large"), &["access to registry `decoy.test:443` is denied"]),
    ] {
        let file = world.sandbox.write("build/Dockerfile", &format!("FROM {private}\nADD {url} /large\n"));
        let folder = file.parent().unwrap().display().to_string();
        let script = format!("DOCKER_BUILDKIT=0 docker {host} build {folder}");
        check_outcome(&url, &world.run("sh", &["-c", &script]), errors);
    }
    world.check_decoy();
}

/// Asks the pull-through endpoint by curl.
fn fetch(world: &SplitRegistry, target: &str, more: &[&str]) -> Output {
    let url = format!("http://{GATE}/v2/{target}?ns={REGISTRY}");
    let mut command = world.sandbox.command("curl");
    command.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "30", &url]).args(more);
    command.args(["--header", "Accept: application/vnd.oci.image.manifest.v1+json"]);
    command.output().unwrap()
}

#[test]
fn endpoint_gets_tokens_and_blobs_from_the_hosts_that_are_allowed() {
    let world = SplitRegistry::start();
    let credentials = world.write_login().display().to_string();
    let blobs = |world: &SplitRegistry| {
        let folder = world.sandbox.folder().join("storage/docker/registry/v2/repositories/team/app/_layers/sha256");
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<_>>()
    };
    let gate = world.start_gate(&[REGISTRY, TOKENS, CDN], &[]);
    check_outcome("a manifest", &fetch(&world, "team/app/manifests/1", &[]), &[]);
    for blob in blobs(&world) {
        check_outcome("a blob", &fetch(&world, &format!("team/app/blobs/sha256:{blob}"), &[]), &[]);
    }
    let private = fetch(&world, "private/app/manifests/1", &[]);
    check_outcome("without a login", &private, &["403"]);
    let blob = format!("lured/app/blobs/sha256:{}", blobs(&world)[0]);
    for (target, error) in [
        (blob.as_str(), "it redirects to `https://decoy.test/"),
        ("luredtoken/app/manifests/1", "tokens come from `https://decoy.test/token`"),
    ] {
        check_outcome(target, &fetch(&world, target, &[]), &[error]);
    }
    drop(gate);
    // The login is the registry's, and its tokens come from another host: it is sent to neither that nor the CDN.
    let gate = world.start_gate(&[REGISTRY, TOKENS, CDN], &["--gate-credentials", &credentials]);
    check_outcome("a login", &fetch(&world, "private/app/manifests/1", &[]), &["its login is not sent there"]);
    drop(gate);
    for log in ["registry-access.log", "token-access.log", "cdn-access.log"] {
        let log = fs::read_to_string(world.sandbox.folder().join(log)).unwrap();
        assert!(!log.contains("Basic "), "{log}");
    }
    let cdn = fs::read_to_string(world.sandbox.folder().join("cdn-access.log")).unwrap();
    assert!(cdn.contains("GET /blobs/sha256/") && !cdn.contains("Bearer"), "{cdn}");
    world.check_decoy();
}

#[test]
fn blob_is_resumed_after_the_gate_was_killed_in_its_middle() {
    let world = SplitRegistry::start();
    // The large file as a blob of `team/app`, which nginx sends slowly.
    let large = fs::read(world.sandbox.folder().join("files/large")).unwrap();
    let sum = world.sandbox.command("sha256sum").arg(world.sandbox.folder().join("files/large")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    let sum = sum.split(' ').next().unwrap();
    let blob = format!("storage/docker/registry/v2/blobs/sha256/{}/{sum}/data", &sum[..2]);
    let blob = world.sandbox.folder().join(blob);
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(&blob, &large).unwrap();
    let mut gate = world.start_gate(&[REGISTRY, TOKENS, CDN], &[]);
    let pulled = world.sandbox.folder().join("pulled");
    let path = pulled.display().to_string();
    let target = format!("team/app/blobs/sha256:{sum}");
    // A client that reads slowly: the gate holds little, so that most of the file is still with the server.
    let first = thread::scope(|scope| {
        let pull = scope.spawn(|| fetch(&world, &target, &["--limit-rate", "4m", "--output", &path]));
        let start = Instant::now();
        while fs::metadata(&pulled).map_or(0, |file| file.len()) < 1 << 20 {
            assert!(start.elapsed() < Duration::from_secs(20), "nothing comes");
            thread::sleep(Duration::from_millis(10));
        }
        gate.signal("KILL");
        gate.wait_for_end();
        pull.join().unwrap()
    });
    assert!(!first.status.success(), "{first:?}");
    let part = fs::read(&pulled).unwrap();
    assert!(part.len() < FILE_BYTES && large.starts_with(&part), "{} bytes", part.len());
    drop(gate);
    let gate = world.start_gate(&[REGISTRY, TOKENS, CDN], &[]);
    check_outcome("the rest", &fetch(&world, &target, &["--continue-at", "-", "--output", &path]), &[]);
    assert!(fs::read(&pulled).unwrap() == large);

    // The bytes change on the disk of the CDN: no client gets all of them.
    let mut wrong = large.clone();
    wrong[FILE_BYTES / 2] ^= 1;
    fs::write(&blob, &wrong).unwrap();
    let altered = fetch(&world, &target, &["--output", &path]);
    assert!(!altered.status.success(), "{altered:?}");
    assert!(fs::metadata(&pulled).unwrap().len() < FILE_BYTES as u64);
    drop(gate);
    let records = fs::read_to_string(world.audit()).unwrap();
    let ends: Vec<Value> = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    let ends: Vec<&str> = ends.iter().filter_map(|record| record["transfer"]["end"].as_str()).collect();
    assert_eq!(ends.last(), Some(&"wrong-content"), "{ends:?}");
}
