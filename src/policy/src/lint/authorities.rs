//! Lints the certificate authorities against the whitelist (rules C2 and C4).

use std::net::IpAddr;
use std::ops::ControlFlow;

use ipnet::IpNet;

use crate::document::{ListItem, ParsedDocument, PolicyLists, item_pointer, list_pointer};
use crate::entry::{Entry, HostPattern};
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding};
use crate::host::public_suffix;
use crate::lint::coverage::{covering_ports, port_overlap};
use crate::policy::Policy;
use crate::policy::entry_group::{EntryGroup, to_usize};
use crate::policy::index::{EntryIndex, Specificity};
use crate::policy::trust_anchors::{ParsedAuthority, enabled_entries, scoped_lists};
use crate::util::sort;
use crate::util::string_map::StringMap;

/// The maximum number of findings about single entries. The rest is counted in one more.
const MAX_LISTED_FINDINGS: usize = 100;
/// The maximum number of entries listed in one message.
const MAX_LISTED_NAMES: usize = 3;

/// Adds the findings that follow from authorities and whitelist together.
pub(crate) fn lint(
    document: &ParsedDocument<'_>,
    policy: &Policy,
    parsed: &[ParsedAuthority<'_>],
    findings: &mut Vec<RawFinding>,
) {
    let scopes: Vec<ScopeView<'_>> = scoped_lists(document)
        .filter_map(|(project, lists)| {
            let index = match project {
                Some(name) => &policy.project(name)?.1.index,
                None => &policy.global.index,
            };
            Some(ScopeView { project, lists, index })
        })
        .collect();
    for parsed in parsed {
        // A project's authority applies to requests of that project, a global authority to all.
        let seen = scopes.iter().filter(|scope| parsed.project.is_none() || scope.project == parsed.project);
        let seen: Vec<EffectiveLists<'_, '_>> = seen.filter_map(|scope| EffectiveLists::new(scope, &scopes)).collect();
        without_effect(policy, parsed, &seen, findings);
        excluded_by_constraints(parsed, &seen, findings);
    }
    for scope in &scopes {
        if let Some(view) = EffectiveLists::new(scope, &scopes) {
            without_trusted_ca(&view, parsed, findings);
        }
    }
    duplicate_anchors(parsed, findings);
}

/// The lists of the document or of one project, with their index.
struct ScopeView<'d> {
    project: Option<&'d str>,
    lists: &'d PolicyLists<'d>,
    index: &'d EntryIndex,
}

/// The lists that apply to the requests of a scope: its own, and the global ones.
struct EffectiveLists<'s, 'd> {
    own: &'s ScopeView<'d>,
    global: Option<&'s ScopeView<'d>>,
}

impl<'s, 'd> EffectiveLists<'s, 'd> {
    fn new(own: &'s ScopeView<'d>, scopes: &'s [ScopeView<'d>]) -> Option<Self> {
        let global = scopes.first()?;
        Some(EffectiveLists { own, global: own.project.map(|_| global) })
    }

    fn scopes(&self) -> impl Iterator<Item = &'s ScopeView<'d>> + use<'s, 'd> {
        std::iter::once(self.own).chain(self.global)
    }

    fn whitelist_mode(&self) -> bool {
        self.scopes().any(|scope| scope.lists.whitelist.is_some())
    }

    /// Returns the enabled entries of the effective whitelist (rule W2).
    fn effective_entries(&self) -> impl Iterator<Item = &'d Entry> + use<'s, 'd> {
        let lists = [EntryList::Whitelist, EntryList::Insecure];
        self.scopes().flat_map(move |scope| {
            let items = lists.into_iter().flat_map(|list| scope.lists.items(list));
            items.filter(|item| item.enabled).map(ListItem::entry)
        })
    }

    /// Returns whether any registry of a whitelist entry is reached with verification (rule T4). An entry with a port
    /// is verified beside an insecure entry with another port.
    fn is_verified(&self, entry: &Entry) -> bool {
        !self.scopes().filter(|scope| !scope.lists.items(EntryList::Insecure).is_empty()).any(|scope| {
            let groups = [scope.index.same_hosts(entry), scope.index.address_of(entry)];
            groups.iter().flatten().any(|group| group.has(EntryList::Insecure, &covering_ports(entry)))
        })
    }
}

/// Rule C2: reports an authority whose registries are all outside the effective whitelist.
fn without_effect(
    policy: &Policy,
    parsed: &ParsedAuthority<'_>,
    views: &[EffectiveLists<'_, '_>],
    findings: &mut Vec<RawFinding>,
) {
    let Some(registries) = parsed.registries else { return };
    let none = enabled_entries(registries).next().is_none();
    let limits = RegistryLimits::new(&[parsed]);
    let allowed = views.iter().any(|view| {
        !view.whitelist_mode()
            || enabled_entries(registries).any(|limit| may_cover(policy, view, limit))
            || view.effective_entries().any(|entry| limits.covers(entry))
    });
    if !allowed || none {
        let message = match none {
            true => {
                "the certificate authority has no effect: `registries` names none; leave it out to let it count for all"
            }
            false => {
                "the certificate authority has no effect: the whitelist allows none of the registries that it is limited to"
            }
        };
        findings.push(
            RawFinding::new(Code::AuthorityWithoutEffect, parsed.span.clone(), message).with_path(&*parsed.pointer),
        );
    }
}

/// Returns whether an entry of the effective whitelist covers hosts of the limit, directly or by DNS (rules M4 and M5).
fn may_cover(policy: &Policy, view: &EffectiveLists<'_, '_>, limit: &Entry) -> bool {
    let covered = view.scopes().any(|scope| {
        let mut found = false;
        for_each_covering(scope.index, limit, &mut |group| {
            found |= [EntryList::Whitelist, EntryList::Insecure]
                .iter()
                .any(|list| port_overlap(group, *list, limit).is_some());
        });
        found
    });
    covered
        || view.effective_entries().any(|entry| match (&limit.hosts, &entry.hosts) {
            (
                HostPattern::Name(_) | HostPattern::Wildcard(_) | HostPattern::Pattern(_),
                HostPattern::Address(_) | HostPattern::Network(_),
            ) => policy.match_resolved_addresses,
            (HostPattern::Pattern(pattern), other) | (other, HostPattern::Pattern(pattern)) => other.overlaps(pattern),
            (HostPattern::Address(_) | HostPattern::Network(_), HostPattern::Wildcard(_)) => true,
            _ => false,
        })
}

/// Rule C4: reports whitelisted registries that a certificate's name constraints exclude.
fn excluded_by_constraints(
    parsed: &ParsedAuthority<'_>,
    views: &[EffectiveLists<'_, '_>],
    findings: &mut Vec<RawFinding>,
) {
    let limits = RegistryLimits::new(&[parsed]);
    for certificate in &parsed.certificates {
        let Some(constraints) = &certificate.extensions.name_constraints else { continue };
        let mut named = NameList::default();
        for view in views {
            let items = view.own.lists.items(EntryList::Whitelist).iter().filter(|item| item.enabled);
            for entry in items.map(ListItem::entry).filter(|entry| view.is_verified(entry)) {
                if (parsed.registries.is_none() || limits.covers(entry)) && constraints.excludes(entry) {
                    named.add(entry);
                }
            }
        }
        if let Some(registries) = named.to_text() {
            let message = format!("the name constraints of `{}` exclude {registries}", certificate.display_name());
            let finding = RawFinding::new(Code::CertificateNamesExcluded, parsed.span.clone(), message);
            findings.push(finding.with_path(&*parsed.pointer));
        }
    }
}

/// Rule C2: reports whitelisted registries that only a well-known authority can vouch for.
fn without_trusted_ca(view: &EffectiveLists<'_, '_>, parsed: &[ParsedAuthority<'_>], findings: &mut Vec<RawFinding>) {
    let Some(whitelist) = &view.own.lists.whitelist else { return };
    let project = view.own.project;
    let seen = || parsed.iter().filter(|parsed| parsed.project.is_none() || parsed.project == project);
    if seen().any(|parsed| parsed.registries.is_none() && !parsed.certificates.is_empty()) {
        return;
    }
    let limits = RegistryLimits::new(&seen().collect::<Vec<_>>());
    let limited = limits.covered_positions(view.own.index);
    let mut well_known = NameList::default();
    let mut private: usize = 0;
    for item in whitelist.items.iter().filter(|item| item.enabled) {
        let entry = item.entry();
        let position = u32::try_from(item.index).unwrap_or(u32::MAX);
        if limits.covers(entry) || limited.binary_search(&position).is_ok() || !view.is_verified(entry) {
            continue;
        }
        if !is_private(entry) {
            well_known.add(entry);
            continue;
        }
        private = private.saturating_add(1);
        if private <= MAX_LISTED_FINDINGS {
            let message = format!(
                "`{entry}` is private, so that no well-known authority vouches for it: add the CA of its certificate to `certificate_authorities`"
            );
            let path = item_pointer(project, EntryList::Whitelist, item.index, item.object);
            findings.push(RawFinding::new(Code::AuthorityMissing, item.span.clone(), message).with_path(path));
        }
    }
    let path = list_pointer(project, EntryList::Whitelist);
    let mut report =
        |code, message| findings.push(RawFinding::new(code, whitelist.span.clone(), message).with_path(&*path));
    if private > MAX_LISTED_FINDINGS {
        let more = private.saturating_sub(MAX_LISTED_FINDINGS);
        report(Code::AuthorityMissing, format!("{more} more private entries have no certificate authority"));
    }
    if let Some(registries) = well_known.to_text() {
        report(Code::AuthorityWellKnown, format!("the well-known authorities alone vouch for {registries}"));
    }
}

/// Rule C4: reports certificates that another element already lists for every registry and the same requests.
fn duplicate_anchors(parsed: &[ParsedAuthority<'_>], findings: &mut Vec<RawFinding>) {
    let key = |project: Option<&str>, sha256: &str| match project {
        Some(project) => format!("{sha256} {project}"),
        None => sha256.to_owned(),
    };
    let mut everywhere = StringMap::default();
    for (position, parsed) in (0..).zip(parsed).filter(|(_, parsed)| parsed.registries.is_none()) {
        for certificate in &parsed.certificates {
            everywhere.get_or_insert(&key(parsed.project, &certificate.sha256), position);
        }
    }
    for (position, one) in (0_u32..).zip(parsed) {
        for certificate in &one.certificates {
            let global = everywhere.get(&certificate.sha256);
            let found = global.or_else(|| everywhere.get(&key(one.project, &certificate.sha256)));
            let other = found.filter(|other| *other != position).and_then(|other| parsed.get(to_usize(other)));
            let Some(other) = other else { continue };
            let of = other.project.map(|project| format!(" of project `{project}`")).unwrap_or_default();
            let (title, index) = (certificate.display_name(), other.index);
            let message = format!(
                "`{title}` stands in certificate_authorities[{index}]{of} already, and counts for every registry there"
            );
            findings
                .push(RawFinding::new(Code::CertificateDuplicate, one.span.clone(), message).with_path(&*one.pointer));
        }
    }
}

/// Calls `found` with the groups whose hosts contain all hosts of an entry. A `dyn` callback keeps the search from
/// being compiled twice.
fn for_each_covering<'i>(index: &'i EntryIndex, entry: &Entry, found: &mut dyn FnMut(EntryGroup<'i>)) {
    let found: &mut dyn FnMut(Specificity, EntryGroup<'i>) -> ControlFlow<()> = &mut |_, group| {
        found(group);
        ControlFlow::Continue(())
    };
    let _ = index.covering_entry(entry, found);
}

/// The registries that a set of authorities is limited to.
struct RegistryLimits<'d> {
    entries: Vec<&'d Entry>,
    index: EntryIndex,
}

impl<'d> RegistryLimits<'d> {
    fn new<'g: 'd>(parsed: &[&'d ParsedAuthority<'g>]) -> Self {
        let entries: Vec<&Entry> = parsed
            .iter()
            .filter(|parsed| !parsed.certificates.is_empty())
            .flat_map(|parsed| parsed.registries.into_iter().flat_map(|registries| enabled_entries(registries)))
            .collect();
        let index = EntryIndex::new(entries.iter().map(|entry| (EntryList::Whitelist, 0, *entry)));
        RegistryLimits { entries, index }
    }

    /// Returns whether a limit covers all hosts of the entry on one of its ports.
    fn covers(&self, entry: &Entry) -> bool {
        if self.entries.is_empty() {
            return false;
        }
        let mut found = false;
        for_each_covering(&self.index, entry, &mut |group| {
            found |= port_overlap(group, EntryList::Whitelist, entry).is_some()
        });
        found
    }

    /// Returns the sorted positions of the whitelist's entries that cover all hosts of a limit.
    fn covered_positions(&self, whitelist: &EntryIndex) -> Vec<u32> {
        let mut reached = Vec::new();
        for limit in &self.entries {
            for_each_covering(whitelist, limit, &mut |group| {
                let rows = group.in_list(EntryList::Whitelist).iter().filter_map(|row| group.row(*row));
                reached.extend(rows.map(|row| row.position));
            });
        }
        sort::sort_indices(&mut reached, &|a, b| a.cmp(&b));
        reached
    }
}

/// A list of entries in one message, cut off at `MAX_LISTED_NAMES`.
#[derive(Default)]
struct NameList<'d> {
    first: Vec<&'d Entry>,
    more: usize,
}

impl<'d> NameList<'d> {
    fn add(&mut self, entry: &'d Entry) {
        if self.first.contains(&entry) {
            return;
        }
        if self.first.len() < MAX_LISTED_NAMES {
            self.first.push(entry);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn to_text(&self) -> Option<String> {
        let names: Vec<String> = self.first.iter().map(|entry| format!("`{entry}`")).collect();
        match (names.as_slice(), self.more) {
            ([], _) => None,
            ([one], 0) => Some(one.clone()),
            ([names @ .., last], 0) => Some(format!("{} and {last}", names.join(", "))),
            (names, more) => Some(format!("{} and {more} more", names.join(", "))),
        }
    }
}

/// Returns whether no well-known authority may vouch for the entry's hosts: names outside the public DNS, and addresses
/// that are not routed on the Internet (Internal Names and Reserved IP Addresses in the CA/Browser Forum's Baseline
/// Requirements).
fn is_private(entry: &Entry) -> bool {
    match &entry.hosts {
        HostPattern::Name(name) => !entry.is_docker_hub() && (!name.contains('.') || is_private_domain(name)),
        HostPattern::Wildcard(domain) => is_private_domain(domain),
        HostPattern::Pattern(pattern) => is_private_domain(pattern.as_str()),
        HostPattern::Address(address) => is_private_network(IpNet::from(*address)),
        HostPattern::Network(network) => is_private_network(*network),
    }
}

/// Returns whether a domain is outside the public DNS: its last label is no top-level domain, or it is in `home.arpa`
/// (RFC 8375).
fn is_private_domain(name: &str) -> bool {
    const HOME: &str = "home.arpa";
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_home = name.strip_suffix(HOME).is_some_and(|front| front.is_empty() || front.ends_with('.'));
    is_home || !public_suffix::is_top_level_domain(last)
}

fn is_private_network(network: IpNet) -> bool {
    // RFC 1918, RFC 6598, RFC 3927, RFC 1122; RFC 4193, RFC 4291.
    const V4: [([u8; 4], u8); 6] = [
        ([10, 0, 0, 0], 8),
        ([172, 16, 0, 0], 12),
        ([192, 168, 0, 0], 16),
        ([100, 64, 0, 0], 10),
        ([169, 254, 0, 0], 16),
        ([127, 0, 0, 0], 8),
    ];
    const V6: [(u16, u8); 2] = [(0xfc00, 7), (0xfe80, 10)];
    let v4 = V4.iter().map(|(octets, length)| (IpAddr::from(*octets), *length));
    let v6 = V6.iter().map(|(first, length)| (IpAddr::from([*first, 0, 0, 0, 0, 0, 0, 0]), *length));
    let loopback = (IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16]), 128);
    v4.chain(v6)
        .chain([loopback])
        .any(|(address, length)| IpNet::new(address, length).is_ok_and(|private| private.contains(&network)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        crate::entry::parse(text, None, &mut Vec::new()).unwrap().entry
    }

    #[test]
    fn c2_private_hosts() {
        for text in [
            "harbor",
            "harbor.corp",
            "a.b.local:5000",
            "*.lan",
            "image-registry.openshift-image-registry.svc:5000",
            "harbor.service.consul",
            "h.home.arpa",
            "*.cluster.local",
            "10.0.0.1",
            "10.2.0.0/16",
            "[fd00::1]:5000",
            "fe80::/64",
            "localhost",
            "::1",
            "100.64.1.1",
        ] {
            assert!(is_private(&entry(text)), "{text}");
        }
        for text in [
            "docker.io",
            "quay.io",
            "*.example.com",
            "notlocal.com",
            "consul.example.dev",
            "harbor.xn--p1ai",
            "8.8.8.8",
            "10.0.0.0/7",
            "2001:db8::1",
            "0.0.0.0/0",
        ] {
            assert!(!is_private(&entry(text)), "{text}");
        }
    }
}
