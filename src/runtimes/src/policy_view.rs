//! A policy as the exporters read it: the entries of its canonical form in their parts.

use std::collections::{BTreeSet, HashMap};

pub use pullgate::{CanonicalEntry as PolicyEntry, EntryHosts};
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
    /// The text has an entry that is none.
    #[error("the canonical policy has the entry `{0}`, which has an error")]
    InvalidEntry(String),
    /// The policy has no such project (rule J1).
    #[error("the policy has no project `{0}`: name one of its `projects`")]
    UnknownProject(String),
}

impl PolicyView {
    /// Reads a policy in canonical form.
    pub fn new(canonical: &str, project: Option<&str>) -> Result<Self, PolicyViewError> {
        let document: Value = serde_json::from_str(canonical)?;
        let mut view = Self::default();
        view.add_lists(&document)?;
        view.resolves_names = document.get("match_resolved_addresses").and_then(Value::as_bool).unwrap_or_default();
        let projects = document.get("projects").and_then(Value::as_object);
        let has_projects = projects.is_some_and(|projects| !projects.is_empty());
        if let Some(name) = project {
            match projects.and_then(|projects| projects.get(name)) {
                Some(lists) => view.add_lists(lists)?,
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

    fn add_lists(&mut self, lists: &Value) -> Result<(), PolicyViewError> {
        if let Some(entries) = entries_of(lists, "whitelist")? {
            self.whitelist.get_or_insert_default().extend(entries);
        }
        self.insecure.extend(entries_of(lists, "insecure")?.unwrap_or_default());
        self.blocked.extend(entries_of(lists, "blocked")?.unwrap_or_default());
        self.built_in.extend(entries_of(lists, "built_in")?.unwrap_or_default());
        for authority in lists.get("certificate_authorities").and_then(Value::as_array).into_iter().flatten() {
            self.authorities.push(PolicyAuthority {
                pem: authority.get("pem").and_then(Value::as_str).unwrap_or_default().to_owned(),
                registries: entries_of(authority, "registries")?,
            });
        }
        Ok(())
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
fn entries_of(lists: &Value, list: &str) -> Result<Option<Vec<PolicyEntry>>, PolicyViewError> {
    let Some(entries) = lists.get(list).and_then(Value::as_array) else { return Ok(None) };
    let enabled = entries.iter().filter(|entry| entry.get("enabled") != Some(&Value::Bool(false)));
    let texts = enabled.filter_map(|entry| entry.get("entry").unwrap_or(entry).as_str());
    let parse = |text: &str| PolicyEntry::parse(text).ok_or_else(|| PolicyViewError::InvalidEntry(text.to_owned()));
    texts.map(parse).collect::<Result<_, _>>().map(Some)
}

/// Returns the noun for the kind of hosts of an entry.
pub(crate) fn kind_noun(entry: &PolicyEntry) -> &'static str {
    match entry.hosts {
        EntryHosts::DockerHub => "Docker Hub",
        EntryHosts::Address(_) => "an address",
        EntryHosts::Network(_) => "a network",
        EntryHosts::Name(_) => "a name",
        EntryHosts::Wildcard(_) => "a wildcard",
        EntryHosts::Pattern(_) => "a pattern",
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
    fn a_project_adds_its_lists() {
        let canonical = r#"{"insecure":["a:1"],"projects":{"team":{"whitelist":["b",{"entry":"c","enabled":false}]}}}"#;
        let view = PolicyView::new(canonical, None).unwrap();
        assert!(!view.is_whitelist_mode() && view.has_other_projects);
        let view = PolicyView::new(canonical, Some("team")).unwrap();
        assert_eq!(view.allowed().map(|entry| entry.text.as_str()).collect::<Vec<_>>(), ["b", "a:1"]);
        assert!(matches!(PolicyView::new(canonical, Some("x")), Err(PolicyViewError::UnknownProject(_))));
        let invalid = PolicyView::new(r#"{"blocked":["h:0"]}"#, None);
        assert!(matches!(invalid, Err(PolicyViewError::InvalidEntry(entry)) if entry == "h:0"));
    }
}
