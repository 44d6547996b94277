//! The conformance tests of the distribution specification, for registries that are only read, against the pull-through
//! endpoint before Debian's `docker-registry`. The test needs root, Go 1.24, and Debian's packages `docker-registry` and
//! `skopeo`.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::gate_world::{GATE, GateWorld};
use common::settings_world::{PLAIN, PRIVATE, check_outcome};

/// The module of the tests, at the version that this test is written for.
const MODULE: &str = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260730175803-fee21197eb94";

/// Builds the tests. Returns their program.
fn build() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("distribution-conformance");
    let built = Command::new("go").args(["install", MODULE]).env("GOBIN", &folder).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    folder.join("conformance")
}

/// Returns the names in a folder of the registries' storage, as digests.
fn digests(folder: &Path) -> String {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| format!("sha256:{name}")).collect::<Vec<_>>().join(" ")
}

#[test]
#[ignore = "builds a program in Go: see CONTRIBUTING.md"]
fn endpoint_passes_the_conformance_tests_of_a_registry_that_is_only_read() {
    let program = build();
    let world = GateWorld::start(None);
    // In the format of the specification, and by a program that is not under test.
    let [from, to] = ["app", "conformance"].map(|name| format!("docker://{PLAIN}/team/{name}:1"));
    let mut copy = world.settings.command("skopeo");
    copy.args(["--insecure-policy", "copy", "--format=oci", "--src-tls-verify=false", "--dest-tls-verify=false"]);
    check_outcome("seed", &copy.args([from, to]).output().unwrap(), &[]);
    let repository = "storage/docker/registry/v2/repositories/team/conformance";
    let repository = world.settings.sandbox.folder().join(repository);
    let manifests = digests(&repository.join("_manifests/revisions/sha256"));
    let blobs = digests(&repository.join("_layers/sha256"));
    for registry in [PLAIN, PRIVATE] {
        let mut command = world.settings.command(&program.display().to_string());
        command
            .env("OCI_REGISTRY", GATE)
            .env("OCI_TLS", "disabled")
            .env("OCI_REPO1", format!("{}/team/conformance", registry.replace(':', "__")))
            .env("OCI_RESULTS_DIR", world.settings.sandbox.folder().join("results"))
            // Debian's registry has no referrers yet.
            .envs(
                ["PUSH", "BLOBS_DELETE", "MANIFESTS_DELETE", "TAGS_DELETE", "REFERRER"]
                    .map(|api| (format!("OCI_API_{api}"), "false")),
            )
            .env("OCI_RO_DATA_TAGS", "1")
            .env("OCI_RO_DATA_MANIFESTS", &manifests)
            .env("OCI_RO_DATA_BLOBS", &blobs);
        let ran = command.output().unwrap();
        let report = String::from_utf8_lossy(&ran.stdout);
        let summary = report.split_once("OCI Conformance Result: ").map_or("", |(_, summary)| summary);
        let count = |kind: &str| {
            let line = summary.lines().skip(1).find(|line| line.trim_start().starts_with(kind));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
        };
        let errors = String::from_utf8_lossy(&ran.stderr);
        // Its end is of no use: writing the file of results, it panics where nothing is pushed.
        assert!(summary.starts_with("Pass"), "{report}{errors}\n{}", world.log());
        assert!(count("Pass") >= Some(14) && count("FAIL") == Some(0) && count("Error") == Some(0), "{report}");
        println!("{registry}: {summary}");
    }
    world.check_records("pull", &[PLAIN, PRIVATE]);
}
