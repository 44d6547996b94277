//! containerd's image verifier, asked by `ctr` and by a client of the Container Runtime Interface.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::sandboxed_daemon::SandboxedDaemon;
use crate::containerd::{Containerd, VERIFIER_FOLDER};
use crate::docker::{Engine, ImageStore};
use crate::world::{DENIED_REGISTRY, World};

const ALLOWED: &str = "reg.test:5000/team/app:1";
const DENIED: &str = "evil.test:5000/team/app:1";

/// The start of the reason in a denial of pullgate.
const REASON: &str = "verifier pullgate-image-verifier rejected image (exit code 1): pullgate: ";

/// A sandbox image that no policy of the test lists.
const UNLISTED_SANDBOX_IMAGE: &str = "evil.test:5000/team/pause:1";

pub fn run() {
    let start = Instant::now();
    let say = |what: &str| println!("{:6.1} s  {what}", start.elapsed().as_secs_f64());
    let world = World::start();
    seed(&world);
    let policy = world.sandbox.write("policy.json", &json!({ "whitelist": ["reg.test:5000/team"] }).to_string());
    let settings = format!("policy = \"{}\"\n", policy.display());
    world.sandbox.write("image-verifier.toml", &settings);
    let folder = world.sandbox.outside(VERIFIER_FOLDER);
    fs::create_dir_all(&folder).unwrap();
    let verifier = folder.join("pullgate-image-verifier");
    symlink(env!("CARGO_BIN_EXE_pullgate"), &verifier).unwrap();

    let mut daemon = SandboxedDaemon::start(&world.sandbox, &["--policy", &policy.display().to_string()]);
    let containerd = Containerd::start(&world, "", UNLISTED_SANDBOX_IMAGE);
    say(containerd.ctr(&["--version"]).text.trim());
    with_daemon(&containerd, &mut daemon);
    say("ctr and CRI, with the daemon");
    sandbox_image(&containerd, &mut daemon);
    say("the image of a pod's sandbox");
    daemon_that_hangs(&containerd, &daemon);
    say("a daemon that hangs");
    drop(daemon);
    without_daemon(&world, &containerd);
    say("the policy file, without a daemon");
    other_verifiers(&containerd, &folder);
    say("verifiers that cannot be run, or do not end");
    fs::remove_file(&verifier).unwrap();
    no_verifier(&containerd, &folder);
    say("no verifier: everything is allowed");
    symlink(env!("CARGO_BIN_EXE_pullgate"), &verifier).unwrap();
    drop(containerd);
    settings_without_verifier(&world);
    say("settings of containerd that pass the verifier by");
}

/// Pushes the images.
fn seed(world: &World) {
    let engine = Engine::start(world, ImageStore::Dockerd, &[]);
    engine.run("printf x > file && tar -c file | docker import - reg.test:5000/team/app:1").succeeds();
    for image in ["reg.test:5000/team/app:2", "reg.test:5000/other/app:1", "reg.test:5000/team/pause:1"] {
        engine.run(&format!("docker tag {ALLOWED} {image} && docker push --quiet {image}")).succeeds();
    }
    engine.run(&format!("docker push --quiet {ALLOWED}")).succeeds();
}

fn with_daemon(containerd: &Containerd<'_>, daemon: &mut SandboxedDaemon) {
    let pull =
        |image: &str, more: &[&str]| containerd.ctr(&[&["images", "pull", "--plain-http"], more, &[image]].concat());
    pull(ALLOWED, &[]).succeeds();
    let [record] = &daemon.records(1)[..] else { panic!("one record") };
    assert_eq!((&record["frontend"], &record["decision"]), (&json!("containerd"), &json!("allow")), "{record}");
    let reference = record["reference"].as_str().unwrap();
    assert!(reference.starts_with(&format!("{ALLOWED}@sha256:")), "{reference}");

    for (image, reason) in
        [(DENIED, "access to registry `evil.test:5000` is denied"), ("reg.test:5000/other/app:1", "`team` only")]
    {
        let outcome = pull(image, &[]);
        assert!(!outcome.is_success && outcome.text.contains(REASON) && outcome.text.contains(reason), "{outcome:?}");
        let [record] = &daemon.records(1)[..] else { panic!("one record") };
        assert_eq!((&record["decision"], &record["reason"]), (&json!("deny"), &json!("not-whitelisted")), "{record}");
        assert!(!containerd.cri.has(image), "{image} is there");
    }
    // The client pulls by itself, and stores what it has: nobody is asked.
    pull(DENIED, &["--local"]).succeeds();
    assert!(containerd.cri.has(DENIED));
    containerd.cri.remove(DENIED);
    assert_eq!(daemon.records(1).len(), 0);

    let digest = containerd.cri.pull("reg.test:5000/team/app:2").unwrap();
    assert!(digest.starts_with("sha256:"), "{digest}");
    for (image, reason) in
        [(DENIED, "access to registry `evil.test:5000` is denied"), ("reg.test:5000/other/app:1", "`team` only")]
    {
        let error = containerd.cri.pull(image).unwrap_err();
        assert!(error.contains(REASON) && error.contains(reason), "{error}");
        assert!(!containerd.cri.has(image), "{image} is there");
    }
    let reasons: Vec<_> = daemon.records(3).iter().map(|record| record["reason"].clone()).collect();
    assert_eq!(reasons, ["matched", "not-whitelisted", "not-whitelisted"]);
}

/// containerd pulls the image of a pod's sandbox by itself, and asks about it, too.
fn sandbox_image(containerd: &Containerd<'_>, daemon: &mut SandboxedDaemon) {
    let error = containerd.cri.run_pod_sandbox().unwrap_err();
    assert!(error.contains("failed to get sandbox image") && error.contains(REASON), "{error}");
    let records = daemon.records(1);
    assert!(records.iter().all(|record| record["reference"].as_str().unwrap().starts_with(UNLISTED_SANDBOX_IMAGE)));
    assert!(!records.is_empty());
}

fn daemon_that_hangs(containerd: &Containerd<'_>, daemon: &SandboxedDaemon) {
    daemon.server.signal("STOP");
    let start = Instant::now();
    let error = containerd.cri.pull(ALLOWED).unwrap_err();
    assert!(error.contains(REASON) && error.contains("did not answer within"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(9), "containerd's own limit was reached first");
    daemon.server.resume();
    containerd.cri.pull(ALLOWED).unwrap();
}

/// Without a daemon the verifier evaluates the policy file, and denies where it cannot.
fn without_daemon(world: &World, containerd: &Containerd<'_>) {
    containerd.cri.pull(ALLOWED).unwrap();
    let denied = |reason: &str| {
        let error = containerd.cri.pull(ALLOWED).unwrap_err();
        assert!(error.contains(REASON) && error.contains(reason), "{error}");
    };
    let error = containerd.cri.pull(DENIED).unwrap_err();
    assert!(error.contains(REASON) && error.contains("access to registry"), "{error}");
    let policy = world.sandbox.folder().join("policy.json");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, "{").unwrap();
    denied("has errors");
    fs::remove_file(&policy).unwrap();
    denied("cannot read the policy file");
    fs::write(&policy, text).unwrap();
    let settings = world.sandbox.folder().join("image-verifier.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, "sokket = 1\n").unwrap();
    denied("sokket");
    fs::write(&settings, text).unwrap();
    containerd.cri.pull(ALLOWED).unwrap();
}

/// Other programs in the folder: each must allow.
fn other_verifiers(containerd: &Containerd<'_>, folder: &Path) {
    let other = folder.join("00-other");
    let script = |text: &str, mode: u32| {
        fs::write(&other, text).unwrap();
        fs::set_permissions(&other, fs::Permissions::from_mode(mode)).unwrap();
    };
    script("#!/bin/sh\nexit 0\n", 0o755);
    containerd.cri.pull(ALLOWED).unwrap();
    script("#!/bin/sh\nexit 0\n", 0o644);
    let error = containerd.cri.pull(ALLOWED).unwrap_err();
    assert!(error.contains("permission denied"), "{error}");
    script("#!/bin/sh\nsleep 30\n", 0o755);
    let start = Instant::now();
    let error = containerd.cri.pull(ALLOWED).unwrap_err();
    assert!(error.contains("signal: killed"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "containerd waited for the whole program");
    fs::remove_file(&other).unwrap();
    symlink("nowhere", &other).unwrap();
    let error = containerd.cri.pull(ALLOWED).unwrap_err();
    assert!(error.contains("no such file or directory"), "{error}");
    fs::remove_file(&other).unwrap();
}

/// An empty folder and a missing one allow everything, as docs/containerd.md says.
fn no_verifier(containerd: &Containerd<'_>, folder: &Path) {
    containerd.cri.pull(DENIED).unwrap();
    fs::remove_dir(folder).unwrap();
    containerd.cri.pull(DENIED).unwrap();
    containerd.cri.remove(DENIED);
    fs::create_dir(folder).unwrap();
}

/// The settings with which containerd pulls without its transfer service, as docs/containerd.md says.
fn settings_without_verifier(world: &World) {
    for settings in ["use_local_image_pull = true", "max_concurrent_downloads = 5", "discard_unpacked_layers = true"] {
        let containerd = Containerd::start(world, settings, UNLISTED_SANDBOX_IMAGE);
        let before = world.denied_contacts();
        containerd.cri.pull(DENIED).unwrap_or_else(|error| panic!("{settings}: {error}"));
        assert!(world.denied_contacts() > before, "{settings}: {DENIED_REGISTRY} was not contacted");
        containerd.cri.remove(DENIED);
    }
}
