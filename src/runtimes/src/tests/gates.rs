//! The way through the gate: exported for each engine, and each way past it provoked on a tree of files.

use serde_json::json;

use crate::doctor::{Disagreement, DisagreementEffect, DoctorRequest};
use crate::export::{Export, ExportError, ExportRequest, Fidelity};
use crate::gate::GateAddress;
use crate::host_files::HostFiles;
use crate::target::Target;
use crate::tests::model::text_of;
use crate::tests::with_policy;

use DisagreementEffect::{Fails, Silent};

const GATE: &str = "127.0.0.1:8733";
const DOCKER_DROP_IN: &str = "/etc/systemd/system/docker.service.d/pullgate-gate.conf";
const CONTAINERD_DROP_IN: &str = "/etc/systemd/system/containerd.service.d/pullgate-gate.conf";
const DEFAULT_HOSTS: &str = "/etc/containerd/certs.d/_default/hosts.toml";
const REGISTRIES_YAML: &str = "/etc/rancher/k3s/registries.yaml";
const GATE_CONF: &str = "/etc/containers/containers.conf.d/zz-pullgate-gate.conf";

/// Returns a policy that restricts nothing, so that only the gate is compared.
fn policy() -> String {
    json!({ "insecure": ["10.77.0.1:5000"] }).to_string()
}

/// Returns a host with these files.
fn host(texts: &[(&str, &str)]) -> HostFiles {
    HostFiles::of_texts(texts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

fn export_to(target: Target, files: &HostFiles) -> Export {
    let gate: GateAddress = GATE.parse().unwrap();
    with_policy(&policy(), |policy| {
        target.export(&ExportRequest { policy, files, allows_wider: false, gate: Some(&gate) }).unwrap()
    })
}

/// Returns a host with the exported files, and with these in place of them or besides.
fn exported_host(target: Target, texts: &[(&str, &str)]) -> HostFiles {
    let export = export_to(target, &HostFiles::none());
    let exported: Vec<_> =
        export.files.iter().map(|file| (file.path.as_str(), text_of(&export.files, &file.path).unwrap())).collect();
    host(&[&exported, texts].concat())
}

fn diagnose(target: Target, files: &HostFiles) -> Vec<Disagreement> {
    let gate: GateAddress = GATE.parse().unwrap();
    with_policy(&policy(), |policy| {
        target.diagnose(&DoctorRequest { policy, files, gate: Some(&gate), sources: &[] }).unwrap()
    })
}

/// Requires these disagreements: code, effect, file and line.
#[track_caller]
fn expect(target: Target, texts: &[(&str, &str)], expected: &[(&str, DisagreementEffect, &str, Option<usize>)]) {
    let found = diagnose(target, &exported_host(target, texts));
    let short: Vec<_> = found.iter().map(|each| (each.code, each.effect, each.file.as_str(), each.line)).collect();
    assert_eq!(short, expected, "{found:#?}");
    assert!(found.iter().all(|each| !each.mend.is_empty()));
}

#[test]
fn exported_settings_lead_through_the_gate() {
    for target in Target::ON_HOSTS {
        expect(target, &[], &[]);
    }
}

#[test]
fn without_settings_everything_is_past_the_gate() {
    for (target, count) in [(Target::Docker, 2), (Target::Containerd, 3), (Target::Containers, 3), (Target::K3s, 4)] {
        let found = diagnose(target, &HostFiles::none());
        let of_gate = found.iter().filter(|each| each.code.starts_with("gate-")).count();
        assert_eq!(of_gate, count, "{found:#?}");
    }
}

#[test]
fn a_target_without_engines_has_no_gate() {
    let gate: GateAddress = GATE.parse().unwrap();
    for target in [Target::Openshift, Target::Kubernetes, Target::VicMachine, Target::Vch] {
        let files = HostFiles::none();
        let refused = with_policy(&policy(), |policy| {
            target.export(&ExportRequest { policy, files: &files, allows_wider: false, gate: Some(&gate) })
        });
        assert!(matches!(refused, Err(ExportError::NoGate(_))), "{target:?}");
    }
}

#[test]
fn dockerd_goes_past_the_gate() {
    let proxied = |value: &str| format!("[Service]\nEnvironment=HTTP_PROXY=http://{GATE}\nEnvironment={value}\n");
    let other = proxied("HTTPS_PROXY=http://u:hunter2@proxy.corp.example:3128");
    expect(Target::Docker, &[(DOCKER_DROP_IN, &other)], &[("gate-elsewhere", Silent, DOCKER_DROP_IN, Some(3))]);
    let found = diagnose(Target::Docker, &exported_host(Target::Docker, &[(DOCKER_DROP_IN, &other)]));
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    let missing = proxied("A=b");
    expect(Target::Docker, &[(DOCKER_DROP_IN, &missing)], &[("gate-missing", Silent, DOCKER_DROP_IN, None)]);
    let except = proxied(&format!("HTTPS_PROXY=http://{GATE} no_proxy=localhost,.corp.example"));
    expect(Target::Docker, &[(DOCKER_DROP_IN, &except)], &[("gate-bypassed", Silent, DOCKER_DROP_IN, Some(3))]);
    let local = proxied(&format!("HTTPS_PROXY=http://{GATE} NO_PROXY=localhost,127.0.0.1,::1"));
    expect(Target::Docker, &[(DOCKER_DROP_IN, &local)], &[]);
    // A file of the environment counts before the drop-in, and `daemon.json` before both.
    let unit = ("/usr/lib/systemd/system/docker.service", "[Service]\nEnvironmentFile=-/etc/default/docker\n");
    let file = ("/etc/default/docker", "HTTPS_PROXY=\"http://proxy.corp.example:3128\"\n");
    expect(Target::Docker, &[unit, file], &[("gate-elsewhere", Silent, "/etc/default/docker", Some(1))]);
    let text = "{\n\"insecure-registries\": [\"10.77.0.1:5000\"],\n\"proxies\": {\n\"https-proxy\": \"http://p:1\",\n\
        \"no-proxy\": \"h\"}}";
    let daemon_json = ("/etc/docker/daemon.json", text);
    let path = daemon_json.0;
    let expected = [("gate-elsewhere", Silent, path, Some(4)), ("gate-bypassed", Silent, path, Some(5))];
    expect(Target::Docker, &[daemon_json], &expected);
    // An export over those puts both right.
    let export = export_to(Target::Docker, &host(&[daemon_json]));
    let merged = text_of(&export.files, path).unwrap();
    assert!(merged.contains(&format!("\"http://{GATE}\"")) && !merged.contains("no-proxy"), "{merged}");
    expect(Target::Docker, &[(path, merged)], &[]);
}

#[test]
fn containerd_goes_past_the_gate() {
    let folder = "/etc/containerd/certs.d/reg.test";
    let hosts = format!("{folder}/hosts.toml");
    let file = hosts.as_str();
    let with = |text: &str| format!("server = \"http://{GATE}\"\n[host.\"http://{GATE}\"]\n{text}");
    let expected = |line| [("gate-bypassed", Silent, file, Some(line))];
    expect(Target::Containerd, &[(file, &with("[host.\"https://mirror.test\"]\n"))], &expected(3));
    expect(Target::Containerd, &[(file, &format!("[host.\"http://{GATE}\"]\n"))], &expected(1));
    let broken = "server = \n";
    expect(Target::Containerd, &[(file, broken)], &[("hosts-unreadable", Silent, file, Some(1))]);
    expect(Target::Containerd, &[(&format!("{folder}/ca.crt"), "x")], &[("gate-bypassed", Silent, folder, None)]);
    let direct = "server = \"https://registry-1.docker.io\"\n[host.\"https://registry-1.docker.io\"]\n";
    let bypassed = |line| ("gate-bypassed", Silent, DEFAULT_HOSTS, Some(line));
    expect(Target::Containerd, &[(DEFAULT_HOSTS, direct)], &[bypassed(2), bypassed(1)]);
    let proxy =
        format!("[Service]\nEnvironment=HTTP_PROXY=http://{GATE} HTTPS_PROXY=http://{GATE} NO_PROXY=10.0.0.0/8\n");
    expect(
        Target::Containerd,
        &[(CONTAINERD_DROP_IN, &proxy)],
        &[("gate-bypassed", Silent, CONTAINERD_DROP_IN, Some(2))],
    );
    // An export over such folders leads each to the gate.
    let there = [(file, direct), ("/etc/containerd/certs.d/h.test/ca.crt", "x")];
    let export = export_to(Target::Containerd, &host(&there));
    for path in [file, "/etc/containerd/certs.d/h.test/hosts.toml", DEFAULT_HOSTS] {
        let text = text_of(&export.files, path).unwrap();
        assert!(text.contains(&format!("server = \"http://{GATE}\"")) && !text.contains("docker.io"), "{text}");
    }
    assert!(export.notes.iter().any(|note| note.contains(file)), "{:?}", export.notes);
    assert!(export.entries.iter().all(|entry| entry.fidelity == Fidelity::ByPullgate), "{:?}", export.entries);
}

#[test]
fn k3s_goes_past_the_gate() {
    let with = |text: &str| format!("mirrors:\n  \"*\":\n    endpoint: [\"http://{GATE}\"]\n{text}");
    let bypassed = |line| [("gate-bypassed", Silent, REGISTRIES_YAML, Some(line))];
    let mirror = with("  docker.io:\n    endpoint: [\"https://mirror.test\"]\n");
    expect(Target::K3s, &[(REGISTRIES_YAML, &mirror)], &bypassed(5));
    let config = with("configs:\n  h.test:\n    auth: {username: a, password: b}\n");
    expect(Target::K3s, &[(REGISTRIES_YAML, &config)], &bypassed(5));
    let config_yaml = "/etc/rancher/k3s/config.yaml.d/zz.yaml";
    let fallback = "disable-default-registry-endpoint: false\n";
    expect(Target::K3s, &[(config_yaml, fallback)], &[("gate-bypassed", Silent, config_yaml, Some(1))]);
    let unit = "/etc/systemd/system/k3s-agent.service";
    let drop_in = "/etc/systemd/system/k3s-agent.service.d/pullgate-gate.conf";
    let missing = ("gate-missing", Silent, drop_in, None);
    expect(Target::K3s, &[(unit, "[Service]\n")], &[missing, missing]);

    let there = host(&[(REGISTRIES_YAML, &mirror), (unit, "[Service]\n")]);
    let export = export_to(Target::K3s, &there);
    let text = text_of(&export.files, REGISTRIES_YAML).unwrap();
    assert!(!text.contains("mirror.test") && export.notes.iter().any(|note| note.contains("`docker.io`")), "{text}");
    let text = text_of(&export.files, drop_in).unwrap();
    assert!(text.contains(&format!("Environment=CONTAINERD_HTTPS_PROXY=http://{GATE}\n")), "{text}");
    assert!(text.contains("Environment=CONTAINERD_NO_PROXY=\n"), "{text}");
}

#[test]
fn podman_and_cri_o_go_past_the_gate() {
    let with = |text: &str| {
        format!("[containers]\nhttp_proxy = false\n[engine]\nenv = [\n\"HTTP_PROXY=http://{GATE}\",\n{text}]\n")
    };
    let conf = with("\"HTTPS_PROXY=http://p:1\"");
    expect(Target::Containers, &[(GATE_CONF, &conf)], &[("gate-elsewhere", Silent, GATE_CONF, Some(6))]);
    let conf = with(&format!("\"HTTPS_PROXY=http://{GATE}\",\n\"NO_PROXY=h\""));
    expect(Target::Containers, &[(GATE_CONF, &conf)], &[("gate-bypassed", Silent, GATE_CONF, Some(7))]);
    let later = "/etc/containers/containers.conf.d/zzz.conf";
    let text = "[containers]\nhttp_proxy = true\n";
    expect(Target::Containers, &[(later, text)], &[("gate-in-containers", Fails, later, Some(2))]);
    // A later list replaces the earlier, unless it says that it is added.
    let missing = ("gate-missing", Silent, GATE_CONF, None);
    expect(Target::Containers, &[(later, "[engine]\nenv = [\"A=b\"]\n")], &[missing, missing]);
    expect(Target::Containers, &[(later, "[engine]\nenv = [\"A=b\", {append = true}]\n")], &[]);
    expect(Target::Containers, &[(later, "[engine\n")], &[("settings-unreadable", Fails, later, Some(1))]);
    let unit = ("/usr/lib/systemd/system/crio.service", "[Service]\n");
    let drop_in = "/etc/systemd/system/crio.service.d/pullgate-gate.conf";
    let missing = ("gate-missing", Silent, drop_in, None);
    expect(Target::Containers, &[unit], &[missing, missing]);

    let own = ("/etc/containers/containers.conf", "[engine]\nenv = [\"A=b\", \"no_proxy=h\"]\n");
    let export = export_to(Target::Containers, &host(&[own, unit]));
    let text = text_of(&export.files, GATE_CONF).unwrap();
    assert!(text.contains("\"A=b\"") && !text.contains("no_proxy"), "{text}");
    assert!(text_of(&export.files, drop_in).is_some());
}
