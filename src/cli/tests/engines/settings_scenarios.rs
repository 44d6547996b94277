//! The newer dockerd and containerd by the settings that `pullgate export` writes.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::common::settings_docker::{IMAGE, pulls_as_the_policy_says, seed};
use crate::common::settings_world::{CLEARTEXT, DENIED, PLAIN, PRIVATE, SELF_SIGNED, SettingsWorld, UNTRUSTED};
use crate::cri::CriClient;
use crate::docker::ImageStore;

/// The socket of containerd.
const SOCKET: &str = "/run/containerd/containerd.sock";

/// The folder of registries that the settings name before the export.
const CERTS_FOLDER: &str = "/run/certs.d";

/// Starts a world with the newer programs.
fn start_world() -> SettingsWorld {
    let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../engines/root");
    assert!(programs.exists(), "there are no newer engines: run `cargo xtask engines`");
    SettingsWorld::start(Some(fs::canonicalize(programs).unwrap()))
}

pub fn docker(store: ImageStore) {
    let settings = match store {
        ImageStore::Dockerd => json!({ "storage-driver": "vfs", "features": { "containerd-snapshotter": false } }),
        ImageStore::Containerd => json!({ "features": { "containerd-snapshotter": true } }),
    };
    pulls_as_the_policy_says(&start_world(), settings);
}

pub fn containerd() {
    let world = start_world();
    let root = world.root();
    world.write(
        "/etc/containerd/config.toml",
        &format!(
            "version = 3
            root = '/run/containerd/root'
            state = '/run/containerd/state'
            [grpc]
            address = '{SOCKET}'
            [plugins.'io.containerd.cri.v1.images'.registry]
            config_path = '{CERTS_FOLDER}'
            [plugins.'io.containerd.cri.v1.runtime'.cni]
            conf_dir = '/run/cni'
            "
        ),
    );
    // Docker's name of a folder, with a file that is wrong.
    world.write(
        &format!("{CERTS_FOLDER}/{PRIVATE}/hosts.toml"),
        &format!("server = \"https://{PRIVATE}\"\n[host.\"https://{PRIVATE}\"]\nskip_verify = true\n"),
    );
    let found = world.disagreements("containerd");
    for code in ["hosts-unverified", "verifier-missing", "insecure-missing"] {
        assert!(found.iter().any(|found| found == code), "{code}: {found:?}");
    }
    world.export("containerd");
    // The link leads to the program where a package has it.
    let program: PathBuf = root.join("usr/bin/pullgate");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_pullgate"), &program).unwrap();
    assert_eq!(world.disagreements("containerd"), Vec::<String>::new());

    world.mount(CERTS_FOLDER);
    world.mount("/opt/containerd");
    let verifier = world.sandbox.outside("/opt/containerd/image-verifier/bin/pullgate-image-verifier");
    fs::remove_file(&verifier).unwrap();
    symlink(env!("CARGO_BIN_EXE_pullgate"), &verifier).unwrap();
    seed(&world);
    let settings = world.sandbox.write("image-verifier.toml", &format!("policy = \"{}\"\n", world.policy()));
    let mut server = world.serve("containerd", |command| {
        command.arg("--config").arg(root.join("etc/containerd/config.toml"));
        command.env("PULLGATE_IMAGE_VERIFIER_CONFIG", settings);
    });
    let socket = world.sandbox.outside(SOCKET);
    server.wait_until("containerd answers", || UnixStream::connect(&socket).is_ok());
    let cri = CriClient::new(&socket);
    server.wait_until("containerd serves images", || {
        !cri.pull("localhost:1/x").is_err_and(|error| error.contains("server is not initialized yet"))
    });
    for (registry, error) in [
        (PLAIN, None),
        (PRIVATE, None),
        (SELF_SIGNED, None),
        (CLEARTEXT, Some("server gave HTTP response to HTTPS client")),
        (UNTRUSTED, Some("x509: certificate signed by unknown authority")),
        (DENIED, Some("server gave HTTP response to HTTPS client")),
    ] {
        let image = format!("{registry}/{IMAGE}");
        match (cri.pull(&image), error) {
            (Ok(_), None) => {}
            (Err(text), Some(error)) => assert!(text.contains(error), "{image}: {text}"),
            (outcome, _) => panic!("{image}: {outcome:?}\n{}", server.log()),
        }
    }
    // The verifier is asked once the registry has answered.
    let copy = format!(
        "skopeo --insecure-policy copy --src-tls-verify=false --dest-tls-verify=false docker://{PLAIN}/{IMAGE} \
         docker://{PLAIN}/other/app:1"
    );
    let copied = world.sandbox.command("sh").args(["-ec", &copy]).output().unwrap();
    assert!(copied.status.success(), "{copied:?}");
    let error = cri.pull(&format!("{PRIVATE}/other/app:1")).unwrap_err();
    assert!(error.contains("covers repositories in `team` only"), "{error}");
}
