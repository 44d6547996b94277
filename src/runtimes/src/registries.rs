//! The registries that a policy names, for runtimes that are told of one registry at a time.

use std::collections::BTreeSet;

use crate::decisions::{PolicyContext, RegistryAccess};
use crate::docker_hub;
use crate::export::{ExportedEntry, ExportedList, Fidelity};
use crate::policy_view::{EntryHosts, PolicyEntry, kind_noun};

/// A registry that the policy names.
#[derive(Clone, Debug)]
pub(crate) struct NamedRegistry {
    /// `HOST[:PORT]`, as references have it.
    pub registry: String,
    /// The way to it.
    pub access: RegistryAccess,
}

impl NamedRegistry {
    /// Returns the URLs of the permitted attempts, in order.
    pub fn urls(&self) -> &[String] {
        match &self.access {
            RegistryAccess::Verified { url, .. } => std::slice::from_ref(url),
            RegistryAccess::Insecure { urls } => urls,
            RegistryAccess::Denied | RegistryAccess::DependsOnDns => &[],
        }
    }

    /// Returns whether the policy does not verify the registry.
    pub fn is_insecure(&self) -> bool {
        matches!(self.access, RegistryAccess::Insecure { .. })
    }

    /// Returns the fingerprints of the policy's authorities for the registry.
    pub fn authorities(&self) -> &[String] {
        match &self.access {
            RegistryAccess::Verified { authorities, .. } => authorities,
            _ => &[],
        }
    }
}

/// Returns the registries that the entries of a policy name one by one, sorted.
pub(crate) fn named_registries(policy: &PolicyContext<'_>) -> Vec<NamedRegistry> {
    let names: BTreeSet<String> = policy.view.all_entries().flat_map(|entry| registries_of(policy, entry)).collect();
    let registries =
        names.into_iter().map(|registry| NamedRegistry { access: policy.registry_access(&registry), registry });
    registries.filter(|registry| !registry.urls().is_empty()).collect()
}

/// Returns the registries of an entry as references have them (rule M2): of one without a port those without and with
/// 443, and those with the ports that other entries name for the same host.
pub(crate) fn registries_of(policy: &PolicyContext<'_>, entry: &PolicyEntry) -> Vec<String> {
    let Some(host) = entry.exact_host() else { return Vec::new() };
    let with_port = |port: u16| format!("{host}:{port}");
    match entry.port {
        _ if entry.hosts == EntryHosts::DockerHub => vec![host],
        Some(443) => vec![host.clone(), with_port(443)],
        // A reference without a port stands for 80 too where the entry is insecure.
        Some(80) if policy.view.insecure.contains(entry) && !docker_hub::NAMES.contains(&&*host) => {
            vec![host.clone(), with_port(80)]
        }
        Some(port) => vec![with_port(port)],
        None => {
            let ports: BTreeSet<u16> = policy.view.ports_of(&host).chain([443]).collect();
            std::iter::once(host.clone()).chain(ports.into_iter().map(with_port)).collect()
        }
    }
}

/// The abilities of a runtime that is told of one registry at a time.
pub(crate) struct RegistryTerms {
    /// The name of the program in sentences.
    pub program: &'static str,
    /// The program's word for insecure registries and for authorities.
    pub place: &'static str,
    /// True if Docker Hub can be made insecure.
    pub has_insecure_docker_hub: bool,
    /// The way in which a restriction of the policy takes effect.
    pub enforcement: &'static str,
}

/// Reports each entry of the policy for a runtime that has the gate make its connections.
pub(crate) fn report_entries_of_gate(policy: &PolicyContext<'_>) -> Vec<ExportedEntry> {
    let view = policy.view;
    let by_gate = |list, entry: &str| {
        let reason = "the gate decides about it, and makes the connection as the policy says";
        ExportedEntry::new(list, entry, Fidelity::ByPullgate, Some(reason.to_owned()))
    };
    let lists = [
        (ExportedList::Whitelist, view.whitelist.as_deref().unwrap_or_default()),
        (ExportedList::Blocked, &view.blocked),
        (ExportedList::Insecure, &view.insecure),
    ];
    let entries =
        lists.into_iter().flat_map(|(list, entries)| entries.iter().map(move |entry| by_gate(list, &entry.text)));
    let authorities = 0..view.authorities.len();
    let authorities = authorities.map(|index| by_gate(ExportedList::CertificateAuthorities, &index.to_string()));
    entries.chain(authorities).collect()
}

/// Reports each entry of the policy for a runtime that has no whitelist.
pub(crate) fn report_entries(policy: &PolicyContext<'_>, terms: &RegistryTerms) -> Vec<ExportedEntry> {
    let view = policy.view;
    let mut entries = Vec::new();
    let by_pullgate = |list, entry: &PolicyEntry| {
        ExportedEntry::new(list, &entry.text, Fidelity::ByPullgate, Some(terms.enforcement.to_owned()))
    };
    entries.extend(view.whitelist.iter().flatten().map(|entry| by_pullgate(ExportedList::Whitelist, entry)));
    entries.extend(view.blocked.iter().map(|entry| by_pullgate(ExportedList::Blocked, entry)));
    entries.extend(view.insecure.iter().map(|entry| insecure_entry(policy, entry, terms)));
    entries.extend(authority_entries(policy, terms));
    entries
}

fn insecure_entry(policy: &PolicyContext<'_>, entry: &PolicyEntry, terms: &RegistryTerms) -> ExportedEntry {
    let RegistryTerms { program, place, .. } = terms;
    let exported =
        |fidelity, reason: Option<String>| ExportedEntry::new(ExportedList::Insecure, &entry.text, fidelity, reason);
    if entry.hosts == EntryHosts::DockerHub && !terms.has_insecure_docker_hub {
        return exported(Fidelity::Narrower, Some(format!("{program} always verifies Docker Hub")));
    }
    if entry.hosts == EntryHosts::DockerHub {
        return exported(Fidelity::Narrower, Some(format!("{program} is told of Docker Hub as `docker.io` only")));
    }
    let names = registries_of(policy, entry);
    let is_told = |name: &String| matches!(policy.registry_access(name), RegistryAccess::Insecure { .. });
    let told: Vec<_> = names.iter().filter(|name| is_told(name)).map(|name| format!("`{name}`")).collect();
    match entry.port {
        _ if names.is_empty() => {
            let reason = format!(
                "{place} has no place for {}, so that {program} verifies there: list the registries of it one by one",
                kind_noun(entry)
            );
            exported(Fidelity::Narrower, Some(reason))
        }
        _ if told.len() < names.len() => {
            let reason =
                format!("not all registries of it are insecure by this policy: {program} is told of {}", list(&told));
            exported(Fidelity::Narrower, Some(reason))
        }
        None => {
            let reason = format!(
                "{place} has one port an entry, and this covers all: {program} is told of {}, and verifies on other \
                 ports until they are listed",
                told.join(", ")
            );
            exported(Fidelity::Narrower, Some(reason))
        }
        _ => exported(Fidelity::Equal, None),
    }
}

fn list(texts: &[String]) -> String {
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

/// Reports each authority of the policy for a runtime with a folder for each registry.
pub(crate) fn authority_entries(policy: &PolicyContext<'_>, terms: &RegistryTerms) -> Vec<ExportedEntry> {
    let RegistryTerms { program, .. } = terms;
    let authorities = policy.view.authorities.iter().enumerate();
    let entries = authorities.map(|(index, authority)| {
        let exact = |entry: &PolicyEntry| entry.exact_host().is_some() && (entry.port.is_some() || is_hub(entry));
        let reason = match &authority.registries {
            Some(limits) if limits.iter().all(exact) => None,
            Some(_) => Some(format!(
                "{program} has a folder for each registry and port: it has those that the policy names, and verifies \
                 others by the machine's authorities"
            )),
            None => Some(format!(
                "{program} has a folder for each registry: it has those that the policy names; to have it everywhere, \
                 put it among the authorities of the machine"
            )),
        };
        let fidelity = if reason.is_none() { Fidelity::Equal } else { Fidelity::Narrower };
        ExportedEntry::new(ExportedList::CertificateAuthorities, &index.to_string(), fidelity, reason)
    });
    entries.collect()
}

fn is_hub(entry: &PolicyEntry) -> bool {
    entry.hosts == EntryHosts::DockerHub
}
