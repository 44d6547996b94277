//! What certificate authorities and whitelist mean to each other (rules C2 and C4).

use std::net::IpAddr;
use std::ops::ControlFlow;

use ipnet::IpNet;

use crate::document::{Document, Item, Lists, item_path, list_path};
use crate::entry::{Entry, Hosts};
use crate::finding::code::Code;
use crate::finding::{List, Note};
use crate::lint::entries::{overlapping, ports_over};
use crate::policy::Policy;
use crate::policy::index::{Group, Index, Rank, usize_of};
use crate::policy::trust_anchors::{Given, enabled, scopes};
use crate::util::sort;
use crate::util::string_map::Table;

/// How many entries are named one by one. The rest is counted.
const NAMED: usize = 100;
/// How many entries one message names.
const IN_ONE: usize = 3;

/// Adds the notes that follow from authorities and whitelist together.
pub(crate) fn check(document: &Document<'_>, policy: &Policy, given: &[Given<'_>], notes: &mut Vec<Note>) {
    let scopes: Vec<Scope<'_>> = scopes(document)
        .filter_map(|(project, lists)| {
            let index = match project {
                Some(name) => &policy.project(name)?.1.index,
                None => &policy.global.index,
            };
            Some(Scope { project, lists, index })
        })
        .collect();
    for given in given {
        // A project's authority counts for its own requests, a global one for all.
        let seen = scopes.iter().filter(|scope| given.project.is_none() || scope.project == given.project);
        let seen: Vec<View<'_, '_>> = seen.filter_map(|scope| View::of(scope, &scopes)).collect();
        without_effect(policy, given, &seen, notes);
        excluded(given, &seen, notes);
    }
    for scope in &scopes {
        if let Some(view) = View::of(scope, &scopes) {
            unvouched(&view, given, notes);
        }
    }
    repeated(given, notes);
}

/// The lists of the document, or of a project.
struct Scope<'d> {
    project: Option<&'d str>,
    lists: &'d Lists<'d>,
    index: &'d Index,
}

/// What the requests of a scope see: its own lists, and the global ones.
struct View<'s, 'd> {
    own: &'s Scope<'d>,
    global: Option<&'s Scope<'d>>,
}

impl<'s, 'd> View<'s, 'd> {
    fn of(own: &'s Scope<'d>, scopes: &'s [Scope<'d>]) -> Option<Self> {
        let global = scopes.first()?;
        Some(View { own, global: own.project.map(|_| global) })
    }

    fn scopes(&self) -> impl Iterator<Item = &'s Scope<'d>> + use<'s, 'd> {
        std::iter::once(self.own).chain(self.global)
    }

    fn whitelist_mode(&self) -> bool {
        self.scopes().any(|scope| scope.lists.whitelist.is_some())
    }

    /// The enabled entries of the effective whitelist (rule W2).
    fn effective(&self) -> impl Iterator<Item = &'d Entry> + use<'s, 'd> {
        let lists = [List::Whitelist, List::Insecure];
        self.scopes().flat_map(move |scope| {
            let items = lists.into_iter().flat_map(|list| scope.lists.items(list));
            items.filter(|item| item.enabled).map(Item::entry)
        })
    }

    /// Whether any registry of a whitelist entry is reached with verification (rule T4): one with the port written is
    /// where an insecure entry has another port.
    fn is_verified(&self, entry: &Entry) -> bool {
        !self.scopes().any(|scope| {
            let groups = [scope.index.same_hosts(entry), scope.index.address_of(entry)];
            groups.iter().flatten().any(|group| group.has(List::Insecure, &ports_over(entry)))
        })
    }
}

/// Rule C2: an authority whose registries are all outside the effective whitelist.
fn without_effect(policy: &Policy, given: &Given<'_>, views: &[View<'_, '_>], notes: &mut Vec<Note>) {
    let Some(registries) = given.registries else { return };
    let none = enabled(registries).next().is_none();
    let limits = Limits::new(&[given]);
    let allowed = views.iter().any(|view| {
        !view.whitelist_mode()
            || enabled(registries).any(|limit| may_cover(policy, view, limit))
            || view.effective().any(|entry| limits.over(entry))
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
        notes.push(Note::new(Code::AuthorityWithoutEffect, given.place.clone(), message).at(&*given.path));
    }
}

/// Whether an entry of the effective whitelist covers hosts of the limit, or may once DNS was asked (rules M4 and M5).
fn may_cover(policy: &Policy, view: &View<'_, '_>, limit: &Entry) -> bool {
    let covered = view.scopes().any(|scope| {
        let mut found = false;
        each_over(scope.index, limit, &mut |group| {
            found |= [List::Whitelist, List::Insecure].iter().any(|list| overlapping(group, *list, limit).is_some());
        });
        found
    });
    covered
        || view.effective().any(|entry| match (&limit.hosts, &entry.hosts) {
            (Hosts::Name(_) | Hosts::Wildcard(_), Hosts::Address(_) | Hosts::Network(_)) => policy.resolves,
            (Hosts::Address(_) | Hosts::Network(_), Hosts::Wildcard(_)) => true,
            _ => false,
        })
}

/// Rule C4: the whitelisted registries that a certificate's name constraints exclude.
fn excluded(given: &Given<'_>, views: &[View<'_, '_>], notes: &mut Vec<Note>) {
    let limits = Limits::new(&[given]);
    for certificate in &given.certificates {
        let Some(constraints) = &certificate.extensions.name_constraints else { continue };
        let mut named = Named::default();
        for view in views {
            let items = view.own.lists.items(List::Whitelist).iter().filter(|item| item.enabled);
            for entry in items.map(Item::entry).filter(|entry| view.is_verified(entry)) {
                if (given.registries.is_none() || limits.over(entry)) && constraints.exclude(entry) {
                    named.add(entry);
                }
            }
        }
        if let Some(registries) = named.text() {
            let message = format!("the name constraints of `{}` exclude {registries}", certificate.title());
            let note = Note::new(Code::CertificateNamesExcluded, given.place.clone(), message);
            notes.push(note.at(&*given.path));
        }
    }
}

/// Rule C2: whitelisted registries that only the well-known authorities can vouch for.
fn unvouched(view: &View<'_, '_>, given: &[Given<'_>], notes: &mut Vec<Note>) {
    let Some(whitelist) = &view.own.lists.whitelist else { return };
    let project = view.own.project;
    let seen = || given.iter().filter(|given| given.project.is_none() || given.project == project);
    if seen().any(|given| given.registries.is_none() && !given.certificates.is_empty()) {
        return;
    }
    let limits = Limits::new(&seen().collect::<Vec<_>>());
    let limited = limits.reached(view.own.index);
    let mut well_known = Named::default();
    let mut private: usize = 0;
    for item in whitelist.items.iter().filter(|item| item.enabled) {
        let entry = item.entry();
        let position = u32::try_from(item.index).unwrap_or(u32::MAX);
        if limits.over(entry) || limited.binary_search(&position).is_ok() || !view.is_verified(entry) {
            continue;
        }
        if !is_private(entry) {
            well_known.add(entry);
            continue;
        }
        private = private.saturating_add(1);
        if private <= NAMED {
            let message = format!(
                "`{entry}` is private, so that no well-known authority vouches for it: add the CA of its certificate to `certificate_authorities`"
            );
            let path = item_path(project, List::Whitelist, item.index, item.object);
            notes.push(Note::new(Code::AuthorityMissing, item.place.clone(), message).at(path));
        }
    }
    let path = list_path(project, List::Whitelist);
    let mut note = |code, message| notes.push(Note::new(code, whitelist.place.clone(), message).at(&*path));
    if private > NAMED {
        let more = private.saturating_sub(NAMED);
        note(Code::AuthorityMissing, format!("{more} more private entries have no certificate authority"));
    }
    if let Some(registries) = well_known.text() {
        note(Code::AuthorityWellKnown, format!("the well-known authorities alone vouch for {registries}"));
    }
}

/// Rule C4: certificates that count for every registry already, by another element for the same requests.
fn repeated(given: &[Given<'_>], notes: &mut Vec<Note>) {
    let key = |project: Option<&str>, sha256: &str| match project {
        Some(project) => format!("{sha256} {project}"),
        None => sha256.to_owned(),
    };
    let mut everywhere = Table::default();
    for (place, given) in (0..).zip(given).filter(|(_, given)| given.registries.is_none()) {
        for certificate in &given.certificates {
            everywhere.get_or_insert(&key(given.project, &certificate.sha256), place);
        }
    }
    for (place, one) in (0_u32..).zip(given) {
        for certificate in &one.certificates {
            let global = everywhere.get(&certificate.sha256);
            let found = global.or_else(|| everywhere.get(&key(one.project, &certificate.sha256)));
            let other = found.filter(|other| *other != place).and_then(|other| given.get(usize_of(other)));
            let Some(other) = other else { continue };
            let of = other.project.map(|project| format!(" of project `{project}`")).unwrap_or_default();
            let (title, index) = (certificate.title(), other.index);
            let message = format!(
                "`{title}` stands in certificate_authorities[{index}]{of} already, and counts for every registry there"
            );
            notes.push(Note::new(Code::CertificateDuplicate, one.place.clone(), message).at(&*one.path));
        }
    }
}

/// The groups whose hosts contain all hosts of an entry. Behind a `dyn`, so that the search is compiled once.
fn each_over<'i>(index: &'i Index, entry: &Entry, found: &mut dyn FnMut(Group<'i>)) {
    let found: &mut dyn FnMut(Rank, Group<'i>) -> ControlFlow<()> = &mut |_, group| {
        found(group);
        ControlFlow::Continue(())
    };
    let _ = index.over(entry, found);
}

/// The registries that some authorities are limited to.
struct Limits<'d> {
    entries: Vec<&'d Entry>,
    index: Index,
}

impl<'d> Limits<'d> {
    fn new<'g: 'd>(given: &[&'d Given<'g>]) -> Self {
        let entries: Vec<&Entry> = given
            .iter()
            .filter(|given| !given.certificates.is_empty())
            .flat_map(|given| given.registries.into_iter().flat_map(|registries| enabled(registries)))
            .collect();
        let index = Index::new(entries.iter().map(|entry| (List::Whitelist, 0, *entry)));
        Limits { entries, index }
    }

    /// Whether a limit covers all hosts of the entry, on a port of its.
    fn over(&self, entry: &Entry) -> bool {
        let mut found = false;
        each_over(&self.index, entry, &mut |group| found |= overlapping(group, List::Whitelist, entry).is_some());
        found
    }

    /// The positions of the whitelist's entries that cover all hosts of a limit, sorted.
    fn reached(&self, whitelist: &Index) -> Vec<u32> {
        let mut reached = Vec::new();
        for limit in &self.entries {
            each_over(whitelist, limit, &mut |group| {
                let rows = group.in_list(List::Whitelist).iter().filter_map(|row| group.row(*row));
                reached.extend(rows.map(|row| row.position));
            });
        }
        sort::sort(&mut reached, &|a, b| a.cmp(&b));
        reached
    }
}

/// Entries for one message.
#[derive(Default)]
struct Named {
    first: Vec<String>,
    more: usize,
}

impl Named {
    fn add(&mut self, entry: &Entry) {
        let name = format!("`{entry}`");
        if self.first.contains(&name) {
            return;
        }
        if self.first.len() < IN_ONE {
            self.first.push(name);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn text(&self) -> Option<String> {
        match (self.first.as_slice(), self.more) {
            ([], _) => None,
            ([one], 0) => Some(one.clone()),
            ([names @ .., last], 0) => Some(format!("{} and {last}", names.join(", "))),
            (names, more) => Some(format!("{} and {more} more", names.join(", "))),
        }
    }
}

/// Whether no well-known authority may vouch for the entry's hosts: names that the public DNS does not have, and addresses
/// that the Internet does not route (the Internal Names and Reserved IP Addresses of the CA/Browser Forum's Baseline Requirements).
fn is_private(entry: &Entry) -> bool {
    match &entry.hosts {
        Hosts::Name(name) => !entry.is_hub() && (!name.contains('.') || is_private_domain(name)),
        Hosts::Wildcard(domain) => is_private_domain(domain),
        Hosts::Address(address) => is_private_network(IpNet::from(*address)),
        Hosts::Network(network) => is_private_network(*network),
    }
}

fn is_private_domain(name: &str) -> bool {
    // RFC 6761, RFC 6762 with its appendix G, RFC 8375, ICANN's reservation of `internal`, and what routers hand out.
    const DOMAINS: [&str; 13] = [
        "corp",
        "example",
        "home",
        "home.arpa",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "private",
        "test",
    ];
    DOMAINS.iter().any(|domain| name.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.')))
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
        crate::entry::parse(text, &mut Vec::new()).unwrap().entry
    }

    #[test]
    fn c2_private_hosts() {
        for text in [
            "harbor",
            "harbor.corp",
            "a.b.local:5000",
            "*.lan",
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
            "8.8.8.8",
            "10.0.0.0/7",
            "2001:db8::1",
            "0.0.0.0/0",
        ] {
            assert!(!is_private(&entry(text)), "{text}");
        }
    }
}
