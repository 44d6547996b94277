//! Lints patterns that overlap with insecure entries of other names (rules T4 and P4): networks and wildcards are nested
//! or disjoint, and patterns are not.

use crate::document::{ListItem, ParsedDocument, item_pointer};
use crate::entry::{Entry, HostPattern};
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding};
use crate::lint::coverage::{entry_location, own_specificity, port_overlap};
use crate::policy::Policy;
use crate::policy::entry_group::IndexedEntry;
use crate::policy::index::EntryIndex;
use crate::policy::pattern_index::specificity;
use crate::policy::trust_anchors::scoped_lists;

/// The maximum number of comparisons of patterns with each other in one document. They are quadratic.
const MAX_COMPARISONS: usize = 100_000;

/// Adds a finding for each whitelisted wildcard or pattern of which a part, and not all, is reached without
/// verification.
pub(crate) fn lint(document: &ParsedDocument<'_>, policy: &Policy, findings: &mut Vec<RawFinding>) {
    let mut left = MAX_COMPARISONS;
    for (project, lists) in scoped_lists(document) {
        let own = project.and_then(|name| policy.project(name)).map(|(name, scope)| (Some(name), &scope.index));
        let indexes = [own, Some((None, &policy.global.index))];
        for item in lists.items(EntryList::Whitelist).iter().filter(|item| item.enabled) {
            for (owner, index) in indexes.iter().flatten() {
                if let Some(row) = overlapping_insecure(index, item.entry(), &mut left) {
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

/// Returns an insecure pattern, no less specific than the entry, for some of its names and for others. `left` is the
/// number of comparisons that are left.
fn overlapping_insecure<'i>(index: &'i EntryIndex, entry: &Entry, left: &mut usize) -> Option<&'i IndexedEntry> {
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
        if found.is_none() && row.is_some() && *left > 0 {
            *left = left.saturating_sub(1);
            found = row.filter(|_| !is_nested() && entry.hosts.overlaps(other));
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Finding;
    use crate::load::check_policy;

    /// Guards against searching every pattern of a domain for every entry, and comparing every one with every other,
    /// which takes quadratic time.
    #[test]
    fn p4_many_patterns_of_one_domain() {
        const ENTRY_COUNT: usize = 8_000;
        let covered = |patterns: &mut dyn Iterator<Item = String>| {
            let blocked = patterns.map(|text| format!(r#""{text}""#)).collect::<Vec<_>>().join(",");
            let lists = r#""whitelist":["*.corp.test","y.x.corp.test"],"insecure":["y*.x.corp.test"]"#;
            let findings = check_policy(&format!(r#"{{{lists},"blocked":[{blocked}]}}"#), 0).findings;
            let is_name = |finding: &&Finding| finding.message.starts_with("`y.x.corp.test`");
            findings.iter().filter(|finding| finding.code == Code::EntryCovered).filter(is_name).count()
        };
        let shape =
            |number: usize| format!("{}*{}.x.corp.test", "a".repeat(number % 60 + 1), "b".repeat(number / 60 % 60));
        let pair = |number: usize| format!("{}.{}", shape(number % 50), shape(number / 50));
        // The name is not covered, since the insecure pattern would decide its transport without it.
        assert_eq!(covered(&mut (0..3).map(shape)), 0);
        assert_eq!(covered(&mut (0..ENTRY_COUNT).map(pair).map(|text| text.replacen(".x.corp.test", "", 1))), 0);
        assert_eq!(covered(&mut (0..ENTRY_COUNT).map(|number| format!("*q{number}q*.x.corp.test"))), 0);
        let stars = |number: usize| format!("{}{number}.x.corp.test", "a*".repeat(25));
        covered(&mut (0..1_000).map(stars));
    }
}
