//! Lints patterns that overlap with insecure entries of other names (rules T4 and P4): networks and wildcards are nested
//! or disjoint, and patterns are not.

use crate::document::{ListItem, ParsedDocument, item_pointer};
use crate::entry::{Entry, HostPattern};
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding};
use crate::lint::coverage::{entry_location, own_specificity, port_overlap};
use crate::policy::Policy;
use crate::policy::index::{EntryIndex, IndexedEntry};
use crate::policy::pattern_index::specificity;
use crate::policy::trust_anchors::scoped_lists;

/// Adds a finding for each whitelisted wildcard or pattern of which a part, and not all, is reached without
/// verification.
pub(crate) fn lint(document: &ParsedDocument<'_>, policy: &Policy, findings: &mut Vec<RawFinding>) {
    for (project, lists) in scoped_lists(document) {
        let own = project.and_then(|name| policy.project(name)).map(|(name, scope)| (Some(name), &scope.index));
        let indexes = [own, Some((None, &policy.global.index))];
        for item in lists.items(EntryList::Whitelist).iter().filter(|item| item.enabled) {
            for (owner, index) in indexes.iter().flatten() {
                if let Some(row) = overlapping_insecure(index, item.entry()) {
                    report(project, item, &entry_location(*owner, row), findings);
                    break;
                }
            }
        }
    }
}

fn report(project: Option<&str>, item: &ListItem<'_>, insecure: &str, findings: &mut Vec<RawFinding>) {
    let entry = item.entry();
    let message = format!("names of `{entry}` that {insecure} covers too are reached without verification");
    let path = item_pointer(project, EntryList::Whitelist, item.index, item.object);
    findings.push(RawFinding::new(Code::InsecureWeakens, item.span.clone(), message).with_path(path));
}

/// Returns an insecure pattern, no less specific than the entry, for some of its names and for others.
fn overlapping_insecure<'i>(index: &'i EntryIndex, entry: &Entry) -> Option<&'i IndexedEntry> {
    let text = match &entry.hosts {
        HostPattern::Wildcard(domain) => &**domain,
        HostPattern::Pattern(pattern) => pattern.as_str(),
        HostPattern::Address(_) | HostPattern::Network(_) | HostPattern::Name(_) => return None,
    };
    let own = own_specificity(entry);
    let mut found = None;
    index.patterns_beside(text, &mut |other, group| {
        // Few patterns are insecure.
        let row = port_overlap(group, EntryList::Insecure, entry).filter(|_| specificity(other) >= own);
        let is_nested = || match &entry.hosts {
            HostPattern::Pattern(pattern) => other.matches(pattern.as_str()) || pattern.matches(other.as_str()),
            _ => other.as_str().strip_suffix(text).is_some_and(|front| front.ends_with('.')),
        };
        if found.is_none() && row.is_some() && !is_nested() && entry.hosts.overlaps(other) {
            found = row;
        }
    });
    found
}
