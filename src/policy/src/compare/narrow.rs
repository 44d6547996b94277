//! Narrowing of a policy by a remote list (rule A2): the result allows only the list's entries, and an entry that the
//! policy does not cover is an error.

use ipnet::IpNet;
use serde::Serialize;

use crate::compare::{CompareError, Witness, compare_parsed, parse_both};
use crate::document::canonical;
use crate::document::{EntryItems, ListItem, ParsedDocument, PolicyLists, ProjectLists};
use crate::entry::{Entry, HostPattern, ParsedEntry};
use crate::finding::EntryList;
use crate::load::{ParsedPolicy, load_document};
use crate::reference::repository;
use crate::util::sort;

/// The error of narrowing a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NarrowError {
    /// A document does not load: the policy first, the remote one second.
    Unreadable(CompareError),
    /// The remote list has an entry that the policy does not cover.
    Uncovered(Box<UncoveredEntry>),
}

/// An entry of a remote list that the policy does not fully cover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UncoveredEntry {
    /// The list of the entry.
    pub list: EntryList,
    /// The index in that list.
    pub index: u32,
    /// The entry in canonical form.
    pub entry: String,
    /// A request that the policy denies, or verifies, and that the entry would allow, or not verify; absent if the
    /// policy would be too large with it (rule P5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
}

/// Narrows the policy to the global lists of another document, both as of `at`, in seconds since 1970-01-01 UTC, and
/// returns a document in canonical form (rule A2). The transport to registries and the authorities remain the policy's.
pub fn narrow(policy: &str, remote: &str, at: u64) -> Result<String, NarrowError> {
    let (mut policy, remote) = parse_both(policy, remote, at).map_err(NarrowError::Unreadable)?;
    let lines: Vec<(EntryList, &ListItem<'_>)> = [EntryList::Whitelist, EntryList::Insecure]
        .into_iter()
        .flat_map(|list| remote.document.global.items(list).iter().map(move |item| (list, item)))
        .filter(|(_, item)| item.enabled)
        .collect();
    if let Some(uncovered) = first_uncovered(&mut policy, &lines, at) {
        return Err(NarrowError::Uncovered(Box::new(uncovered)));
    }
    add_blocked(&mut policy.document, &remote.document);
    if remote.document.global.whitelist.is_none() {
        return Ok(canonical::to_json(&policy.document));
    }
    let first = narrow_to_lines(&mut policy.document, &lines, true);
    let is_wider = match load_document(&first, at) {
        Ok(read) => compare_parsed(&policy, &read).is_wider(),
        Err(_) => true,
    };
    // Entries that cannot be insecure for just these registries are verified.
    Ok(if is_wider { narrow_to_lines(&mut policy.document, &lines, false) } else { first })
}

/// Adds the blocked entries of the remote document (rule A2): a list only ever takes away.
fn add_blocked(policy: &mut ParsedDocument<'_>, remote: &ParsedDocument<'_>) {
    let own = &mut policy.global.blocked;
    for item in remote.global.items(EntryList::Blocked).iter().filter(|item| item.enabled) {
        let known = own.iter().flat_map(|items| &items.items).any(|own| own.enabled && own.entry() == item.entry());
        if !known {
            own.get_or_insert_with(EntryItems::empty).items.push(ListItem::from_entry(item.entry().clone()));
        }
    }
}

/// Returns the first line with which the policy would allow more than it does, or reach it less safely.
fn first_uncovered(
    policy: &mut ParsedPolicy<'_>,
    lines: &[(EntryList, &ListItem<'_>)],
    at: u64,
) -> Option<UncoveredEntry> {
    let mut wider = |count: usize| -> Option<Option<Witness>> {
        let text = with_lines(&mut policy.document, lines.get(..count).unwrap_or_default());
        match load_document(&text, at) {
            Ok(read) => {
                let comparison = compare_parsed(policy, &read);
                let first = comparison.first_wider().map(|region| region.witness.clone());
                comparison.is_wider().then_some(first)
            }
            Err(_) => Some(None),
        }
    };
    wider(lines.len())?;
    // Additional lines never make it narrower.
    let (mut fits, mut fails): (usize, usize) = (0, lines.len());
    while fails.saturating_sub(fits) > 1 {
        let middle = fits.midpoint(fails);
        match wider(middle) {
            Some(_) => fails = middle,
            None => fits = middle,
        }
    }
    let (list, item) = lines.get(fails.saturating_sub(1))?;
    let index = u32::try_from(item.index).unwrap_or(u32::MAX);
    let witness = wider(fails).flatten().or_else(|| standalone_witness(policy, *list, item.entry(), at));
    Some(UncoveredEntry { list: *list, index, entry: item.entry().to_string(), witness })
}

/// Returns a request that the policy denies, or verifies, and that the entry by itself would allow, or not verify.
/// Needed for an entry that is an error beside the rest of the policy, because it names a built-in registry as insecure
/// (rule T5).
fn standalone_witness(policy: &ParsedPolicy<'_>, list: EntryList, entry: &Entry, at: u64) -> Option<Witness> {
    let mut alone = ParsedDocument::default();
    alone.global.whitelist = Some(EntryItems::empty());
    let items = if list == EntryList::Insecure { &mut alone.global.insecure } else { &mut alone.global.whitelist };
    items.get_or_insert_with(EntryItems::empty).items.push(ListItem::from_entry(entry.clone()));
    let projects = policy.document.projects.iter().flatten();
    let projects = projects.map(|project| ProjectLists { name: project.name.clone(), lists: PolicyLists::default() });
    alone.projects = policy.document.projects.is_some().then(|| projects.collect());
    alone.unlisted_projects = policy.document.unlisted_projects;
    let text = canonical::to_json(&alone);
    let alone = load_document(&text, at).ok()?;
    compare_parsed(policy, &alone).first_wider().map(|region| region.witness.clone())
}

/// Returns the document with these lines added. Without whitelist mode everything is allowed, so whitelist lines are
/// not added.
fn with_lines<'t>(document: &mut ParsedDocument<'t>, lines: &[(EntryList, &ListItem<'_>)]) -> String {
    let lists = &mut document.global;
    let mode = lists.whitelist.is_some();
    let before = [EntryList::Whitelist, EntryList::Insecure].map(|list| lists.items(list).len());
    let had_insecure = lists.insecure.is_some();
    for (list, item) in lines {
        let items = match list {
            EntryList::Whitelist if mode => &mut lists.whitelist,
            EntryList::Whitelist => continue,
            EntryList::Insecure | EntryList::BuiltIn | EntryList::Blocked => &mut lists.insecure,
        };
        items.get_or_insert_with(EntryItems::empty).items.push(ListItem::from_entry(item.entry().clone()));
    }
    let text = canonical::to_json(document);
    let lists = &mut document.global;
    for (items, length) in [&mut lists.whitelist, &mut lists.insecure].into_iter().zip(before) {
        if let Some(items) = items {
            items.items.truncate(length);
        }
    }
    lists.insecure.take_if(|_| !had_insecure);
    text
}

/// Returns the policy limited to the lines; with `insecure`, under the policy's transport.
fn narrow_to_lines(policy: &mut ParsedDocument<'_>, lines: &[(EntryList, &ListItem<'_>)], insecure: bool) -> String {
    let mut kept = Vec::new();
    for (lists, position) in scopes_mut(policy).zip(0_usize..) {
        let [whitelist, unverified] = remaining_entries(lists, lines, insecure, position == 0);
        // Only a project's own whitelist turns the mode on for it.
        let whitelist = Some(whitelist).filter(|_| position == 0 || lists.whitelist.is_some());
        let unverified = Some(unverified).filter(|items| !items.items.is_empty());
        kept.push((
            std::mem::replace(&mut lists.whitelist, whitelist),
            std::mem::replace(&mut lists.insecure, unverified),
        ));
    }
    let text = canonical::to_json(policy);
    for (lists, kept) in scopes_mut(policy).zip(kept) {
        (lists.whitelist, lists.insecure) = kept;
    }
    text
}

/// Returns the global lists, then those of the projects.
fn scopes_mut<'l, 't>(document: &'l mut ParsedDocument<'t>) -> impl Iterator<Item = &'l mut PolicyLists<'t>> {
    let projects = document.projects.iter_mut().flatten().map(|project| &mut project.lists);
    std::iter::once(&mut document.global).chain(projects)
}

/// Returns the remaining whitelist and insecure list; the global ones include the lines themselves.
fn remaining_entries<'t>(
    lists: &PolicyLists<'_>,
    lines: &[(EntryList, &ListItem<'_>)],
    insecure: bool,
    global: bool,
) -> [EntryItems<'t>; 2] {
    let mut entries = [Vec::new(), Vec::new()];
    let [whitelist, unverified] = &mut entries;
    for (list, item) in lines.iter().filter(|_| global) {
        let found = if *list == EntryList::Insecure && insecure { &mut *unverified } else { &mut *whitelist };
        found.push(item.entry().clone());
    }
    let add = |list: EntryList, found: &mut Vec<Entry>| {
        for own in lists.items(list).iter().filter(|item| item.enabled).map(ListItem::entry) {
            for (of, item) in lines {
                // An insecure entry applies to all namespaces, and one for port 80 to references without a port, which a
                // whitelist entry for port 80 does not cover (rule M2).
                let fits = |both: &Entry| {
                    let is_port_80 = *of == EntryList::Whitelist && both.port == Some(80);
                    list == EntryList::Whitelist || both.namespace.is_none() && !is_port_80
                };
                found.extend(intersection(own, item.entry()).filter(fits));
            }
        }
    };
    if insecure {
        add(EntryList::Insecure, unverified);
    }
    // The lines allow all that they may. Narrower entries stay verified inside insecure ones.
    if !global || !unverified.is_empty() {
        add(EntryList::Whitelist, whitelist);
    }
    entries.map(|entries| {
        let mut entries = sort::sorted(entries, Ord::cmp);
        entries.dedup();
        EntryItems { items: entries.into_iter().map(ListItem::from_entry).collect(), ..EntryItems::empty() }
    })
}

/// Returns the intersection of two entries.
fn intersection(one: &Entry, other: &Entry) -> Option<Entry> {
    let port = match (one.port, other.port) {
        (Some(one), Some(other)) if one != other => return None,
        (one, other) => one.or(other),
    };
    let namespace = match (&one.namespace, &other.namespace) {
        (Some(one), Some(other)) if repository::is_within(one, other) => Some(one.clone()),
        (Some(one), Some(other)) if repository::is_within(other, one) => Some(other.clone()),
        (Some(_), Some(_)) => return None,
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    let hosts = if is_subset(&one.hosts, &other.hosts) {
        one.hosts.clone()
    } else if is_subset(&other.hosts, &one.hosts) {
        other.hosts.clone()
    } else {
        return None;
    };
    Some(Entry { hosts, port, namespace })
}

/// Returns whether all hosts of `one` are among those of `other`.
fn is_subset(one: &HostPattern, other: &HostPattern) -> bool {
    let network = |hosts: &HostPattern| match hosts {
        HostPattern::Address(address) => Some(IpNet::from(*address)),
        HostPattern::Network(network) => Some(*network),
        HostPattern::Name(_) | HostPattern::Wildcard(_) | HostPattern::Pattern(_) => None,
    };
    let below = |name: &str, domain: &str| name.strip_suffix(domain).is_some_and(|front| front.ends_with('.'));
    match (one, other) {
        (HostPattern::Name(name), HostPattern::Wildcard(domain)) => below(name, domain),
        (HostPattern::Wildcard(one), HostPattern::Wildcard(other)) => one == other || below(one, other),
        (HostPattern::Name(one), HostPattern::Name(other)) => one == other,
        (HostPattern::Name(name), HostPattern::Pattern(pattern)) => pattern.matches(name),
        (HostPattern::Pattern(one), HostPattern::Pattern(other)) => other.matches(one.as_str()),
        (HostPattern::Pattern(pattern), HostPattern::Wildcard(domain)) => below(pattern.as_str(), domain),
        _ => network(one).zip(network(other)).is_some_and(|(one, other)| other.contains(&one)),
    }
}

impl EntryItems<'_> {
    /// Returns an empty list that is in no document.
    fn empty() -> Self {
        EntryItems { span: 0..0, items: Vec::new() }
    }
}

impl ListItem<'_> {
    /// Returns an item that is in no document.
    fn from_entry(entry: Entry) -> Self {
        let parsed = ParsedEntry { entry, scheme: None };
        ListItem { index: 0, parsed, enabled: true, comment: None, object: false, span: 0..0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a2_only_covered_entries_remain() {
        for (policy, remote, result) in [
            (r#"{"whitelist":["10.0.0.0/8"]}"#, r#"{"whitelist":["10.1.0.0/16"]}"#, r#"{"whitelist":["10.1.0.0/16"]}"#),
            (r#"{}"#, r#"{"whitelist":["h.test:5000/team"]}"#, r#"{"whitelist":["h.test:5000/team"]}"#),
            (r#"{"whitelist":["h.test"]}"#, r#"{}"#, r#"{"whitelist":["h.test"]}"#),
            (r#"{"whitelist":["h.test"]}"#, r#"{"whitelist":[]}"#, r#"{"whitelist":[]}"#),
            (
                r#"{"whitelist":["10.0.0.0/25","10.0.0.128/25"]}"#,
                r#"{"whitelist":["10.0.0.0/24"]}"#,
                r#"{"whitelist":["10.0.0.0/24"]}"#,
            ),
            // The transport is unchanged.
            (
                r#"{"insecure":["10.0.0.0/8"],"whitelist":[]}"#,
                r#"{"whitelist":["10.1.2.3"]}"#,
                r#"{"whitelist":["10.1.2.3"],"insecure":["10.1.2.3"]}"#,
            ),
            (
                r#"{"insecure":["10.0.0.0/8"],"whitelist":["10.1.0.0/16"]}"#,
                r#"{"whitelist":["10.1.2.3"]}"#,
                r#"{"whitelist":["10.1.2.3"]}"#,
            ),
            // An insecure entry for port 80 allows references without a port.
            (
                r#"{"insecure":["h.test"]}"#,
                r#"{"whitelist":["*.test:80","h.test:5000"]}"#,
                r#"{"whitelist":["h.test:5000","*.test:80"],"insecure":["h.test:5000"]}"#,
            ),
            // There are no insecure namespaces.
            (
                r#"{"insecure":["h.test"],"whitelist":[]}"#,
                r#"{"whitelist":["h.test/team"]}"#,
                r#"{"whitelist":["h.test/team"]}"#,
            ),
            (
                r#"{"whitelist":["h.test"],"projects":{"p":{"whitelist":["x.test","h.test:443"]}}}"#,
                r#"{"whitelist":["h.test:443"]}"#,
                r#"{"whitelist":["h.test:443"],"projects":{"p":{"whitelist":["h.test:443"]}}}"#,
            ),
        ] {
            assert_eq!(narrow(policy, remote, 0), Ok(result.to_owned()), "{policy} by {remote}");
        }
    }

    #[test]
    fn a2_first_uncovered_entry_is_named() {
        for (policy, remote, list, index, entry) in [
            (
                r#"{"whitelist":["h.test:443"]}"#,
                r#"{"whitelist":["h.test:443","h.test","i.test"]}"#,
                EntryList::Whitelist,
                1,
                "h.test",
            ),
            (r#"{"whitelist":["h.test/team"]}"#, r#"{"whitelist":["h.test"]}"#, EntryList::Whitelist, 0, "h.test"),
            (
                r#"{"whitelist":["10.0.0.0/24"]}"#,
                r#"{"whitelist":["10.0.0.0/23"]}"#,
                EntryList::Whitelist,
                0,
                "10.0.0.0/23",
            ),
            (
                r#"{"whitelist":["h.test"]}"#,
                r#"{"whitelist":["h.test"],"insecure":["h.test"]}"#,
                EntryList::Insecure,
                0,
                "h.test",
            ),
            (r#"{}"#, r#"{"insecure":["h.test"]}"#, EntryList::Insecure, 0, "h.test"),
            // Built-in registries are always verified.
            (
                r#"{"whitelist":["h.test"],"built_in":["b.test"],"insecure":["*.test"],"projects":{"p":{}}}"#,
                r#"{"whitelist":["h.test"],"insecure":["b.test:5000"]}"#,
                EntryList::Insecure,
                0,
                "b.test:5000",
            ),
        ] {
            match narrow(policy, remote, 0) {
                Err(NarrowError::Uncovered(uncovered)) => {
                    assert_eq!((uncovered.list, uncovered.index, uncovered.entry.as_str()), (list, index, entry));
                    assert!(uncovered.witness.is_some());
                }
                other => panic!("{policy} by {remote}: {other:?}"),
            }
        }
    }
}
