//! Each disagreement, provoked on a tree of files.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::doctor::{Disagreement, DisagreementEffect, DoctorRequest};
use crate::export::ExportRequest;
use crate::host_files::{ConfigFile, FileContent, HostFiles};
use crate::target::Target;
use crate::tests::with_policy;

/// The authority of the policy, and another one.
const AUTHORITY: &str = include_str!("../../../../tests/certificates/ca.pem");
const OTHER_AUTHORITY: &str = include_str!("../../../../tests/certificates/other-ca.pem");

/// Returns the policy: a verified registry with an authority, one of the loopback, and an insecure one.
fn policy() -> String {
    json!({
        "whitelist": ["reg.test:5443/team", "localhost:5000", "*.example.com"],
        "insecure": ["10.77.0.1:5000", "10.2.0.0/24"],
        "certificate_authorities": [{ "pem": AUTHORITY, "registries": ["reg.test:5443"] }],
    })
    .to_string()
}

/// A tree of files that agrees with the policy, with changes.
struct Tree {
    root: tempfile::TempDir,
    target: Target,
}

impl Tree {
    fn new(target: Target) -> Self {
        let tree = Self { root: tempfile::tempdir().unwrap(), target };
        with_policy(&policy(), |policy| {
            let files = tree.files();
            let export =
                target.export(&ExportRequest { policy, files: &files, allows_wider: false, gate: None }).unwrap();
            files.write(&export.files).unwrap();
        });
        tree.write("/usr/bin/pullgate", "");
        let program = tree.root.path().join("usr/bin/pullgate");
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        tree
    }

    fn files(&self) -> HostFiles {
        HostFiles::below(self.root.path())
    }

    fn write(&self, path: &str, text: &str) {
        self.files().write(&[ConfigFile::text(path, text)]).unwrap();
    }

    fn remove(&self, path: &str) {
        let place = self.root.path().join(path.trim_start_matches('/'));
        if place.is_dir() { std::fs::remove_dir_all(place).unwrap() } else { std::fs::remove_file(place).unwrap() }
    }

    fn rename(&self, from: &str, to: &str) {
        let place = |path: &str| self.root.path().join(path.trim_start_matches('/'));
        std::fs::rename(place(from), place(to)).unwrap();
    }

    fn read(&self, path: &str) -> String {
        self.files().read(path).unwrap().unwrap()
    }

    fn diagnose(&self) -> Vec<Disagreement> {
        let files = self.files();
        with_policy(&policy(), |policy| {
            self.target.diagnose(&DoctorRequest { policy, files: &files, gate: None, sources: &[] }).unwrap()
        })
    }

    /// Requires this disagreement, and no other of another code.
    #[track_caller]
    fn expect(&self, code: &str, effect: DisagreementEffect, file: &str, line: Option<usize>) {
        let found = self.diagnose();
        let [disagreement] = &found[..] else { panic!("{code}: {found:#?}") };
        assert_eq!((disagreement.code, disagreement.effect), (code, effect), "{found:#?}");
        assert_eq!((disagreement.file.as_str(), disagreement.line), (file, line), "{found:#?}");
        assert!(!disagreement.mend.is_empty());
    }
}

use DisagreementEffect::{Fails, Silent};

const DAEMON_JSON: &str = "/etc/docker/daemon.json";

/// Returns a host with Docker Engine in its default settings.
fn docker_tree() -> Tree {
    Tree::new(Target::Docker)
}

/// Returns the disagreements of dockerd besides the one about the loopback, which no setting ends.
fn docker_codes(tree: &Tree) -> Vec<(String, String, Option<usize>)> {
    let found = tree.diagnose();
    assert!(found.iter().any(|each| each.code == "loopback"), "{found:#?}");
    let others = found.into_iter().filter(|each| each.code != "loopback");
    others.map(|each| (each.code.to_owned(), each.file, each.line)).collect()
}

#[track_caller]
fn expect_docker(tree: &Tree, code: &str, file: &str, line: Option<usize>) {
    assert_eq!(docker_codes(tree), [(code.to_owned(), file.to_owned(), line)]);
}

fn with_daemon_json(members: &str) -> Tree {
    let tree = docker_tree();
    let text = format!("{{\n\"authorization-plugins\": [\"pullgate\"],\n{members}\n}}\n");
    tree.write(DAEMON_JSON, &text);
    tree
}

#[test]
fn an_export_agrees_with_its_policy() {
    for target in Target::ON_HOSTS {
        let found: Vec<_> = Tree::new(target).diagnose().into_iter().filter(|each| each.code != "loopback").collect();
        assert_eq!(found, [], "{target:?}");
    }
}

#[test]
fn dockerd_goes_unverified_where_the_policy_verifies() {
    let insecure = "\"insecure-registries\": [\"10.77.0.1:5000\",\n";
    let tree = with_daemon_json(&format!("{insecure}\"reg.test:5443\"]"));
    expect_docker(&tree, "insecure-wider", DAEMON_JSON, Some(4));
    let tree = with_daemon_json(&format!("{insecure}\"HTTP://reg.test:5443\"]"));
    expect_docker(&tree, "insecure-wider", DAEMON_JSON, Some(4));
    let tree = with_daemon_json(&format!("{insecure}\"10.0.0.0/8\"]"));
    expect_docker(&tree, "insecure-wider", DAEMON_JSON, Some(4));
    // A network of the policy counts for names, too.
    let tree = with_daemon_json(&format!("{insecure}\"10.2.0.0/24\"]"));
    expect_docker(&tree, "network-names", DAEMON_JSON, Some(4));
    let tree = docker_tree();
    tree.write("/etc/default/docker", "# x\nDOCKER_OPTS=\"--log-level info \\\n --insecure-registry=reg.test:5443\"\n");
    expect_docker(&tree, "insecure-wider", "/etc/default/docker", Some(3));
    let tree = docker_tree();
    let unit = "/etc/systemd/system/docker.service.d/x.conf";
    tree.write(unit, "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd --insecure-registry evil.test\n");
    expect_docker(&tree, "insecure-wider", unit, Some(3));
}

#[test]
fn dockerd_takes_images_from_mirrors() {
    let insecure = "\"insecure-registries\": [\"10.77.0.1:5000\"],\n\"registry-mirrors\": [";
    let tree = with_daemon_json(&format!("{insecure}\"http://10.77.0.2:5000\"]"));
    expect_docker(&tree, "mirror-unnamed", DAEMON_JSON, Some(4));
    let tree = with_daemon_json(&format!("{insecure}\"http://a.example.com\"]"));
    expect_docker(&tree, "mirror-unnamed", DAEMON_JSON, Some(4));
    let tree = with_daemon_json(&format!("{insecure}\"https://a.example.com/\"]"));
    assert_eq!(docker_codes(&tree), []);
}

#[test]
fn dockerd_without_the_plugin_or_its_settings() {
    let tree = docker_tree();
    tree.write(DAEMON_JSON, "{\"insecure-registries\": [\"10.77.0.1:5000\"]}");
    expect_docker(&tree, "plugin-missing", DAEMON_JSON, None);
    let tree = with_daemon_json("\"insecure-registries\": []");
    expect_docker(&tree, "insecure-missing", DAEMON_JSON, Some(3));
    let tree = docker_tree();
    tree.write(DAEMON_JSON, "{\n\"a\": 1,\n}");
    let codes: Vec<_> = docker_codes(&tree).into_iter().map(|(code, ..)| code).collect();
    assert_eq!(codes, ["plugin-missing", "settings-unreadable", "insecure-missing"]);
}

#[test]
fn folders_of_dockerd_are_named_by_host_and_port() {
    let folder = "/etc/docker/certs.d/reg.test:5443";
    let tree = docker_tree();
    tree.rename(folder, "/etc/docker/certs.d/reg.test");
    let codes: Vec<_> = docker_codes(&tree).into_iter().map(|(code, file, _)| (code, file)).collect();
    assert_eq!(
        codes,
        [
            ("folder-without-port".to_owned(), "/etc/docker/certs.d/reg.test".to_owned()),
            ("authority-missing".to_owned(), folder.to_owned()),
        ]
    );
    let tree = docker_tree();
    tree.rename(&format!("{folder}/ca.crt"), &format!("{folder}/ca.pem"));
    let codes: Vec<_> = docker_codes(&tree).into_iter().map(|(code, file, _)| (code, file)).collect();
    assert_eq!(
        codes,
        [
            ("authority-file-name".to_owned(), format!("{folder}/ca.pem")),
            ("authority-missing".to_owned(), folder.to_owned()),
        ]
    );
    let tree = docker_tree();
    tree.write(&format!("{folder}/other.crt"), OTHER_AUTHORITY);
    expect_docker(&tree, "authority-unnamed", folder, None);
    let tree = docker_tree();
    tree.write("/etc/docker/certs.d/_default/hosts.toml", "[host.\"http://10.77.0.2:5000\"]\n");
    expect_docker(&tree, "mirror-unnamed", "/etc/docker/certs.d/_default/hosts.toml", Some(1));
}

const CONFIG_TOML: &str = "/etc/containerd/config.toml";
const VERIFIERS: &str = "/opt/containerd/image-verifier/bin";

#[test]
fn containerd_pulls_without_a_verifier() {
    for (setting, line) in [
        ("use_local_image_pull = true", 3),
        ("max_concurrent_downloads = 5", 3),
        ("discard_unpacked_layers = true", 3),
        ("disable_snapshot_annotations = false", 3),
        ("image_pull_with_sync_fs = true", 3),
        ("registry.auths.'x'.username = 'y'", 3),
    ] {
        let tree = Tree::new(Target::Containerd);
        let images = "[plugins.'io.containerd.cri.v1.images']";
        let path = "registry.config_path = '/etc/containerd/certs.d'";
        tree.write(CONFIG_TOML, &format!("version = 3\n{images}\n{setting}\n{path}\n"));
        tree.expect("verifier-off", Silent, CONFIG_TOML, Some(line));
        tree.write(CONFIG_TOML, &format!("version = 3\n{images}\nmax_concurrent_downloads = 3\n{path}\n"));
        assert_eq!(tree.diagnose(), []);
    }
    let tree = Tree::new(Target::Containerd);
    tree.remove(&format!("{VERIFIERS}/pullgate-image-verifier"));
    tree.expect("verifier-missing", Silent, VERIFIERS, None);
    tree.remove(VERIFIERS);
    tree.expect("verifier-missing", Silent, VERIFIERS, None);
    tree.write(&format!("{VERIFIERS}/other"), "");
    tree.expect("verifier-missing", Silent, VERIFIERS, None);
    let tree = Tree::new(Target::Containerd);
    tree.remove("/usr/bin/pullgate");
    tree.expect("verifier-broken", Fails, &format!("{VERIFIERS}/pullgate-image-verifier"), None);
    let tree = Tree::new(Target::Containerd);
    let text = format!("disabled_plugins = ['io.containerd.image-verifier.v1.bindir']\n{}", tree.read(CONFIG_TOML));
    tree.write(CONFIG_TOML, &text);
    tree.expect("verifier-off", Silent, CONFIG_TOML, Some(1));
    let tree = Tree::new(Target::Containerd);
    let text =
        format!("{}\n[plugins.'io.containerd.image-verifier.v1.bindir']\nbin_dir = '/x'\n", tree.read(CONFIG_TOML));
    tree.write(CONFIG_TOML, &text);
    let line = text.lines().count();
    tree.expect("verifier-missing", Silent, CONFIG_TOML, Some(line));
    // Under another name, as containerd runs every file of the folder.
    let link = ConfigFile {
        path: "/x/50-registry-policy".to_owned(),
        mode: 0o777,
        content: FileContent::Link("/usr/bin/pullgate".to_owned()),
        is_merged: false,
    };
    tree.files().write(&[link]).unwrap();
    assert_eq!(tree.diagnose(), []);
}

#[test]
fn containerd_reads_its_settings_elsewhere() {
    let tree = Tree::new(Target::Containerd);
    tree.write(
        CONFIG_TOML,
        "version = 3\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/etc/containerd/certs.d'\n",
    );
    let found: Vec<_> = tree.diagnose().into_iter().map(|each| (each.code, each.line)).collect();
    assert_eq!(found, [("settings-ignored", Some(2)), ("config-path-missing", None)]);
    let tree = Tree::new(Target::Containerd);
    let text =
        tree.read(CONFIG_TOML).replace("/etc/containerd/certs.d", "/etc/containerd/certs.d:/etc/containerd/certs.d/");
    tree.write(CONFIG_TOML, &text);
    tree.expect("config-path-several", Silent, CONFIG_TOML, Some(4));
    let tree = Tree::new(Target::Containerd);
    tree.write("/etc/pullgate/image-verifier.toml", "# x\nenforcement = 'audit'\n");
    tree.expect("enforcement-audit", Silent, "/etc/pullgate/image-verifier.toml", Some(2));
    tree.write("/etc/pullgate/image-verifier.toml", "enforcement =\n");
    tree.expect("settings-unreadable", Fails, "/etc/pullgate/image-verifier.toml", Some(1));
}

#[test]
fn hosts_of_containerd_differ_from_the_policy() {
    let folder = "/etc/containerd/certs.d/reg.test_5443_";
    let hosts = format!("{folder}/hosts.toml");
    let own = "[host.\"https://reg.test:5443\"]\nca = \"ca.crt\"\n";
    for (text, code, effect, line) in [
        (format!("{own}skip_verify = true\n"), "hosts-unverified", Silent, Some(1)),
        (format!("{own}[host.\"http://reg.test:5443\"]\n"), "hosts-unverified", Silent, Some(3)),
        (format!("{own}[host.\"https://evil.test\"]\n"), "mirror-unnamed", Silent, Some(3)),
        (format!("{own}[host.\"http://a.example.com\"]\n"), "hosts-unverified", Silent, Some(3)),
        (format!("server = \"http://evil.test\"\n{own}"), "mirror-unnamed", Silent, Some(1)),
        (
            "[host.\"https://reg.test:5443\"]\ncapabilities = [\"pull\", \"referrers\"]\n".to_owned(),
            "hosts-unreadable",
            Silent,
            Some(2),
        ),
        ("[host.\n".to_owned(), "hosts-unreadable", Silent, Some(1)),
        ("server = \"https://reg.test:5443\"\nca = \"ca.crt\"\n".to_owned(), "hosts-without-tables", Silent, Some(1)),
        ("[host.\"https://reg.test:5443\"]\n".to_owned(), "authority-missing", Fails, Some(1)),
    ] {
        let tree = Tree::new(Target::Containerd);
        tree.write(&hosts, &text);
        tree.expect(code, effect, &hosts, line);
    }
    let tree = Tree::new(Target::Containerd);
    tree.write(&hosts, "[host.\"https://reg.test:5443\"]\nca = [\"ca.crt\",\n\"gone.crt\"]\n");
    tree.expect("authority-file-missing", Fails, &hosts, Some(3));
    let tree = Tree::new(Target::Containerd);
    tree.write(&format!("{folder}/ca.crt"), &format!("{AUTHORITY}{OTHER_AUTHORITY}"));
    tree.expect("authority-unnamed", Silent, &hosts, Some(4));
    let tree = Tree::new(Target::Containerd);
    tree.rename(folder, "/etc/containerd/certs.d/reg.test");
    let found: Vec<_> = tree.diagnose().into_iter().map(|each| each.code).collect();
    assert!(found.contains(&"folder-without-port"), "{found:?}");
    let insecure = "/etc/containerd/certs.d/10.77.0.1_5000_";
    let tree = Tree::new(Target::Containerd);
    tree.write(&format!("{insecure}/hosts.toml"), "[host.\"https://10.77.0.1:5000\"]\n");
    tree.expect("insecure-missing", Fails, &format!("{insecure}/hosts.toml"), Some(1));
    tree.remove(&format!("{insecure}/hosts.toml"));
    tree.expect("insecure-missing", Fails, insecure, None);
    tree.remove(insecure);
    tree.expect("insecure-missing", Fails, "/etc/containerd/certs.d", None);
    let tree = Tree::new(Target::Containerd);
    tree.remove("/etc/containerd/certs.d/localhost_5000_");
    tree.expect("loopback", Silent, "/etc/containerd/certs.d", None);
    // Docker's folder, without a hosts.toml, has the authority as well.
    let tree = Tree::new(Target::Containerd);
    tree.remove(&hosts);
    assert_eq!(tree.diagnose(), []);
    tree.remove(&format!("{folder}/ca.crt"));
    tree.expect("authority-missing", Fails, folder, None);
}

const POLICY_JSON: &str = "/etc/containers/policy.json";
const REGISTRIES_CONF: &str = "/etc/containers/registries.conf";

#[test]
fn containers_image_accepts_more_than_the_policy() {
    let tree = Tree::new(Target::Containers);
    tree.write(POLICY_JSON, "{\n\"default\": [{\"type\": \"insecureAcceptAnything\"}]\n}");
    tree.expect("access-open", Silent, POLICY_JSON, Some(2));
    for (scope, is_wider) in [
        ("evil.test", true),
        ("*.test", true),
        ("reg.test:5443", true),
        ("reg.test:5443/team2", true),
        ("reg.test:5443/team", false),
        ("reg.test:5443/team/x", false),
        ("a.example.com/x:1", false),
        ("*.example.com", false),
        ("*.a.example.com", false),
        ("10.2.0.9", false),
    ] {
        let tree = Tree::new(Target::Containers);
        let text = format!(
            "{{\"default\": [{{\"type\": \"reject\"}}], \"transports\": {{\"docker\": {{\n\"{scope}\": [{{\"type\": \
            \"insecureAcceptAnything\"}}]}}}}}}"
        );
        tree.write(POLICY_JSON, &text);
        match is_wider {
            true => tree.expect("access-wider", Silent, POLICY_JSON, Some(2)),
            false => assert_eq!(tree.diagnose(), [], "{scope}"),
        }
    }
    let tree = Tree::new(Target::Containers);
    tree.remove(POLICY_JSON);
    tree.expect("policy-json-missing", Fails, POLICY_JSON, None);
    tree.write(POLICY_JSON, "{}");
    tree.expect("settings-unreadable", Fails, POLICY_JSON, Some(1));
    let tree = Tree::new(Target::Containers);
    let own = "/root/.config/containers/policy.json";
    tree.write(own, "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}");
    tree.expect("access-open", Silent, own, Some(1));
}

#[test]
fn containers_image_reaches_registries_otherwise() {
    let table = |members: &str| format!("[[registry]]\n{members}\n");
    for (text, code, line) in [
        (table("location = \"reg.test:5443\"\ninsecure = true"), "insecure-wider", Some(3)),
        (table("prefix = \"*.example.com\"\ninsecure = true"), "insecure-wider", Some(3)),
        // Without a port it is for every port.
        (table("prefix = \"10.77.0.1\"\nlocation = \"10.77.0.1\"\ninsecure = true"), "insecure-wider", Some(4)),
        (table("prefix = \"quay.io\"\nlocation = \"evil.test/quay\""), "mirror-unnamed", Some(1)),
        (table("location = \"quay.io\"\n[[registry.mirror]]\nlocation = \"evil.test\""), "mirror-unnamed", Some(3)),
        (
            table("location = \"quay.io\"\n[[registry.mirror]]\nlocation = \"a.example.com\"\ninsecure = true"),
            "mirror-unnamed",
            Some(3),
        ),
        ("unqualified-search-registries = [\"docker.io\",\n\"quay.io\"]\n".to_owned(), "short-names", Some(2)),
        ("[registries.insecure]\nregistries = ['reg.test:5443']\n".to_owned(), "insecure-wider", Some(2)),
    ] {
        let tree = Tree::new(Target::Containers);
        tree.write(REGISTRIES_CONF, &text);
        tree.expect(code, Silent, REGISTRIES_CONF, line);
    }
    let tree = Tree::new(Target::Containers);
    tree.remove("/etc/containers/registries.conf.d/zz-pullgate.conf");
    tree.expect("insecure-missing", Fails, REGISTRIES_CONF, None);
    tree.write("/etc/containers/registries.conf.d/x.conf", "[[registry]]\n");
    let found: Vec<_> = tree.diagnose().into_iter().map(|each| each.code).collect();
    assert_eq!(found, ["settings-unreadable", "insecure-missing"]);
    let folder = "/etc/containers/certs.d/reg.test:5443";
    let tree = Tree::new(Target::Containers);
    tree.rename(folder, "/etc/containers/certs.d/reg.test");
    let found: Vec<_> = tree.diagnose().into_iter().map(|each| each.code).collect();
    assert_eq!(found, ["folder-without-port", "authority-missing"]);
    let tree = Tree::new(Target::Containers);
    tree.write(&format!("{folder}/other.crt"), OTHER_AUTHORITY);
    tree.expect("authority-unnamed", Silent, folder, None);
}

const REGISTRIES_YAML: &str = "/etc/rancher/k3s/registries.yaml";

#[test]
fn k3s_reaches_registries_otherwise() {
    let good = Tree::new(Target::K3s).read(REGISTRIES_YAML);
    let with = |section: &str, lines: &str| good.replacen(&format!("{section}:\n"), &format!("{section}:\n{lines}"), 1);
    let line_of = |text: &str, wanted: &str| text.lines().position(|line| line.contains(wanted)).map(|line| line + 1);
    for (section, lines, wanted, code) in [
        (
            "mirrors",
            "  evil.test:\n    endpoint:\n      - \"http://reg.test:5443\"\n",
            "reg.test:5443\"",
            "insecure-wider",
        ),
        ("mirrors", "  docker.io:\n    endpoint:\n      - \"https://m.test\"\n", "m.test", "mirror-unnamed"),
        ("mirrors", "  \"*\":\n    endpoint:\n      - \"https://m.test\"\n", "m.test", "mirror-unnamed"),
        ("configs", "  \"*\":\n    tls:\n      insecure_skip_verify: true # x\n", "# x", "insecure-wider"),
        ("configs", "  a.example.com:\n    tls:\n      insecure_skip_verify: true # x\n", "# x", "insecure-wider"),
    ] {
        let tree = Tree::new(Target::K3s);
        let text = with(section, lines);
        tree.write(REGISTRIES_YAML, &text);
        tree.expect(code, Silent, REGISTRIES_YAML, line_of(&text, wanted));
    }
    let tree = Tree::new(Target::K3s);
    tree.write(REGISTRIES_YAML, "mirrors: [\n");
    tree.expect("settings-unreadable", Fails, REGISTRIES_YAML, Some(2));
    tree.remove(REGISTRIES_YAML);
    let found: Vec<_> = tree.diagnose().into_iter().map(|each| each.code).collect();
    assert_eq!(found, ["insecure-missing", "authority-missing"]);
    let tree = Tree::new(Target::K3s);
    tree.remove("/etc/rancher/k3s/certs.d/reg.test:5443");
    let line = line_of(&good, "ca_file");
    tree.expect("authority-file-missing", Fails, REGISTRIES_YAML, line);
}
