//! The source of a text, by its content: the one that `import` reads it as.

use pullgate::{EntryList, check_entry};
use thiserror::Error;

use crate::command_line::split_words;
use crate::config_value::{ConfigKind, ConfigValue, read_json, read_toml};
use crate::docker_desktop;
use crate::import::SourceFile;
use crate::plain_list::list_entries;
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

/// Files whose source cannot be told.
#[derive(Debug, Error)]
pub enum SourceDetectionError {
    /// No file says by its content which program reads it.
    #[error("no program is known by the content of these files: name the one that reads them")]
    Unknown,
    /// The files are of several programs.
    #[error(
        "`{}` is of `{}`, and `{}` of `{}`: give the files of one program, or name it",
        .0.0, .0.1.as_str(), .1.0, .1.1.as_str()
    )]
    Ambiguous((String, ImportSource), (String, ImportSource)),
}

/// Returns the source that files are of. Those that do not tell it, such as certificates, go with the others.
pub fn detect_sources(files: &[SourceFile]) -> Result<ImportSource, SourceDetectionError> {
    let mut found: Option<(String, ImportSource)> = None;
    for file in files {
        let Some(source) = detect_source(&file.text) else { continue };
        match &found {
            Some(first) if first.1 != source => {
                return Err(SourceDetectionError::Ambiguous(first.clone(), (file.path.clone(), source)));
            }
            Some(_) => {}
            None => found = Some((file.path.clone(), source)),
        }
    }
    match found {
        Some((_, source)) => Ok(source),
        None if !files.is_empty() && files.iter().all(|file| is_list(&file.text)) => Ok(ImportSource::List),
        None => Err(SourceDetectionError::Unknown),
    }
}

/// Returns the source that a text is of; `None` if it is of none, or cannot be told. Plain lists are not told by their
/// content.
pub fn detect_source(text: &str) -> Option<ImportSource> {
    detect_words(text).map(ImportSource::Target).or_else(|| match read_json(text) {
        Ok(document) => detect_document(&document),
        Err(_) => match detect_toml(text) {
            Some(target) => Some(ImportSource::Target(target)),
            None => read_yaml(text).ok()?.iter().find_map(detect_document),
        },
    })
}

/// Returns whether every element of a plain list is an entry, and there is one.
fn is_list(text: &str) -> bool {
    let entries = list_entries(text).unwrap_or_default();
    let is_entry = |text: &str| check_entry(text, EntryList::Whitelist).entry.is_some();
    !entries.is_empty() && entries.iter().all(|(entry, _)| is_entry(entry))
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
fn detect_document(document: &ConfigValue) -> Option<ImportSource> {
    match docker_desktop::LIST_MEMBERS.iter().any(|name| document.get(name).is_some()) {
        true => Some(ImportSource::DockerDesktop),
        false => detect_members(document).map(ImportSource::Target),
    }
}

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

    #[test]
    fn files_that_tell_nothing_go_with_the_others() {
        let files = |texts: &[(&str, &str)]| {
            let files = texts.iter().map(|(path, text)| SourceFile { path: (*path).into(), text: (*text).into() });
            detect_sources(&files.collect::<Vec<_>>()).map(ImportSource::as_str).map_err(|error| error.to_string())
        };
        let certificate = ("certs.d/h/ca.crt", "-----BEGIN CERTIFICATE-----\n");
        let daemon_json = ("daemon.json", r#"{"insecure-registries": []}"#);
        assert_eq!(files(&[certificate, daemon_json]), Ok("docker"));
        assert_eq!(files(&[("ram.json", r#"{"custom_registries": []}"#)]), Ok("docker-desktop"));
        assert_eq!(files(&[("a", "quay.io # x\n"), ("b", "[\"h:5000\"]")]), Ok("list"));
        for texts in [&[][..], &[certificate], &[("a", "quay.io\n"), certificate], &[("a", "")], &[("a", "a b\n")]] {
            assert!(files(texts).unwrap_err().starts_with("no program is known"), "{texts:?}");
        }
        let error = files(&[daemon_json, ("hosts.toml", "server = \"https://h\"\n")]).unwrap_err();
        assert!(error.starts_with("`daemon.json` is of `docker`, and `hosts.toml` of `containerd`"), "{error}");
    }
}
