//! dockerd under the settings that `pullgate export` writes.

use std::os::unix::net::UnixStream;

use serde_json::json;

use super::daemon::talk;
use super::sandbox::Server;
use super::sandboxed_daemon::SandboxedDaemon;
use super::settings_world::{CLEARTEXT, DENIED, PLAIN, PRIVATE, SELF_SIGNED, SettingsWorld, UNTRUSTED, check_outcome};

/// The socket of dockerd.
const SOCKET: &str = "/run/docker.sock";

/// The image of all registries.
pub const IMAGE: &str = "team/app:1";

/// Starts dockerd by the exported settings, and pulls from every registry.
pub fn pulls_as_the_policy_says(world: &SettingsWorld, settings: serde_json::Value) {
    let _daemons = start(world, settings);
    let docker = |arguments: &[&str]| {
        let mut command = world.command("docker");
        command.args(["--host", &format!("unix://{SOCKET}")]).args(arguments).output().unwrap()
    };
    seed(world);
    for (registry, errors) in [
        (PLAIN, &[][..]),
        (PRIVATE, &[]),
        (SELF_SIGNED, &[]),
        (CLEARTEXT, &["server gave HTTP response to HTTPS client"]),
        (UNTRUSTED, &["x509: certificate signed by unknown authority"]),
        (DENIED, &["access to registry `denied.test:5000` is denied"]),
    ] {
        let image = format!("{registry}/{IMAGE}");
        check_outcome(&image, &docker(&["pull", &image]), errors);
    }
    let outside = format!("{PRIVATE}/other/app:1");
    check_outcome(&outside, &docker(&["pull", &outside]), &["covers repositories in `team` only"]);
}

/// Exports over settings that are there, and starts dockerd with the plugin.
fn start(world: &SettingsWorld, settings: serde_json::Value) -> (SandboxedDaemon, Server) {
    let mut there = json!({
        "iptables": false,
        "ip6tables": false,
        "bridge": "none",
        "data-root": "/run/data",
        "exec-root": "/run/exec",
        "pidfile": "/run/docker.pid",
        "insecure-registries": [CLEARTEXT, UNTRUSTED],
    });
    there.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    world.write("/etc/docker/daemon.json", &there.to_string());
    assert!(world.disagreements("docker").contains(&"insecure-wider".to_owned()));
    world.export("docker");
    assert_eq!(world.disagreements("docker"), Vec::<String>::new());
    world.mount("/etc/docker");
    let arguments = ["--policy", &world.policy(), "--docker-socket", "/run/docker/plugins/pullgate.sock"];
    let daemon = SandboxedDaemon::start(&world.sandbox, &arguments);
    let mut engine = world.serve("dockerd", |command| {
        command.args(["--config-file=/etc/docker/daemon.json", &format!("--host=unix://{SOCKET}")]);
    });
    let socket = world.sandbox.outside(SOCKET);
    engine.wait_until("dockerd answers", || {
        UnixStream::connect(&socket).is_ok_and(|stream| talk(stream, "GET /_ping", "d", &[], "").0 == 200)
    });
    (daemon, engine)
}

/// Pushes the image, by a program that is not under test.
pub fn seed(world: &SettingsWorld) {
    let folder = world.sandbox.folder().join("image");
    // A layer with one file, as an image in the format of `docker save`.
    let script = format!(
        "mkdir -p {0}/files && cd {0} && echo x > files/x && tar -C files -cf layer.tar x
        digest=$(sha256sum layer.tar | cut -d' ' -f1)
        printf '{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{}},\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}}}' $digest > config.json
        printf '[{{\"Config\":\"config.json\",\"RepoTags\":[\"app:1\"],\"Layers\":[\"layer.tar\"]}}]' > manifest.json
        tar -cf image.tar config.json manifest.json layer.tar
        skopeo --insecure-policy copy --dest-tls-verify=false docker-archive:image.tar docker://{PLAIN}/{IMAGE}",
        folder.display()
    );
    let seeded = world.sandbox.command("sh").args(["-ec", &script]).output().unwrap();
    assert!(seeded.status.success(), "{seeded:?}");
}
