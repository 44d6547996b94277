//! Lints blocked entries (rule W6): lists that block less than they seem to, and entries that they leave without effect.

use std::ops::ControlFlow;

use crate::document::{ListItem, ParsedDocument, PolicyLists, item_pointer, list_pointer};
use crate::entry::{Entry, HostPattern};
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding};
use crate::lint::coverage::{covering_ports, entry_location};
use crate::policy::entry_group::ANY_PORT;
use crate::policy::index::EntryIndex;
use crate::policy::trust_anchors::scoped_lists;
use crate::policy::{Policy, PolicyScope};

/// Adds the findings about blocked entries.
pub(crate) fn lint(document: &ParsedDocument<'_>, policy: &Policy, findings: &mut Vec<RawFinding>) {
    if !policy.has_blocked() {
        return;
    }
    for (project, lists) in scoped_lists(document) {
        let scope = match project {
            Some(name) => policy.project(name).map(|(_, scope)| scope),
            None => Some(&policy.global),
        };
        if let Some(scope) = scope {
            lint_list(policy, scope, project, lists, findings);
            let own = (project, &scope.index);
            let global = project.map(|_| (None, &policy.global.index));
            let indexes: Vec<(Option<&str>, &EntryIndex)> = global.into_iter().chain([own]).collect();
            for list in [EntryList::Whitelist, EntryList::Insecure] {
                for item in lists.items(list).iter().filter(|item| item.enabled) {
                    lint_covered(&indexes, project, list, item, findings);
                }
            }
        }
    }
}

/// Reports a list that other names or addresses of the same registries go around.
fn lint_list(
    policy: &Policy,
    scope: &PolicyScope,
    project: Option<&str>,
    lists: &PolicyLists<'_>,
    findings: &mut Vec<RawFinding>,
) {
    let Some(blocked) = lists.blocked.as_ref().filter(|_| scope.index.has_blocked()) else { return };
    let path = list_pointer(project, EntryList::Blocked);
    let mut report = |code, message: String| {
        findings.push(RawFinding::new(code, blocked.span.clone(), message).with_path(&*path));
    };
    if !policy.global.whitelist_mode && !scope.whitelist_mode {
        let message = "whitelist mode is off, so that other names and addresses lead to the blocked registries: write a \
                       `whitelist` of what is allowed";
        report(Code::BlockedWithoutWhitelist, message.to_owned());
    }
    let is_address = |entry: &&Entry| matches!(entry.hosts, HostPattern::Address(_) | HostPattern::Network(_));
    let mut enabled = blocked.items.iter().filter(|item| item.enabled).map(ListItem::entry);
    if let Some(entry) = enabled.find(is_address).filter(|_| !policy.match_resolved_addresses) {
        let message = format!(
            "`{entry}` is blocked as an address only, and not the names that resolve to it: set \
             `match_resolved_addresses`, or block the names"
        );
        report(Code::BlockedAddresses, message);
    }
}

/// Reports an entry all of whose registries are blocked.
fn lint_covered(
    indexes: &[(Option<&str>, &EntryIndex)],
    project: Option<&str>,
    list: EntryList,
    item: &ListItem<'_>,
    findings: &mut Vec<RawFinding>,
) {
    let entry = item.entry();
    // An insecure entry for port 80 also covers references without a port, which stand for 443.
    let ports = match (list, entry.port) {
        (EntryList::Insecure, Some(80)) => vec![ANY_PORT],
        _ => covering_ports(entry),
    };
    let namespace = entry.namespace.as_deref().unwrap_or_default();
    for (owner, index) in indexes {
        let mut found = None;
        let _ = index.covering_entry(entry, &mut |_, group| {
            found = group.covering_rows(EntryList::Blocked, &ports, namespace).next();
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if let Some(row) = found {
            let location = entry_location(*owner, row);
            let message = format!("`{entry}` allows no image of what it names: {location} covers all of it");
            let path = item_pointer(project, list, item.index, item.object);
            findings.push(RawFinding::new(Code::EntryBlocked, item.span.clone(), message).with_path(path));
            return;
        }
    }
}
