//! The programs of the targets, in few words: what each does with a reference by its settings.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::config_value::{ConfigKind, ConfigValue};
use crate::host_files::{ConfigFile, FileContent};
use crate::yaml::read_yaml;

/// Returns the text of an exported file.
pub fn text_of<'f>(files: &'f [ConfigFile], path: &str) -> Option<&'f str> {
    files.iter().find(|file| file.path == path).map(|file| match &file.content {
        FileContent::Text(text) => text.as_str(),
        FileContent::Link(target) => target.as_str(),
    })
}

fn registry_of(reference: &str) -> &str {
    reference.split('/').next().unwrap()
}

fn host_of(registry: &str) -> &str {
    match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => registry,
    }
}

/// `isSecureIndex` of dockerd, without DNS.
pub struct Dockerd {
    insecure: Vec<String>,
}

impl Dockerd {
    pub fn load(daemon_json: &str) -> Self {
        let settings: Value = serde_json::from_str(daemon_json).unwrap();
        let entries = settings["insecure-registries"].as_array().cloned().unwrap_or_default();
        Self { insecure: entries.iter().map(|entry| entry.as_str().unwrap().to_owned()).collect() }
    }

    pub fn is_unverified(&self, reference: &str) -> bool {
        let registry = registry_of(reference);
        let address = host_of(registry).trim_matches(['[', ']']).parse::<IpAddr>();
        ["docker.io", "index.docker.io"].iter().all(|hub| registry != *hub)
            && self.insecure.iter().any(|entry| match entry.parse::<IpNet>() {
                Ok(network) => address.as_ref().is_ok_and(|address| network.contains(address)),
                Err(_) => entry == registry,
            })
    }
}

/// `ConfigureHosts` of containerd: the URLs of a registry in order, each with whether it is verified.
pub struct Containerd {
    folders: BTreeMap<String, String>,
}

impl Containerd {
    pub fn load(files: &[ConfigFile]) -> Self {
        let hosts = files.iter().filter_map(|file| {
            let folder = file.path.strip_prefix("/etc/containerd/certs.d/")?.strip_suffix("/hosts.toml")?;
            Some((folder.to_owned(), text_of(files, &file.path)?.to_owned()))
        });
        Self { folders: hosts.collect() }
    }

    pub fn attempts(&self, reference: &str) -> Vec<(String, bool)> {
        let registry = registry_of(reference);
        let host = host_of(registry);
        let folder = match registry.strip_prefix(host).unwrap().strip_prefix(':') {
            Some(port) => format!("{host}_{port}_"),
            None => host.to_owned(),
        };
        let Some(text) = self.folders.get(&folder) else { return vec![(format!("https://{registry}"), true)] };
        let document: toml_edit::DocumentMut = text.parse().unwrap();
        let verified = |url: &str, table: &dyn toml_edit::TableLike| {
            let skips = table.get("skip_verify").is_some_and(|value| value.as_bool().unwrap());
            (url.to_owned(), url.starts_with("https://") && !skips)
        };
        let hosts = document["host"].as_table().unwrap().iter();
        let mut attempts: Vec<_> = hosts.map(|(url, table)| verified(url, table.as_table().unwrap())).collect();
        let server = document["server"].as_str().unwrap();
        let last = verified(server, document.as_table());
        if attempts.last() != Some(&last) {
            attempts.push(last);
        }
        attempts
    }
}

/// The settings that K3s writes for its containerd: the registries that are reached unverified.
pub struct K3s {
    settings: ConfigValue,
}

impl K3s {
    pub fn load(registries_yaml: &str) -> Self {
        let document = read_yaml(registries_yaml).unwrap().into_iter().next();
        Self { settings: document.unwrap_or(ConfigValue { line: 0, kind: ConfigKind::Null }) }
    }

    pub fn is_unverified(&self, reference: &str) -> bool {
        let registry = registry_of(reference).replace("index.docker.io", "docker.io");
        let endpoints = self.settings.at(&["mirrors", &registry, "endpoint"]).map(ConfigValue::strings);
        let skips = self.settings.at(&["configs", &registry, "tls", "insecure_skip_verify"]);
        skips.is_some_and(|skips| skips.as_bool() == Some(true))
            || endpoints.is_some_and(|urls| urls.iter().any(|(url, _)| url.starts_with("http://")))
    }
}

/// `policy.json` and `registries.conf` of containers/image.
pub struct ContainersImage {
    default_accepts: bool,
    scopes: BTreeMap<String, bool>,
    /// The prefixes, each with `insecure` and `blocked`.
    prefixes: BTreeMap<String, (bool, bool)>,
}

impl ContainersImage {
    /// Reads OpenShift's object, of which the nodes get the files.
    pub fn from_openshift(objects: &str) -> Self {
        let documents = read_yaml(objects).unwrap();
        let image = documents.iter().find(|document| document.get("kind").unwrap().as_str() == Some("Image")).unwrap();
        let list = |name: &str| -> Option<Vec<String>> {
            let list = image.at(&["spec", "registrySources", name])?;
            Some(list.strings().into_iter().map(|(text, _)| text.to_owned()).collect())
        };
        let allowed = list("allowedRegistries");
        assert!(allowed.is_none() || list("blockedRegistries").is_none(), "{objects}");
        let insecure = list("insecureRegistries").into_iter().flatten().map(|prefix| (prefix, (true, false)));
        let blocked = list("blockedRegistries").into_iter().flatten().map(|prefix| (prefix, (false, true)));
        Self {
            default_accepts: allowed.is_none(),
            scopes: allowed.into_iter().flatten().map(|scope| (scope, true)).collect(),
            prefixes: insecure.chain(blocked).collect(),
        }
    }

    pub fn load(policy_json: Option<&str>, registries_conf: Option<&str>) -> Self {
        let policy: Value = serde_json::from_str(policy_json.unwrap_or("{}")).unwrap();
        let accepts = |requirements: &Value| requirements[0]["type"] == "insecureAcceptAnything";
        let scopes = policy["transports"]["docker"].as_object().cloned().unwrap_or_default();
        let conf: toml_edit::DocumentMut = registries_conf.unwrap_or_default().parse().unwrap();
        let tables = conf.get("registry").and_then(|item| item.as_array_of_tables()).into_iter().flatten();
        Self {
            default_accepts: policy_json.is_none() || accepts(&policy["default"]),
            scopes: scopes.iter().map(|(scope, requirements)| (scope.clone(), accepts(requirements))).collect(),
            prefixes: tables
                .map(|table| {
                    let blocked = table.get("blocked").is_some_and(|blocked| blocked.as_bool().unwrap());
                    (table["prefix"].as_str().unwrap().to_owned(), (table["insecure"].as_bool().unwrap(), blocked))
                })
                .collect(),
        }
    }

    /// The image is neither blocked nor rejected.
    pub fn accepts(&self, reference: &str) -> bool {
        let name = normalized(reference);
        !self.find(&name).is_some_and(|(_, blocked)| blocked) && self.is_accepted(&name)
    }

    /// `DockerReferenceNamespaces`: the repository, its parents, the host, and the domains of the host.
    fn is_accepted(&self, name: &str) -> bool {
        let mut scopes = vec![name.to_owned()];
        let mut rest = name;
        while let Some((before, _)) = rest.rsplit_once('/') {
            scopes.push(before.to_owned());
            rest = before;
        }
        let mut domain = rest.split(':').next().unwrap();
        while let Some((_, after)) = domain.split_once('.') {
            scopes.push(format!("*.{after}"));
            domain = after;
        }
        scopes.iter().find_map(|scope| self.scopes.get(scope).copied()).unwrap_or(self.default_accepts)
    }

    /// `findRegistryWithParsedConfig`: the first of the longest prefixes, in their order.
    fn find(&self, reference: &str) -> Option<(bool, bool)> {
        let mut best: Option<(&str, (bool, bool))> = None;
        for (prefix, state) in &self.prefixes {
            let matches = match prefix.strip_prefix('*') {
                Some(suffix) => {
                    let at = reference.find(suffix).filter(|at| !reference[..*at].contains('/'));
                    at.is_some_and(|at| {
                        let rest = &reference[at + suffix.len()..];
                        rest.is_empty() || rest.starts_with([':', '/', '@'])
                    })
                }
                None => reference
                    .strip_prefix(prefix.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '@'])),
            };
            if matches && best.is_none_or(|(other, _)| prefix.len() > other.len()) {
                best = Some((prefix, *state));
            }
        }
        best.map(|(_, state)| state)
    }

    pub fn is_insecure(&self, reference: &str) -> bool {
        self.find(&normalized(reference)).is_some_and(|(insecure, _)| insecure)
    }
}

/// `ParseNormalizedNamed`, for references with a registry and a path.
fn normalized(reference: &str) -> String {
    match reference.strip_prefix("index.docker.io/") {
        Some(rest) => format!("docker.io/{rest}"),
        None => reference.to_owned(),
    }
}
