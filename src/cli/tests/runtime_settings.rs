//! Debian's dockerd, Skopeo and Podman by the settings that `pullgate export` writes. The tests need root, and Debian's
//! packages `docker.io`, `docker-registry`, `podman` and `skopeo`.

mod common;

use std::process::Output;

use common::settings_docker::{IMAGE, pulls_as_the_policy_says, seed};
use common::settings_world::{CLEARTEXT, DENIED, PLAIN, PRIVATE, SELF_SIGNED, SettingsWorld, UNTRUSTED, check_outcome};
use serde_json::json;

#[test]
fn dockerd_pulls_by_the_exported_settings() {
    let world = SettingsWorld::start(None);
    pulls_as_the_policy_says(&world, json!({ "storage-driver": "vfs" }));
}

#[test]
fn skopeo_and_podman_pull_by_the_exported_settings() {
    let world = SettingsWorld::start(None);
    world.write(
        "/etc/containers/registries.conf",
        &format!("unqualified-search-registries = []\n[[registry]]\nlocation = \"{CLEARTEXT}\"\ninsecure = true\n"),
    );
    world.write(
        "/etc/containers/policy.json",
        r#"{
            "default": [{"type": "insecureAcceptAnything"}],
            "transports": {"docker-daemon": {"": [{"type": "reject"}]}}
        }"#,
    );
    let found = world.disagreements("containers");
    assert!(["access-open", "insecure-wider"].iter().all(|code| found.iter().any(|found| found == code)), "{found:?}");
    world.export("containers");
    // The insecure line of the older file is still there, and the newer one counts.
    assert_eq!(world.disagreements("containers"), Vec::<String>::new());
    world.mount("/etc/containers");
    seed(&world);
    let skopeo = |image: &str| -> Output {
        let folder = world.sandbox.folder().join("copy");
        let _ = std::fs::remove_dir_all(&folder);
        let mut command = world.command("skopeo");
        command.arg("copy").arg(format!("docker://{image}")).arg(format!("dir:{}", folder.display())).output().unwrap()
    };
    let podman = |image: &str| -> Output {
        let mut command = world.command("podman");
        command.args(["--root=/run/podman/root", "--runroot=/run/podman/run", "--storage-driver=vfs"]);
        command.args(["--cgroup-manager=cgroupfs", "--events-backend=none", "pull", image]).output().unwrap()
    };
    for (registry, errors) in [
        (PLAIN, &[][..]),
        (PRIVATE, &[]),
        (SELF_SIGNED, &[]),
        (CLEARTEXT, &["server gave HTTP response to HTTPS client"]),
        (UNTRUSTED, &["x509: certificate signed by unknown authority"]),
        (DENIED, &["is rejected by policy", "server gave HTTP response to HTTPS client"]),
    ] {
        let image = format!("{registry}/{IMAGE}");
        check_outcome(&image, &skopeo(&image), errors);
        check_outcome(&image, &podman(&image), errors);
    }
    let outside = format!("{PRIVATE}/other/app:1");
    let copy = format!(
        "skopeo --insecure-policy copy --src-tls-verify=false --dest-tls-verify=false docker://{PLAIN}/{IMAGE} \
         docker://{PLAIN}/other/app:1"
    );
    let copied = world.sandbox.command("sh").args(["-ec", &copy]).output().unwrap();
    assert!(copied.status.success(), "{copied:?}");
    check_outcome(&outside, &skopeo(&outside), &["is rejected by policy"]);
    check_outcome(&outside, &podman(&outside), &["is rejected by policy"]);
}
