//! A policy as the exporters read it: the entries of its canonical form in their parts.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;
use thiserror::Error;

use crate::docker_hub;

/// The lists of a policy, with those of one project added (rule J1). Disabled entries are left out (rule W5).
#[derive(Clone, Debug, Default)]
pub struct PolicyView {
    /// The whitelist; `None` if whitelist mode is off (rule W1).
    pub whitelist: Option<Vec<PolicyEntry>>,
    /// The insecure list.
    pub insecure: Vec<PolicyEntry>,
    /// The blocked list (rule W6).
    pub blocked: Vec<PolicyEntry>,
    /// The registries of the product itself (rule T5).
    pub built_in: Vec<PolicyEntry>,
    /// The certificate authorities.
    pub authorities: Vec<PolicyAuthority>,
    /// True if names are covered by what they resolve to (rule M4).
    pub resolves_names: bool,
    /// True if the policy has projects, and none was chosen.
    pub has_other_projects: bool,
    /// The ports that entries name, by their hosts.
    ports: HashMap<String, BTreeSet<u16>>,
}

/// An entry of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyEntry {
    /// The canonical text.
    pub text: String,
    /// The hosts that it covers.
    pub hosts: EntryHosts,
    /// The port; `None` covers every port (rule M2).
    pub port: Option<u16>,
    /// The namespace (rule E12).
    pub namespace: Option<String>,
}

/// The hosts of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryHosts {
    /// Docker Hub, by any of its names (rule H2).
    DockerHub,
    /// An address.
    Address(IpAddr),
    /// A network.
    Network(IpNet),
    /// A name.
    Name(String),
    /// The names below a domain.
    Wildcard(String),
    /// A pattern of names (rule E15).
    Pattern(String),
}

/// A certificate authority of a policy.
#[derive(Clone, Debug)]
pub struct PolicyAuthority {
    /// The certificates, as the policy has them.
    pub pem: String,
    /// The registries that it is limited to (rule C1).
    pub registries: Option<Vec<PolicyEntry>>,
}

/// A policy that cannot be exported for a project.
#[derive(Debug, Error)]
pub enum PolicyViewError {
    /// The text is no policy in canonical form.
    #[error("the canonical policy cannot be read: {0}")]
    Syntax(#[from] serde_json::Error),
    /// The policy has no such project (rule J1).
    #[error("the policy has no project `{0}`: name one of its `projects`")]
    UnknownProject(String),
}

impl PolicyView {
    /// Reads a policy in canonical form.
    pub fn new(canonical: &str, project: Option<&str>) -> Result<Self, PolicyViewError> {
        let document: Value = serde_json::from_str(canonical)?;
        let mut view = Self::default();
        view.add_lists(&document);
        view.resolves_names = document.get("match_resolved_addresses").and_then(Value::as_bool).unwrap_or_default();
        let projects = document.get("projects").and_then(Value::as_object);
        let has_projects = projects.is_some_and(|projects| !projects.is_empty());
        if let Some(name) = project {
            match projects.and_then(|projects| projects.get(name)) {
                Some(lists) => view.add_lists(lists),
                None if has_projects && document.get("unlisted_projects").and_then(Value::as_str) != Some("global") => {
                    return Err(PolicyViewError::UnknownProject(name.to_owned()));
                }
                None => {}
            }
        }
        view.has_other_projects = has_projects && project.is_none();
        view.ports = view.ports_by_host();
        Ok(view)
    }

    fn ports_by_host(&self) -> HashMap<String, BTreeSet<u16>> {
        let mut ports: HashMap<String, BTreeSet<u16>> = HashMap::new();
        for entry in self.all_entries() {
            if let (Some(host), Some(port)) = (entry.exact_host(), entry.port) {
                ports.entry(host).or_default().insert(port);
            }
        }
        ports
    }

    /// Returns the ports that entries name for a host, sorted.
    pub(crate) fn ports_of(&self, host: &str) -> impl Iterator<Item = u16> {
        self.ports.get(host).into_iter().flatten().copied()
    }

    /// Returns the entries that allow something or limit an authority.
    pub(crate) fn all_entries(&self) -> impl Iterator<Item = &PolicyEntry> {
        let limits = self.authorities.iter().filter_map(|authority| authority.registries.as_ref()).flatten();
        self.allowed().chain(&self.built_in).chain(limits)
    }

    /// Returns the number of entries in all lists.
    pub fn entry_count(&self) -> usize {
        self.all_entries().count() + self.blocked.len()
    }

    /// Returns the length of the certificates of all authorities in bytes.
    pub fn authority_bytes(&self) -> usize {
        self.authorities.iter().map(|authority| authority.pem.len()).sum()
    }

    fn add_lists(&mut self, lists: &Value) {
        if let Some(entries) = entries_of(lists, "whitelist") {
            self.whitelist.get_or_insert_default().extend(entries);
        }
        self.insecure.extend(entries_of(lists, "insecure").unwrap_or_default());
        self.blocked.extend(entries_of(lists, "blocked").unwrap_or_default());
        self.built_in.extend(entries_of(lists, "built_in").unwrap_or_default());
        let authorities = lists.get("certificate_authorities").and_then(Value::as_array).into_iter().flatten();
        self.authorities.extend(authorities.map(|authority| PolicyAuthority {
            pem: authority.get("pem").and_then(Value::as_str).unwrap_or_default().to_owned(),
            registries: entries_of(authority, "registries"),
        }));
    }

    /// Returns whether whitelist mode is on.
    pub fn is_whitelist_mode(&self) -> bool {
        self.whitelist.is_some()
    }

    /// Returns whether the policy denies anything that can be read as a reference.
    pub fn restricts_access(&self) -> bool {
        self.is_whitelist_mode() || !self.blocked.is_empty()
    }

    /// Returns the entries of the effective whitelist (rule W2).
    pub fn allowed(&self) -> impl Iterator<Item = &PolicyEntry> {
        self.whitelist.iter().flatten().chain(&self.insecure)
    }
}

/// Returns the enabled entries of a list; `None` if it is not there.
fn entries_of(lists: &Value, list: &str) -> Option<Vec<PolicyEntry>> {
    let entries = lists.get(list)?.as_array()?;
    let enabled = entries.iter().filter(|entry| entry.get("enabled") != Some(&Value::Bool(false)));
    let texts = enabled.filter_map(|entry| entry.get("entry").unwrap_or(entry).as_str());
    Some(texts.map(PolicyEntry::from_canonical).collect())
}

impl PolicyEntry {
    /// Splits the canonical text of an entry into its parts.
    pub fn from_canonical(text: &str) -> Self {
        let entry = |hosts, port, namespace: Option<&str>| Self {
            text: text.to_owned(),
            hosts,
            port,
            namespace: namespace.map(str::to_owned),
        };
        if let Ok(network) = text.parse::<IpNet>() {
            return entry(EntryHosts::Network(network), None, None);
        }
        let (registry, namespace) = match text.split_once('/') {
            Some((registry, namespace)) => (registry, Some(namespace)),
            None => (text, None),
        };
        if let Ok(address) = registry.parse::<IpAddr>() {
            return entry(EntryHosts::Address(address), None, namespace);
        }
        let (host, port) = match registry.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (registry, None),
        };
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return entry(EntryHosts::Address(address), port, namespace);
        }
        let hosts = match host.strip_prefix("*.") {
            _ if docker_hub::is_docker_hub(host, port) => EntryHosts::DockerHub,
            Some(domain) if !domain.contains('*') => EntryHosts::Wildcard(domain.to_owned()),
            _ if host.contains('*') => EntryHosts::Pattern(host.to_owned()),
            _ => EntryHosts::Name(host.to_owned()),
        };
        entry(hosts, port, namespace)
    }

    /// Returns the host as references have it; `None` for an entry that covers more than one.
    pub fn exact_host(&self) -> Option<String> {
        match &self.hosts {
            EntryHosts::DockerHub => Some(docker_hub::DISPLAY_NAME.to_owned()),
            EntryHosts::Address(IpAddr::V6(address)) => Some(format!("[{address}]")),
            EntryHosts::Address(address) => Some(address.to_string()),
            EntryHosts::Name(name) => Some(name.clone()),
            EntryHosts::Network(_) | EntryHosts::Wildcard(_) | EntryHosts::Pattern(_) => None,
        }
    }

    /// Returns the noun for the kind of hosts.
    pub fn kind_noun(&self) -> &'static str {
        match self.hosts {
            EntryHosts::DockerHub => "Docker Hub",
            EntryHosts::Address(_) => "an address",
            EntryHosts::Network(_) => "a network",
            EntryHosts::Name(_) => "a name",
            EntryHosts::Wildcard(_) => "a wildcard",
            EntryHosts::Pattern(_) => "a pattern",
        }
    }
}

/// Returns whether a wildcard of this domain covers a name (rule E7).
pub(crate) fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// Returns whether a wildcard of this domain covers Docker Hub (rule H2).
pub(crate) fn covers_docker_hub(domain: &str) -> bool {
    docker_hub::WILDCARD_DOMAINS.contains(&domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_entries_are_split_into_their_parts() {
        for (text, host, port, namespace) in [
            ("h.example", Some("h.example"), None, None),
            ("h.example:5000/team/app", Some("h.example"), Some(5000), Some("team/app")),
            ("10.0.0.1", Some("10.0.0.1"), None, None),
            ("10.0.0.1:443/team", Some("10.0.0.1"), Some(443), Some("team")),
            ("2001:db8::1", Some("[2001:db8::1]"), None, None),
            ("2001:db8::1/team", Some("[2001:db8::1]"), None, Some("team")),
            ("[2001:db8::1]:5000", Some("[2001:db8::1]"), Some(5000), None),
            ("10.0.0.0/8", None, None, None),
            ("2001:db8::/32", None, None, None),
            ("*.example.com:5000", None, Some(5000), None),
            ("index.docker.io", Some("docker.io"), None, None),
            ("docker.io:443/library", Some("docker.io"), Some(443), Some("library")),
            ("docker.io:5000", Some("docker.io"), Some(5000), None),
            ("123.dkr.ecr.*.amazonaws.com", None, None, None),
        ] {
            let entry = PolicyEntry::from_canonical(text);
            assert_eq!((entry.exact_host().as_deref(), entry.port), (host, port), "{text}");
            assert_eq!(entry.namespace.as_deref(), namespace, "{text}");
        }
        assert!(matches!(PolicyEntry::from_canonical("*.dkr.ecr.eu-*.amazonaws.com").hosts, EntryHosts::Pattern(_)));
        assert!(matches!(PolicyEntry::from_canonical("*.example.com").hosts, EntryHosts::Wildcard(_)));
        assert!(matches!(PolicyEntry::from_canonical("docker.io:5000").hosts, EntryHosts::Name(_)));
    }

    #[test]
    fn a_project_adds_its_lists() {
        let canonical = r#"{"insecure":["a:1"],"projects":{"team":{"whitelist":["b",{"entry":"c","enabled":false}]}}}"#;
        let view = PolicyView::new(canonical, None).unwrap();
        assert!(!view.is_whitelist_mode() && view.has_other_projects);
        let view = PolicyView::new(canonical, Some("team")).unwrap();
        assert_eq!(view.allowed().map(|entry| entry.text.as_str()).collect::<Vec<_>>(), ["b", "a:1"]);
        assert!(matches!(PolicyView::new(canonical, Some("x")), Err(PolicyViewError::UnknownProject(_))));
    }
}
