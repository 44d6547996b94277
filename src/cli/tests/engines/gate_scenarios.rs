//! The newer dockerd and containerd, which reach registries through the gate.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::json;

use crate::common::gate_world::GateWorld;
use crate::common::settings_docker::IMAGE;
use crate::common::settings_world::{DENIED, PLAIN, PRIVATE, check_outcome};
use crate::cri::CriClient;
use crate::docker::ImageStore;

const DOCKER_SOCKET: &str = "/run/docker.sock";

const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";

const CERTS_FOLDER: &str = "/etc/containerd/certs.d";

fn start_world() -> GateWorld {
    let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../engines/root");
    assert!(programs.exists(), "there are no newer engines: run `cargo xtask engines`");
    GateWorld::start(Some(fs::canonicalize(programs).unwrap()))
}

/// Pulls through tunnels, whatever the store of images.
pub fn docker(store: ImageStore) {
    let settings = match store {
        ImageStore::Dockerd => json!({ "storage-driver": "vfs", "features": { "containerd-snapshotter": false } }),
        ImageStore::Containerd => json!({ "features": { "containerd-snapshotter": true } }),
    };
    let world = start_world();
    let home = world.settings.sandbox.folder();
    let plugins = home.join(".docker/cli-plugins");
    fs::create_dir_all(&plugins).unwrap();
    let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../engines/root/usr/libexec/docker/cli-plugins");
    symlink(fs::canonicalize(programs.join("docker-buildx")).unwrap(), plugins.join("docker-buildx")).unwrap();
    world.docker_pulls_through_tunnels(DOCKER_SOCKET, settings, |docker| {
        // BuildKit in dockerd, whose builds no authorization plugin can look into.
        for (registry, errors) in
            [(PRIVATE, &[][..]), (DENIED, &["access to registry `denied.test:5000` is denied", "403 Forbidden"])]
        {
            let folder = home.join(format!("build-{registry}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("Dockerfile"), format!("FROM {registry}/{IMAGE}\nLABEL built=yes\n")).unwrap();
            let built = docker(&["build", "--pull", "--tag", "built", &folder.display().to_string()]);
            check_outcome(&format!("a build from {registry}"), &built, errors);
        }
    });
}

/// Pulls through the pull-through endpoint, and through tunnels where a client goes past it.
pub fn containerd() {
    let world = start_world();
    let config = format!(
        "version = 3
        root = '/run/containerd/root'
        state = '/run/containerd/state'
        [grpc]
        address = '{CONTAINERD_SOCKET}'
        [plugins.'io.containerd.cri.v1.images'.registry]
        config_path = '{CERTS_FOLDER}'
        [plugins.'io.containerd.cri.v1.runtime'.cni]
        conf_dir = '/run/cni'
        "
    );
    let config = world.settings.sandbox.write("containerd.toml", &config);
    // A folder of one registry, which counts in place of the one for all.
    let direct = format!("server = \"http://{DENIED}\"\n[host.\"http://{DENIED}\"]\n");
    world.settings.write(&format!("{CERTS_FOLDER}/{DENIED}/hosts.toml"), &direct);
    world.export("containerd");
    world.settings.mount(CERTS_FOLDER);
    let environment = world.exported_environment("containerd");
    let mut server = world.settings.serve("containerd", |command| {
        command.arg("--config").arg(config).env_remove("NO_PROXY").env_remove("no_proxy").envs(environment);
    });
    let socket = world.settings.sandbox.outside(CONTAINERD_SOCKET);
    server.wait_until("containerd answers", || UnixStream::connect(&socket).is_ok());
    let cri = CriClient::new(&socket);
    server.wait_until("containerd serves images", || {
        !cri.pull("localhost:1/x").is_err_and(|error| error.contains("server is not initialized yet"))
    });
    for registry in [PLAIN, PRIVATE] {
        let image = format!("{registry}/{IMAGE}");
        cri.pull(&image).unwrap_or_else(|error| panic!("{image}: {error}\n{}", world.log()));
    }
    // The policy allows the namespace `team` of this registry only, which a tunnel cannot see.
    for image in [format!("{DENIED}/{IMAGE}"), format!("{PRIVATE}/other/app:1")] {
        let error = cri.pull(&image).unwrap_err();
        assert!(error.contains("403 pullgate: ") || error.contains("denied: "), "{image}: {error}");
        assert!(error.contains("access to registry"), "{image}: {error}");
    }
    // `ctr` reads no `hosts.toml`, and its transfers are containerd's own, through the proxy.
    let ctr = |image: &str| {
        let mut command = world.settings.command("ctr");
        command.args(["--address", CONTAINERD_SOCKET, "images", "pull", image]).output().unwrap()
    };
    let refused = ctr(&format!("{DENIED}/{IMAGE}"));
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("pullgate: access to registry"), "{text}");
    world.check_proof("containerd", &[("CONTAINERD_ADDRESS", CONTAINERD_SOCKET)]);
    world.check_records("pull", &[PLAIN, PRIVATE]);
    world.check_nobody_reached_the_denied();
    let (status, recent) = world.ask("GET /v1/gate");
    assert!(status == 200 && recent.contains(DENIED) && recent.contains(PRIVATE), "{recent}");
}
