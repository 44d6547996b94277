//! The source of a text, by its content: the one that `import` reads it as.

use crate::command_line::split_words;
use crate::config_value::{ConfigKind, ConfigValue, read_json, read_toml};
use crate::target::{ImportSource, Target};
use crate::yaml::read_yaml;

/// Members that only `daemon.json` has.
const DAEMON_MEMBERS: [&str; 6] = [
    "insecure-registries",
    "registry-mirrors",
    "authorization-plugins",
    "allow-nondistributable-artifacts",
    "log-driver",
    "data-root",
];

/// Returns the source that a text is of; `None` if it is of none, or cannot be told.
pub fn detect_source(text: &str) -> Option<ImportSource> {
    let target = detect_words(text).or_else(|| match read_json(text) {
        Ok(document) => detect_members(&document),
        Err(_) => detect_toml(text).or_else(|| read_yaml(text).ok()?.iter().find_map(detect_members)),
    });
    target.map(ImportSource::Target)
}

/// Detects command lines.
fn detect_words(text: &str) -> Option<Target> {
    let words = split_words(text);
    let first = words.first()?.text.as_str();
    let has =
        |options: &[&str]| words.iter().any(|word| options.contains(&word.text.split('=').next().unwrap_or_default()));
    match first.rsplit('/').next().unwrap_or_default() {
        name if name.starts_with("vic-machine") => Some(Target::VicMachine),
        "dockerd" => Some(Target::Docker),
        _ if first.starts_with("DOCKER_OPTS=") || first.starts_with("ExecStart=") => Some(Target::Docker),
        _ if !first.starts_with("--") => None,
        _ if has(&["--whitelist-registry", "--wr", "--registry-ca", "--rc"]) => Some(Target::VicMachine),
        _ if has(&["--insecure-registry", "--registry-mirror"]) => Some(Target::Docker),
        _ => None,
    }
}

fn detect_toml(text: &str) -> Option<Target> {
    let document = read_toml(text).ok()?;
    let has = |name: &str| document.get(name).is_some();
    match () {
        () if has("registries") || has("unqualified-search-registries") => Some(Target::Containers),
        () if document.get("registry").is_some_and(|registry| !registry.elements().is_empty()) => {
            Some(Target::Containers)
        }
        () if has("host") || has("server") || has("plugins") => Some(Target::Containerd),
        () => None,
    }
}

/// Detects JSON and YAML.
fn detect_members(document: &ConfigValue) -> Option<Target> {
    let has = |name: &str| document.get(name).is_some();
    let kind = document.get("kind").and_then(ConfigValue::as_str).unwrap_or_default();
    let group = document.get("apiVersion").and_then(ConfigValue::as_str).unwrap_or_default();
    match () {
        () if kind == "ValidatingAdmissionPolicy" => Some(Target::Kubernetes),
        () if kind == "Image" && group.starts_with("config.openshift.io/") => Some(Target::Openshift),
        () if has("transports")
            || matches!(document.get("default").map(|value| &value.kind), Some(ConfigKind::List(_))) =>
        {
            Some(Target::Containers)
        }
        () if document.get("registry").is_some_and(|registry| !registry.members().is_empty()) => Some(Target::Vch),
        () if has("mirrors") || has("configs") => Some(Target::K3s),
        () if DAEMON_MEMBERS.iter().any(|name| has(name)) => Some(Target::Docker),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_by_their_content() {
        for (text, source) in [
            (r#"{"insecure-registries": []}"#, Some("docker")),
            ("DOCKER_OPTS=\"--insecure-registry h\"", Some("docker")),
            ("--insecure-registry h", Some("docker")),
            ("server = \"https://h\"\n", Some("containerd")),
            ("version = 3\n[plugins.'x']\n", Some("containerd")),
            ("[[registry]]\nlocation = \"h\"\n", Some("containers")),
            ("[registries.search]\nregistries = []\n", Some("containers")),
            (r#"{"default": [{"type": "reject"}]}"#, Some("containers")),
            ("mirrors:\n  docker.io:\n", Some("k3s")),
            ("kind: Image\napiVersion: config.openshift.io/v1\n", Some("openshift")),
            ("kind: ValidatingAdmissionPolicy\n", Some("kubernetes")),
            ("vic-machine-linux create --wr h", Some("vic-machine")),
            ("--wr=h", Some("vic-machine")),
            (r#"{"registry": {"whitelist": []}}"#, Some("vch")),
            ("kind: Pod\n", None),
            (r#"{"auths": {}}"#, None),
            ("", None),
            ("{", None),
        ] {
            assert_eq!(detect_source(text).map(ImportSource::as_str), source, "{text}");
        }
    }
}
