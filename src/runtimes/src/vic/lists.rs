//! The lists of a policy as a virtual container host understands them.

use crate::blocked::touches_scope;
use crate::decisions::{PolicyContext, RegistryAccess};
use crate::export::{ExportError, ExportRequest, ExportedEntry, ExportedList, Fidelity};
use crate::policy_view::{EntryHosts, PolicyEntry, is_below};
use crate::registries::{named_registries, registries_of};
use crate::registry_name::address_of;

/// The lists to be written.
#[derive(Debug, Default)]
pub(super) struct VicLists {
    pub whitelist: Vec<String>,
    pub insecure: Vec<String>,
    /// The authorities, each in plain PEM.
    pub authorities: Vec<String>,
    pub entries: Vec<ExportedEntry>,
}

impl VicLists {
    pub fn new(request: &ExportRequest<'_>) -> Result<Self, ExportError> {
        let (policy, view) = (&request.policy, request.policy.view);
        let mut lists = Self::default();
        for entry in view.whitelist.iter().flatten() {
            let (text, fidelity, reason) = said(entry, request.allows_wider);
            lists.whitelist.extend(text);
            lists.entries.push(ExportedEntry::new(ExportedList::Whitelist, &entry.text, fidelity, reason));
        }
        for entry in &view.insecure {
            let (text, fidelity, reason) = match verified_inside(policy, entry) {
                Some(name) => {
                    let reason = format!("VIC would not verify `{name}` behind it, which the policy verifies");
                    (None, Fidelity::Narrower, Some(reason))
                }
                None => said(entry, request.allows_wider),
            };
            lists.insecure.extend(text);
            lists.entries.push(ExportedEntry::new(ExportedList::Insecure, &entry.text, fidelity, reason));
        }
        lists.check_access(request)?;
        lists.add_authorities(policy);
        Ok(lists)
    }

    /// Requires that nothing is allowed that the policy denies, unless that is asked for.
    fn check_access(&mut self, request: &ExportRequest<'_>) -> Result<(), ExportError> {
        let view = request.policy.view;
        let wider = |reason: String| if request.allows_wider { Ok(()) } else { Err(ExportError::Wider(reason)) };
        if view.is_whitelist_mode() && self.whitelist.is_empty() {
            wider(
                "whitelist mode needs an entry of the whitelist in VIC: without one every registry is allowed"
                    .to_owned(),
            )?;
        }
        for blocked in &view.blocked {
            let overlap = view.allowed().find(|entry| may_overlap(blocked, entry));
            let (fidelity, reason) = match overlap {
                None if view.is_whitelist_mode() && !view.resolves_names => (Fidelity::Equal, None),
                _ => {
                    let reason = format!("VIC has no list of blocked registries, and would allow `{}`", blocked.text);
                    wider(reason.clone())?;
                    (Fidelity::Wider, Some(reason))
                }
            };
            self.entries.push(ExportedEntry::new(ExportedList::Blocked, &blocked.text, fidelity, reason));
        }
        Ok(())
    }

    /// Adds the authorities that count for every registry that is verified: in VIC they count for all.
    fn add_authorities(&mut self, policy: &PolicyContext<'_>) {
        let verified: Vec<_> =
            named_registries(policy).into_iter().filter(|registry| !registry.is_insecure()).collect();
        let has_others = !policy.view.is_whitelist_mode()
            || policy.view.whitelist.iter().flatten().any(|entry| entry.exact_host().is_none() || entry.port.is_none());
        for (index, authority) in policy.view.authorities.iter().enumerate() {
            let certificates = pullgate::check_certificates(authority.pem.as_bytes(), 0).certificates;
            let fingerprints: Vec<String> = certificates.into_iter().map(|certificate| certificate.sha256).collect();
            let counts = |registry: &crate::registries::NamedRegistry| {
                fingerprints.iter().all(|fingerprint| registry.authorities().contains(fingerprint))
            };
            let is_for_all =
                authority.registries.is_none() || !has_others && !verified.is_empty() && verified.iter().all(counts);
            let pem = policy.plain_pem(&fingerprints);
            let (fidelity, reason) = match is_for_all && !pem.is_empty() {
                true => {
                    self.authorities.push(pem);
                    (Fidelity::Equal, None)
                }
                false => {
                    let reason =
                        "in VIC an authority counts for every registry, and this one is for some: it is left out";
                    (Fidelity::Narrower, Some(reason.to_owned()))
                }
            };
            let entry = ExportedEntry::new(ExportedList::CertificateAuthorities, &index.to_string(), fidelity, reason);
            self.entries.push(entry);
        }
    }
}

/// Returns the text of an entry in VIC, and how exactly it says the entry.
fn said(entry: &PolicyEntry, allows_wider: bool) -> (Option<String>, Fidelity, Option<String>) {
    let text =
        entry.text.split_once('/').filter(|_| entry.namespace.is_some()).map_or(&*entry.text, |(registry, _)| registry);
    match (&entry.hosts, &entry.namespace) {
        (EntryHosts::Pattern(_), _) => {
            (None, Fidelity::Narrower, Some("VIC has no patterns: list the registries of it one by one".to_owned()))
        }
        (_, Some(_)) if allows_wider => (
            Some(text.to_owned()),
            Fidelity::Wider,
            Some("VIC has no namespaces: the whole registry is allowed".to_owned()),
        ),
        (_, Some(_)) => {
            let reason = format!("VIC has no namespaces: it is left out; `--allow-wider` writes `{text}`");
            (None, Fidelity::Narrower, Some(reason))
        }
        (EntryHosts::Wildcard(_), _) => {
            let reason = "VIC looks up no names of addresses, which the policy covers by them".to_owned();
            (Some(text.to_owned()), Fidelity::Narrower, Some(reason))
        }
        _ if entry.port == Some(443) => {
            let reason = "VIC compares ports as they are written, and denies references without one".to_owned();
            (Some(text.to_owned()), Fidelity::Narrower, Some(reason))
        }
        _ => (Some(text.to_owned()), Fidelity::Equal, None),
    }
}

/// Returns a registry that the policy verifies inside of an insecure entry (rule T4): VIC takes the insecure one.
fn verified_inside(policy: &PolicyContext<'_>, insecure: &PolicyEntry) -> Option<String> {
    let others = policy.view.whitelist.iter().flatten().chain(&policy.view.built_in);
    let mut inside = others.filter(|other| *other != insecure && may_overlap(insecure, other));
    inside.find_map(|other| {
        let registries = registries_of(policy, other);
        match registries.is_empty() {
            true => Some(other.text.clone()),
            false => registries.into_iter().find(|registry| {
                matches!(
                    policy.registry_access(registry),
                    RegistryAccess::Verified { .. } | RegistryAccess::DependsOnDns
                )
            }),
        }
    })
}

/// Returns whether two entries may cover the same registry.
fn may_overlap(one: &PolicyEntry, other: &PolicyEntry) -> bool {
    match (&one.hosts, &other.hosts) {
        (hosts, others) if hosts == others => true,
        (EntryHosts::Network(one), EntryHosts::Network(other)) => one.contains(other) || other.contains(one),
        (EntryHosts::Network(network), _) => {
            other.exact_host().and_then(|host| address_of(&host)).is_some_and(|address| network.contains(&address))
        }
        (_, EntryHosts::Network(network)) => {
            one.exact_host().and_then(|host| address_of(&host)).is_some_and(|address| network.contains(&address))
        }
        (EntryHosts::Wildcard(one), EntryHosts::Wildcard(other)) => {
            one == other || is_below(one, other) || is_below(other, one)
        }
        (_, EntryHosts::Wildcard(domain)) if one.exact_host().is_some() => {
            let host = one.exact_host().unwrap_or_default();
            is_below(&host, domain)
                || one.hosts == EntryHosts::DockerHub && crate::policy_view::covers_docker_hub(domain)
        }
        (_, EntryHosts::Wildcard(domain)) => touches_scope(one, &format!("*.{domain}")),
        (_, EntryHosts::Pattern(_)) => true,
        // Whatever their ports: an entry can cover references without one.
        _ => other.exact_host().is_some_and(|host| {
            let scope = other.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
            touches_scope(&PolicyEntry { port: None, ..one.clone() }, &scope)
        }),
    }
}
