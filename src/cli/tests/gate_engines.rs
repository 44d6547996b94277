//! Debian's dockerd, containerd, Skopeo and Podman, which reach registries through the gate. The tests need root, and
//! Debian's packages `containerd`, `docker.io`, `docker-registry`, `podman` and `skopeo`.

mod common;

use std::os::unix::net::UnixStream;
use std::process::Output;

use common::gate_world::{GATE, GateWorld};
use common::settings_docker::IMAGE;
use common::settings_world::{CLEARTEXT, DENIED, PLAIN, PRIVATE, SELF_SIGNED, UNTRUSTED, check_outcome};
use serde_json::json;

#[test]
fn dockerd_pulls_through_tunnels() {
    GateWorld::start(None).docker_pulls_through_tunnels("/run/docker.sock", json!({ "storage-driver": "vfs" }));
}

#[test]
fn skopeo_and_podman_pull_through_tunnels() {
    let world = GateWorld::start(None);
    let policy = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;
    let policy = world.settings.sandbox.write("containers-policy.json", policy).display().to_string();
    let skopeo = |image: &str, verified: bool| -> Output {
        let folder = world.settings.sandbox.folder().join("copy");
        let _ = std::fs::remove_dir_all(&folder);
        let mut command = world.settings.command("skopeo");
        command.args(["--policy", &policy, "copy", &format!("--src-tls-verify={verified}")]);
        command
            .arg(format!("docker://{image}"))
            .arg(format!("dir:{}", folder.display()))
            .envs(GateWorld::proxy())
            .output()
            .unwrap()
    };
    let podman = |image: &str, verified: bool| -> Output {
        let mut command = world.settings.command("podman");
        command.args(["--root=/run/podman/root", "--runroot=/run/podman/run", "--storage-driver=vfs"]);
        command.args(["--cgroup-manager=cgroupfs", "--events-backend=none", "pull"]);
        command.arg(format!("--tls-verify={verified}"));
        command.arg(format!("--signature-policy={policy}")).arg(image).envs(GateWorld::proxy()).output().unwrap()
    };
    // Where they do not verify, both try plain HTTP after HTTPS, and of its refusal show the status alone.
    for (registry, verified, errors) in [
        (PLAIN, false, &[][..]),
        (PRIVATE, false, &[]),
        (SELF_SIGNED, false, &[]),
        (CLEARTEXT, true, &["pullgate: `cleartext.test:5000` cannot be reached: HTTPS to cleartext.test port 5000"]),
        (CLEARTEXT, false, &["403 (Forbidden)", "pullgate: "]),
        (UNTRUSTED, true, &["pullgate: `untrusted.test:5443` cannot be reached: HTTPS to untrusted.test port 5443"]),
        (UNTRUSTED, false, &["403 (Forbidden)", "pullgate: "]),
        (DENIED, true, &["pullgate: access to registry `denied.test:5000` is denied"]),
        (DENIED, false, &["403 (Forbidden)", "pullgate: "]),
    ] {
        let image = format!("{registry}/{IMAGE}");
        check_outcome(&image, &skopeo(&image, verified), errors);
        check_outcome(&image, &podman(&image, verified), errors);
    }
    world.check_records("tunnel", &[PRIVATE, SELF_SIGNED]);
    world.check_nobody_reached_the_denied();

    // As a mirror: the gate makes the connection, and namespaces count.
    let mirrored = |registry: &str, repository: &str| {
        let host = registry.replace(':', "__");
        let mut command = world.settings.command("skopeo");
        command.args(["inspect", "--tls-verify=false", &format!("docker://{GATE}/{host}/{repository}:1")]);
        command.output().unwrap()
    };
    check_outcome("mirrored", &mirrored(PRIVATE, "team/app"), &[]);
    check_outcome("mirrored", &mirrored(PRIVATE, "other/app"), &["access to registry `private.test:5443` is denied"]);
    world.check_records("pull", &[PRIVATE]);
}

#[test]
fn containerd_pulls_through_the_endpoint_and_says_why_not() {
    const SOCKET: &str = "/run/containerd/containerd.sock";
    let world = GateWorld::start(None);
    let config = format!(
        "version = 2
        root = '/run/containerd/root'
        state = '/run/containerd/state'
        disabled_plugins = ['io.containerd.grpc.v1.cri']
        [grpc]
        address = '{SOCKET}'
        "
    );
    let config = world.settings.sandbox.write("containerd.toml", &config);
    let mut server = world.settings.serve("containerd", |command| {
        command.arg("--config").arg(config);
    });
    let socket = world.settings.sandbox.outside(SOCKET);
    server.wait_until("containerd answers", || UnixStream::connect(&socket).is_ok());
    let hosts = format!("server = \"http://{GATE}\"\n[host.\"http://{GATE}\"]\n");
    let folder = world.settings.sandbox.write("certs.d/_default/hosts.toml", &hosts);
    let folder = folder.parent().unwrap().parent().unwrap().display().to_string();
    let pull = |image: &str| {
        let mut command = world.settings.command("ctr");
        command.args(["--address", SOCKET, "images", "pull", "--hosts-dir", &folder, image]).output().unwrap()
    };
    for (registry, errors) in [
        (PLAIN, &[][..]),
        (PRIVATE, &[]),
        (SELF_SIGNED, &[]),
        (UNTRUSTED, &["403 pullgate: `untrusted.test:5443` cannot be reached"]),
        (DENIED, &["403 pullgate: access to registry `denied.test:5000` is denied"]),
    ] {
        let image = format!("{registry}/{IMAGE}");
        check_outcome(&image, &pull(&image), errors);
    }
    let outside = format!("{PRIVATE}/other/app:1");
    check_outcome(&outside, &pull(&outside), &["403 pullgate: access to registry `private.test:5443` is denied"]);
    world.check_records("pull", &[PLAIN, PRIVATE, SELF_SIGNED]);
    world.check_nobody_reached_the_denied();
}
