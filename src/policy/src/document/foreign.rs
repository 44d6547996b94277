//! Recognition of other programs' files (rule P7), so that a text is called what it is in one finding.
//!
//! No message quotes the text: configuration files of other programs have passwords.

use std::ops::Range;

use crate::document::POLICY_MEMBERS;
use crate::document::spanned_json::{JsonKind, JsonMember, SpannedValue};
use crate::finding::RawFinding;
use crate::finding::code::Code;

/// The programs whose files are recognized, by the names of their files.
#[derive(Clone, Copy)]
enum ForeignFile {
    DaemonJson,
    DockerConfig,
    ContainersPolicy,
    RegistriesConf,
    HostsToml,
    ContainerdConfig,
    RegistriesYaml,
    OpenShiftImage,
    KubernetesObject,
    ContainerHost,
    Yaml,
    Pem,
    VicMachine,
    Dockerd,
    Options,
}

impl ForeignFile {
    fn description(self) -> &'static str {
        match self {
            Self::DaemonJson => "the `daemon.json` of Docker Engine",
            Self::DockerConfig => "the `config.json` of Docker's command line, which has logins in it",
            Self::ContainersPolicy => "the `policy.json` of Podman, Skopeo and CRI-O, which is about signatures",
            Self::RegistriesConf => "a `registries.conf` of Podman, Skopeo and CRI-O",
            Self::HostsToml => "a `hosts.toml` of containerd",
            Self::ContainerdConfig => "the `config.toml` of containerd",
            Self::RegistriesYaml => "the `registries.yaml` of K3s and RKE2",
            Self::OpenShiftImage => "OpenShift's configuration of images",
            Self::KubernetesObject => "an object of Kubernetes",
            Self::ContainerHost => "the description of a virtual container host, whose `registry` is a policy",
            Self::Yaml => "YAML",
            Self::Pem => "PEM, which belongs in `certificate_authorities`",
            Self::VicMachine => "a command line of vic-machine",
            Self::Dockerd => "a command line of dockerd",
            Self::Options => "the options of a command line",
        }
    }

    fn finding(self, span: Range<usize>) -> RawFinding {
        let message = format!(
            "this is {}: a policy is JSON or TOML, and names registries in `whitelist` and `insecure`",
            self.description()
        );
        RawFinding::new(Code::DocumentForeign, span, message)
    }
}

/// Members that only one program's file has, in JSON.
const JSON_SIGNATURES: &[(&str, ForeignFile)] = &[
    ("insecure-registries", ForeignFile::DaemonJson),
    ("registry-mirrors", ForeignFile::DaemonJson),
    ("authorization-plugins", ForeignFile::DaemonJson),
    ("allow-nondistributable-artifacts", ForeignFile::DaemonJson),
    ("data-root", ForeignFile::DaemonJson),
    ("storage-driver", ForeignFile::DaemonJson),
    ("storage-opts", ForeignFile::DaemonJson),
    ("log-driver", ForeignFile::DaemonJson),
    ("log-opts", ForeignFile::DaemonJson),
    ("exec-opts", ForeignFile::DaemonJson),
    ("default-runtime", ForeignFile::DaemonJson),
    ("default-address-pools", ForeignFile::DaemonJson),
    ("live-restore", ForeignFile::DaemonJson),
    ("auths", ForeignFile::DockerConfig),
    ("credsStore", ForeignFile::DockerConfig),
    ("credHelpers", ForeignFile::DockerConfig),
    ("transports", ForeignFile::ContainersPolicy),
    ("mirrors", ForeignFile::RegistriesYaml),
    ("configs", ForeignFile::RegistriesYaml),
];

/// Beginnings of lines that only one program's file has, in TOML.
const TOML_SIGNATURES: &[(&str, ForeignFile)] = &[
    ("unqualified-search-registries", ForeignFile::RegistriesConf),
    ("short-name-mode", ForeignFile::RegistriesConf),
    ("credential-helpers", ForeignFile::RegistriesConf),
    ("[[registry]]", ForeignFile::RegistriesConf),
    ("[[registry.mirror]]", ForeignFile::RegistriesConf),
    ("[registries.", ForeignFile::RegistriesConf),
    ("[host.", ForeignFile::HostsToml),
    ("[host]", ForeignFile::HostsToml),
    ("server =", ForeignFile::HostsToml),
    ("[plugins", ForeignFile::ContainerdConfig),
    ("[grpc]", ForeignFile::ContainerdConfig),
    ("imports =", ForeignFile::ContainerdConfig),
];

/// Finds the file of another program in a JSON value. One that has any member of a policy is a policy.
pub(super) fn find_in_json(value: &SpannedValue<'_>) -> Option<RawFinding> {
    let JsonKind::Object(members) = &value.kind else { return None };
    if members.iter().any(|member| POLICY_MEMBERS.contains(&&*member.name)) {
        return None;
    }
    members.iter().find_map(|member| {
        let signature = JSON_SIGNATURES.iter().find(|(name, _)| **name == *member.name).map(|(_, file)| *file);
        let file = signature.or_else(|| match (&*member.name, &member.value.kind) {
            ("default", JsonKind::Array(_)) => Some(ForeignFile::ContainersPolicy),
            ("registry", JsonKind::Object(_)) => Some(ForeignFile::ContainerHost),
            ("apiVersion", JsonKind::String(group)) => Some(kubernetes_object(group, kind_of(members))),
            _ => None,
        });
        file.map(|file| file.finding(member.name_span.clone()))
    })
}

fn kind_of<'m>(members: &'m [JsonMember<'_>]) -> &'m str {
    let kind = members.iter().find(|member| member.name == "kind").map(|member| &member.value.kind);
    match kind {
        Some(JsonKind::String(kind)) => kind,
        _ => "",
    }
}

fn kubernetes_object(group: &str, kind: &str) -> ForeignFile {
    match group.starts_with("config.openshift.io/") && kind == "Image" {
        true => ForeignFile::OpenShiftImage,
        false => ForeignFile::KubernetesObject,
    }
}

/// Finds the file of another program in a text that is not JSON.
pub(super) fn find_in_text(text: &str) -> Option<RawFinding> {
    let lines = || significant_lines(text);
    let (start, first) = lines().next()?;
    let span = start..start.saturating_add(first.len());
    let file = command_line(first, text).or_else(|| match first {
        _ if first.starts_with("-----BEGIN ") => Some(ForeignFile::Pem),
        _ if is_yaml(first) => Some(yaml_file(text)),
        _ if first.starts_with(['{', '"']) || is_policy_in_toml(text) => None,
        _ => lines().find_map(|(_, line)| {
            TOML_SIGNATURES.iter().find(|(signature, _)| begins_with(line, signature)).map(|(_, file)| *file)
        }),
    })?;
    Some(file.finding(span))
}

/// Returns the lines that are neither blank nor comments, each with its offset, without blanks at the end.
fn significant_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next: usize = 0;
    let lines = text.split_inclusive('\n').map(move |line| {
        let start = next;
        next = next.saturating_add(line.len());
        let unmarked = line.trim_start_matches('\u{feff}');
        (start.saturating_add(line.len().saturating_sub(unmarked.len())), unmarked.trim_end())
    });
    lines.filter(|(_, line)| !line.trim_start().is_empty() && !line.trim_start().starts_with('#'))
}

/// Returns whether a line begins with a signature, in which one blank stands for any number of them.
fn begins_with(line: &str, signature: &str) -> bool {
    match signature.split_once(' ') {
        Some((key, rest)) => {
            line.strip_prefix(key).is_some_and(|after| after.trim_start_matches([' ', '\t']).starts_with(rest))
        }
        None => line.starts_with(signature),
    }
}

/// Returns whether a text has a member of a policy in TOML: a key in front of all tables, or a table.
fn is_policy_in_toml(text: &str) -> bool {
    let mut is_in_table = false;
    significant_lines(text).any(|(_, line)| {
        is_in_table |= line.starts_with('[');
        (!is_in_table || line.starts_with('[')) && is_policy_line(line)
    })
}

/// Returns whether a line begins a member of a policy in TOML.
fn is_policy_line(line: &str) -> bool {
    let line = line.trim_start_matches('[');
    POLICY_MEMBERS.iter().any(|member| {
        let rest = line.strip_prefix(member).map(|rest| rest.trim_start_matches([' ', '\t']));
        rest.is_some_and(|rest| rest.starts_with(['=', ']', '.']))
    })
}

fn command_line(first: &str, text: &str) -> Option<ForeignFile> {
    let program = first.split_whitespace().next()?;
    let name = program.rsplit('/').next()?;
    let is_option = |option: &str| text.split_whitespace().any(|word| word.split('=').next() == Some(option));
    if name.starts_with("vic-machine") {
        return Some(ForeignFile::VicMachine);
    }
    if name == "dockerd" || program.starts_with("DOCKER_OPTS=") || program.starts_with("ExecStart=") {
        return Some(ForeignFile::Dockerd);
    }
    if !program.starts_with("--") || program.starts_with("---") {
        return None;
    }
    match ["--whitelist-registry", "--wr", "--registry-ca", "--rc"].into_iter().any(is_option) {
        true => Some(ForeignFile::VicMachine),
        false => Some(ForeignFile::Options),
    }
}

/// Returns whether a text is YAML, by its first line: a document mark, an element of a list, or a key and a colon.
fn is_yaml(first: &str) -> bool {
    first == "---"
        || first.starts_with("--- ")
        || first.starts_with("%YAML")
        || first.trim_start().starts_with("- ")
        || !first.starts_with('"') && yaml_key(first).is_some()
}

/// Returns the key and the value of a line of YAML.
fn yaml_key(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let name = key.trim_end().trim_matches(['"', '\'']);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let is_key = !name.is_empty() && name.bytes().all(is_name) && (value.is_empty() || value.starts_with([' ', '\t']));
    is_key.then(|| (name, value.trim().trim_matches(['"', '\''])))
}

/// Returns the program that a text in YAML is for, by its keys.
fn yaml_file(text: &str) -> ForeignFile {
    let value_of = |wanted: &str| {
        let mut keys = significant_lines(text).filter_map(|(_, line)| yaml_key(line));
        keys.find(|(key, _)| *key == wanted).map(|(_, value)| value)
    };
    if let Some(group) = value_of("apiVersion") {
        return kubernetes_object(group, value_of("kind").unwrap_or_default());
    }
    let is_policy = POLICY_MEMBERS.iter().any(|member| value_of(member).is_some());
    match !is_policy && (value_of("mirrors").is_some() || value_of("configs").is_some()) {
        true => ForeignFile::RegistriesYaml,
        false => ForeignFile::Yaml,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::spanned_json;

    fn description(text: &str) -> Option<String> {
        let finding = match spanned_json::parse(text) {
            Ok(value) => find_in_json(&value)?,
            Err(_) => find_in_text(text)?,
        };
        assert!(text.get(finding.start..finding.end).is_some_and(|marked| !marked.is_empty()), "{text}");
        Some(finding.message.strip_prefix("this is ").unwrap().split(": a policy").next().unwrap().to_owned())
    }

    #[test]
    fn p7_other_files_are_recognized() {
        for (text, file) in [
            (r#"{"insecure-registries": ["10.0.0.1:5000"]}"#, ForeignFile::DaemonJson),
            (r#"{"hosts": [], "log-driver": "journald"}"#, ForeignFile::DaemonJson),
            (r#"{"auths": {"quay.io": {"auth": "c2VjcmV0"}}}"#, ForeignFile::DockerConfig),
            (r#"{"default": [{"type": "reject"}], "transports": {}}"#, ForeignFile::ContainersPolicy),
            (r#"{"kind": "Image", "apiVersion": "config.openshift.io/v1"}"#, ForeignFile::OpenShiftImage),
            (r#"{"apiVersion": "v1", "kind": "Pod"}"#, ForeignFile::KubernetesObject),
            (r#"{"name": "vch", "registry": {"whitelist": []}}"#, ForeignFile::ContainerHost),
            ("whitelist:\n  - docker.io\n", ForeignFile::Yaml),
            ("- docker.io\n- quay.io\n", ForeignFile::Yaml),
            ("---\n", ForeignFile::Yaml),
            ("# k3s\n\nmirrors:\n  docker.io:\n", ForeignFile::RegistriesYaml),
            ("\u{feff}configs:\n  \"h\":\n    auth:\n", ForeignFile::RegistriesYaml),
            ("apiVersion: config.openshift.io/v1\r\nkind: Image\r\nspec:\r\n", ForeignFile::OpenShiftImage),
            ("kind: Pod\napiVersion: v1\n", ForeignFile::KubernetesObject),
            ("unqualified-search-registries = [\"docker.io\"]\n", ForeignFile::RegistriesConf),
            ("[[registry]]\nlocation = \"h\"\ninsecure = true\n", ForeignFile::RegistriesConf),
            ("[registries.search]\nregistries = []\n", ForeignFile::RegistriesConf),
            ("server  = \"https://docker.io\"\n\n[host.\"https://m\"]\n", ForeignFile::HostsToml),
            ("version = 3\n[plugins.\"io.containerd.cri.v1.images\"]\n", ForeignFile::ContainerdConfig),
            ("-----BEGIN CERTIFICATE-----\n", ForeignFile::Pem),
            ("./vic-machine-linux create --insecure-registry h", ForeignFile::VicMachine),
            ("--wr=quay.io \\\n --name x", ForeignFile::VicMachine),
            ("--insecure-registry h", ForeignFile::Options),
            ("/usr/bin/dockerd --insecure-registry h", ForeignFile::Dockerd),
            ("DOCKER_OPTS=\"--insecure-registry h\"", ForeignFile::Dockerd),
        ] {
            assert_eq!(description(text).as_deref(), Some(file.description()), "{text}");
        }
    }

    #[test]
    fn p7_policies_and_other_texts_are_not() {
        for text in [
            "",
            "{}",
            "[\"quay.io\"]",
            r#"{"whitelist": [], "insecure-registries": []}"#,
            r#"{"default": "x"}"#,
            r#"{"registry": "x"}"#,
            "whitelist = []\n",
            "# whitelist:\nwhitelist = [\n\"a\",\n]\n",
            "server = \"x\"\nwhitelist = []\n",
            "comment = \"\"\"\n[[registry]]\n\"\"\"\n[[certificate_authorities]]\n",
            "[projects.team]\nwhitelist = []\n",
            "{\"whitelist\": [",
            "{whitelist: [a]}",
            "quay.io\nghcr.io\n",
            "quay.io:443\n",
            "\"a\": 1",
        ] {
            assert_eq!(description(text), None, "{text}");
        }
    }
}
