//! The tutorials of `docs/tutorials`, and other pages with commands, command by command on a machine in a sandbox.
//!
//! [`page`] says how a page is written, [`machine`] how it is run. A test here only says what its machine has.

#[path = "../common/mod.rs"]
mod common;
mod machine;
mod page;
mod public_registries;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use common::cluster::{self, Cluster};
use common::repository;
use common::sandbox::Sandbox;
use machine::{Machine, MachineOptions, Service};
use page::Place;

#[test]
fn ten_minutes_with_docker() {
    docker(None);
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn ten_minutes_with_the_newer_docker() {
    docker(Some(&newer_engines()));
}

fn docker(programs: Option<&Path>) {
    let mut machine = Machine::start(&MachineOptions {
        images: &["library/alpine", "prometheus/prometheus"],
        programs,
        services: &[Service {
            name: "docker",
            command: "dockerd --iptables=false --ip6tables=false --bridge=none --data-root=/run/data \
                      --storage-driver=vfs --exec-root=/run/exec --host=unix:///run/docker.sock",
            probe: "docker version",
        }],
        environment: &[("DOCKER_HOST", "unix:///run/docker.sock")],
        ..MachineOptions::default()
    });
    machine.follow("docs/tutorials/docker.md", &[Place::Machine]);
}

#[test]
fn ten_minutes_with_podman() {
    let mut machine = Machine::start(&MachineOptions {
        images: &["library/alpine", "prometheus/prometheus"],
        ..MachineOptions::default()
    });
    // What only a container of a container needs: no overlays, cgroups or journal.
    machine.write(
        "/etc/containers/storage.conf",
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"/run/podman/root\"\nrunroot = \"/run/podman/run\"\n",
    );
    machine.write(
        "/etc/containers/containers.conf",
        "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n",
    );
    machine.follow("docs/tutorials/podman.md", &[Place::Machine]);
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn ten_minutes_with_the_newer_containerd() {
    let mut machine = Machine::start(&MachineOptions {
        images: &["library/alpine", "prometheus/prometheus"],
        programs: Some(&newer_engines()),
        services: &[Service {
            name: "containerd",
            command: "containerd --root /run/containerd/root --state /run/containerd/state",
            probe: "ctr version",
        }],
        ..MachineOptions::default()
    });
    machine.follow("docs/tutorials/containerd.md", &[Place::Machine]);
}

#[test]
fn ten_minutes_with_a_form() {
    // The programs that walk the page, unless they are there.
    run(Command::new("node").arg(repository("tests/browser/run.mjs")).arg("--install"));
    let mut machine = Machine::start(&MachineOptions::default());
    let pack = ["pack", "--silent", "--pack-destination"];
    run(Command::new("npm").current_dir(repository("pkg")).args(pack).arg(machine.folder()));
    machine.follow("docs/tutorials/form.md", &[Place::Machine]);
}

#[test]
fn ten_minutes_with_kubernetes_but_for_the_cluster() {
    let mut machine = Machine::start(&MachineOptions::default());
    copy_manifests(&machine);
    machine.follow("docs/tutorials/kubernetes.md", &[Place::Machine]);
}

#[test]
#[ignore = "needs the API server that `cargo xtask api-server` builds"]
fn ten_minutes_with_kubernetes() {
    let kubectl = format!("exec {} \"$@\"", cluster::kubectl().join(" "));
    let sandbox = Rc::new(Sandbox::start(&cluster::NAMES));
    let options = MachineOptions { scripts: &[("kubectl", &kubectl)], ..MachineOptions::default() };
    let mut machine = Machine::start_in(Rc::clone(&sandbox), &options);
    copy_manifests(&machine);
    let mut cluster = Cluster::start_in(sandbox);
    let places = [Place::Machine, Place::Cluster, Place::Nodes];
    machine.follow_with("docs/tutorials/kubernetes.md", &places, |command| {
        match command.split(' ').find(|word| ["status", "logs", "sleep"].contains(word)) {
            Some("status") => cluster.start_pod(),
            Some("sleep") => cluster.update_policy(),
            _ => panic!("nodes do not know `{command}`"),
        }
    });
}

/// Copies the manifests as a release has them.
fn copy_manifests(machine: &Machine) {
    run(Command::new("cp").arg("-r").arg(repository("deploy")).arg(machine.folder()));
}

#[test]
fn pages_with_a_file_and_a_command() {
    for page in ["README.md", "docs/settings.md"] {
        Machine::start(&MachineOptions::default()).follow(page, &[Place::Machine]);
    }
}

#[test]
fn settings_of_other_tools_become_policies() {
    let scripts = [
        // The cluster's object, for the command of the page and no other one.
        ("kubectl", "[ \"$*\" = 'get image.config.openshift.io cluster -o yaml' ] && cat cluster-image.yaml"),
    ];
    let mut machine = Machine::start(&MachineOptions { scripts: &scripts, ..MachineOptions::default() });
    let authority = std::fs::read_to_string(repository("tests/certificates/ca.pem")).unwrap();
    machine.write_here("ca.pem", &authority);
    machine.follow("docs/coming-from.md", &[Place::Machine]);
}

/// Runs a command that has to succeed.
fn run(command: &mut Command) {
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{command:?}: {ran:?}");
}

/// Returns the folder of the newer engines.
fn newer_engines() -> PathBuf {
    let engines = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../engines/root");
    assert!(engines.exists(), "there are no newer engines: run `cargo xtask engines`");
    engines.canonicalize().unwrap()
}
