//! Narrowing a policy by a list from elsewhere (rule A2): what it names is all that remains, and it may name nothing that
//! the policy does not have.

use ipnet::IpNet;
use serde::Serialize;

use crate::compare::{Unreadable, Witness, compare_read, read_both};
use crate::document::canonical;
use crate::document::{Document, Item, Items, Lists, Project};
use crate::entry::{Entry, Hosts, Written};
use crate::finding::List;
use crate::load::{Read, read_loadable};
use crate::reference::repository;
use crate::util::sort;

/// Why a policy stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NarrowError {
    /// A document does not load: the policy first, the remote one second.
    Unreadable(Unreadable),
    /// The remote list has an entry that the policy does not cover.
    Refused(Box<Refused>),
}

/// An entry of a remote list that the policy does not cover whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The list that it stands in.
    pub list: List,
    /// Its index in that list.
    pub index: u32,
    /// The entry in canonical form.
    pub entry: String,
    /// A request that the policy denies, or verifies, and that the entry would allow, or not verify; absent where the policy
    /// would be too large with it (rule P5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
}

/// The policy narrowed to the global lists of another document, both as of `at`, in seconds since 1970-01-01 UTC: a
/// document in canonical form (rule A2). How registries are reached stays the policy's affair, and so do its authorities.
pub fn narrow(policy: &str, remote: &str, at: u64) -> Result<String, NarrowError> {
    let (mut policy, remote) = read_both(policy, remote, at).map_err(NarrowError::Unreadable)?;
    let lines: Vec<(List, &Item<'_>)> = [List::Whitelist, List::Insecure]
        .into_iter()
        .flat_map(|list| remote.document.global.items(list).iter().map(move |item| (list, item)))
        .filter(|(_, item)| item.enabled)
        .collect();
    if let Some(refused) = refusal(&mut policy, &lines, at) {
        return Err(NarrowError::Refused(Box::new(refused)));
    }
    if remote.document.global.whitelist.is_none() {
        return Ok(canonical::write(&policy.document));
    }
    let first = narrowed(&mut policy.document, &lines, true);
    let is_wider = match read_loadable(&first, at) {
        Ok(read) => compare_read(&policy, &read).is_wider(),
        Err(_) => true,
    };
    // What cannot be kept insecure for just these registries is verified.
    Ok(if is_wider { narrowed(&mut policy.document, &lines, false) } else { first })
}

/// The first line with which the policy would allow more than it does, or reach it less safely.
fn refusal(policy: &mut Read<'_>, lines: &[(List, &Item<'_>)], at: u64) -> Option<Refused> {
    let mut wider = |count: usize| -> Option<Option<Witness>> {
        let text = extended(&mut policy.document, lines.get(..count).unwrap_or_default());
        match read_loadable(&text, at) {
            Ok(read) => compare_read(policy, &read).first_wider().map(|region| Some(region.witness.clone())),
            Err(_) => Some(None),
        }
    };
    wider(lines.len())?;
    // More lines never make it narrower again.
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
    let witness = wider(fails).flatten().or_else(|| unlike(policy, *list, item.entry(), at));
    Some(Refused { list: *list, index, entry: item.entry().to_string(), witness })
}

/// A request that the policy denies, or verifies, and that the entry by itself would allow, or not verify: for one that is
/// an error beside the rest of the policy, since it names one of the product's own registries as insecure (rule T5).
fn unlike(policy: &Read<'_>, list: List, entry: &Entry, at: u64) -> Option<Witness> {
    let mut alone = Document::default();
    alone.global.whitelist = Some(Items::none());
    let items = if list == List::Insecure { &mut alone.global.insecure } else { &mut alone.global.whitelist };
    items.get_or_insert_with(Items::none).items.push(Item::of(entry.clone()));
    let projects = policy.document.projects.iter().flatten();
    let projects = projects.map(|project| Project { name: project.name.clone(), lists: Lists::default() });
    alone.projects = policy.document.projects.is_some().then(|| projects.collect());
    let text = canonical::write(&alone);
    let alone = read_loadable(&text, at).ok()?;
    compare_read(policy, &alone).first_wider().map(|region| region.witness.clone())
}

/// The document with these lines too. Without whitelist mode everything is allowed, and no line of a whitelist is more.
fn extended<'t>(document: &mut Document<'t>, lines: &[(List, &Item<'_>)]) -> String {
    let lists = &mut document.global;
    let mode = lists.whitelist.is_some();
    let before = [List::Whitelist, List::Insecure].map(|list| lists.items(list).len());
    let had_insecure = lists.insecure.is_some();
    for (list, item) in lines {
        let items = match list {
            List::Whitelist if mode => &mut lists.whitelist,
            List::Whitelist => continue,
            List::Insecure | List::BuiltIn => &mut lists.insecure,
        };
        items.get_or_insert_with(Items::none).items.push(Item::of(item.entry().clone()));
    }
    let text = canonical::write(document);
    let lists = &mut document.global;
    for (items, length) in [&mut lists.whitelist, &mut lists.insecure].into_iter().zip(before) {
        if let Some(items) = items {
            items.items.truncate(length);
        }
    }
    lists.insecure.take_if(|_| !had_insecure);
    text
}

/// The policy with nothing but what the lines allow; with `insecure`, reached as the policy reaches it.
fn narrowed(policy: &mut Document<'_>, lines: &[(List, &Item<'_>)], insecure: bool) -> String {
    let mut kept = Vec::new();
    for (lists, place) in each_scope(policy).zip(0_usize..) {
        let [whitelist, unverified] = remaining(lists, lines, insecure, place == 0);
        // A project's own whitelist turns the mode on for it, and nothing else does so.
        let whitelist = Some(whitelist).filter(|_| place == 0 || lists.whitelist.is_some());
        let unverified = Some(unverified).filter(|items| !items.items.is_empty());
        kept.push((
            std::mem::replace(&mut lists.whitelist, whitelist),
            std::mem::replace(&mut lists.insecure, unverified),
        ));
    }
    let text = canonical::write(policy);
    for (lists, kept) in each_scope(policy).zip(kept) {
        (lists.whitelist, lists.insecure) = kept;
    }
    text
}

/// The global lists, then those of the projects.
fn each_scope<'l, 't>(document: &'l mut Document<'t>) -> impl Iterator<Item = &'l mut Lists<'t>> {
    let projects = document.projects.iter_mut().flatten().map(|project| &mut project.lists);
    std::iter::once(&mut document.global).chain(projects)
}

/// What of a whitelist and of an insecure list remains; of the global ones, the lines themselves too.
fn remaining<'t>(lists: &Lists<'_>, lines: &[(List, &Item<'_>)], insecure: bool, global: bool) -> [Items<'t>; 2] {
    let mut entries = [Vec::new(), Vec::new()];
    let [whitelist, unverified] = &mut entries;
    for (list, item) in lines.iter().filter(|_| global) {
        let found = if *list == List::Insecure && insecure { &mut *unverified } else { &mut *whitelist };
        found.push(item.entry().clone());
    }
    let add = |list: List, found: &mut Vec<Entry>| {
        for own in lists.items(list).iter().filter(|item| item.enabled).map(Item::entry) {
            let both = lines.iter().filter_map(|(_, item)| common(own, item.entry()));
            // An insecure entry is for all namespaces: there is none for some.
            found.extend(both.filter(|both| list == List::Whitelist || both.namespace.is_none()));
        }
    };
    if insecure {
        add(List::Insecure, unverified);
    }
    // The lines themselves allow all that they may. What is narrower stays verified inside what is insecure.
    if !global || !unverified.is_empty() {
        add(List::Whitelist, whitelist);
    }
    entries.map(|entries| {
        let mut entries = sort::sorted(entries, Ord::cmp);
        entries.dedup();
        Items { items: entries.into_iter().map(Item::of).collect(), ..Items::none() }
    })
}

/// What two entries have in common.
fn common(one: &Entry, other: &Entry) -> Option<Entry> {
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
    let hosts = if is_in(&one.hosts, &other.hosts) {
        one.hosts.clone()
    } else if is_in(&other.hosts, &one.hosts) {
        other.hosts.clone()
    } else {
        return None;
    };
    Some(Entry { hosts, port, namespace })
}

/// Whether all of the first hosts are among the second.
fn is_in(one: &Hosts, other: &Hosts) -> bool {
    let network = |hosts: &Hosts| match hosts {
        Hosts::Address(address) => Some(IpNet::from(*address)),
        Hosts::Network(network) => Some(*network),
        Hosts::Name(_) | Hosts::Wildcard(_) => None,
    };
    let below = |name: &str, domain: &str| name.strip_suffix(domain).is_some_and(|front| front.ends_with('.'));
    match (one, other) {
        (Hosts::Name(name), Hosts::Wildcard(domain)) => below(name, domain),
        (Hosts::Wildcard(one), Hosts::Wildcard(other)) => one == other || below(one, other),
        (Hosts::Name(one), Hosts::Name(other)) => one == other,
        _ => network(one).zip(network(other)).is_some_and(|(one, other)| other.contains(&one)),
    }
}

impl Items<'_> {
    /// A list of nothing, from nowhere.
    fn none() -> Self {
        Items { place: 0..0, items: Vec::new() }
    }
}

impl Item<'_> {
    /// An entry that stands in no document.
    fn of(entry: Entry) -> Self {
        let written = Written { entry, scheme: None };
        Item { index: 0, written, enabled: true, comment: None, object: false, place: 0..0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a2_what_is_covered_is_all_that_remains() {
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
            // How it is reached stays.
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
            // There is no insecure namespace.
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
    fn a2_the_first_that_is_not_covered_is_named() {
        for (policy, remote, list, index, entry) in [
            (
                r#"{"whitelist":["h.test:443"]}"#,
                r#"{"whitelist":["h.test:443","h.test","i.test"]}"#,
                List::Whitelist,
                1,
                "h.test",
            ),
            (r#"{"whitelist":["h.test/team"]}"#, r#"{"whitelist":["h.test"]}"#, List::Whitelist, 0, "h.test"),
            (r#"{"whitelist":["10.0.0.0/24"]}"#, r#"{"whitelist":["10.0.0.0/23"]}"#, List::Whitelist, 0, "10.0.0.0/23"),
            (
                r#"{"whitelist":["h.test"]}"#,
                r#"{"whitelist":["h.test"],"insecure":["h.test"]}"#,
                List::Insecure,
                0,
                "h.test",
            ),
            (r#"{}"#, r#"{"insecure":["h.test"]}"#, List::Insecure, 0, "h.test"),
            // The product's own registries are always verified.
            (
                r#"{"whitelist":["h.test"],"built_in":["b.test"],"insecure":["*.test"],"projects":{"p":{}}}"#,
                r#"{"whitelist":["h.test"],"insecure":["b.test:5000"]}"#,
                List::Insecure,
                0,
                "b.test:5000",
            ),
        ] {
            match narrow(policy, remote, 0) {
                Err(NarrowError::Refused(refused)) => {
                    assert_eq!((refused.list, refused.index, refused.entry.as_str()), (list, index, entry));
                    assert!(refused.witness.is_some());
                }
                other => panic!("{policy} by {remote}: {other:?}"),
            }
        }
    }
}
