//! Docker Engine 28 and containerd 2.1, as a newer Debian has them, under pullgate.
//!
//! `cargo xtask engines` fetches the programs. The tests need root besides, and Debian's packages `docker-registry`,
//! `iproute2` and `runc`.

mod commands;
#[path = "../common/mod.rs"]
mod common;
mod containerd;
mod containerd_scenarios;
mod cri;
mod docker;
mod gate_scenarios;
mod settings_scenarios;
mod world;

use docker::ImageStore;

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn docker_commands_have_their_outcome_with_images_in_dockerd() {
    commands::run_table(ImageStore::Dockerd);
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn docker_commands_have_their_outcome_with_images_in_containerd() {
    commands::run_table(ImageStore::Containerd);
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn containerd_pulls_what_the_verifier_allows_and_nothing_else() {
    containerd_scenarios::run();
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn dockerd_pulls_by_the_exported_settings_with_images_in_dockerd() {
    settings_scenarios::docker(ImageStore::Dockerd);
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn dockerd_pulls_by_the_exported_settings_with_images_in_containerd() {
    settings_scenarios::docker(ImageStore::Containerd);
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn containerd_pulls_by_the_exported_settings() {
    settings_scenarios::containerd();
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn dockerd_pulls_through_the_gate_with_images_in_dockerd() {
    gate_scenarios::docker(ImageStore::Dockerd);
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn dockerd_pulls_through_the_gate_with_images_in_containerd() {
    gate_scenarios::docker(ImageStore::Containerd);
}

#[test]
#[ignore = "needs the engines that `cargo xtask engines` fetches"]
fn containerd_pulls_through_the_gate() {
    gate_scenarios::containerd();
}
