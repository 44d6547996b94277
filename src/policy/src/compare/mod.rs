//! Semantic comparison of two policies (rule A1), computed from their entries alone: no DNS lookups, no sampling.
//!
//! Hosts that no entry tells apart form one *host class*, and so do ports and repositories. One request of each class
//! is decided under both policies, with all possible DNS answers if a policy uses DNS. Only classes that a changed
//! entry or switch can affect are compared.

mod affected_hosts;
mod builder;
mod describe;
mod differences;
mod dns_outcomes;
mod host_classes;
pub(crate) mod narrow;
mod policy_view;
mod port_set;
mod report;
mod repository_set;
mod requester;
mod signature;
mod subtree_cover;

pub use port_set::PortSet;
pub use report::{
    ChangeKind, CompareError, Comparison, ComparisonVerdict, MAX_EXCEPTIONS, MAX_REGIONS, ModeChange, ProjectSet,
    Region, TruncatedCount, Witness,
};
pub use repository_set::{NamespaceSubtree, RepositorySet};

use builder::ComparisonBuilder;
use policy_view::PolicyView;
use requester::requesters;

use crate::load::{ParsedPolicy, load_document};
use crate::util::sort;
use crate::util::string_map::StringMap;

/// Compares two policy documents, both as of `at`, in seconds since 1970-01-01 UTC (rule A1).
pub fn compare(old: &str, new: &str, at: u64) -> Result<Comparison, CompareError> {
    let (old, new) = parse_both(old, new, at)?;
    Ok(compare_parsed(&old, &new))
}

/// Parses two documents; the error has the findings of those that do not load.
pub(crate) fn parse_both<'t>(
    first: &'t str,
    second: &'t str,
    at: u64,
) -> Result<(ParsedPolicy<'t>, ParsedPolicy<'t>), CompareError> {
    match (load_document(first, at), load_document(second, at)) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => {
            Err(CompareError { first: first.err().unwrap_or_default(), second: second.err().unwrap_or_default() })
        }
    }
}

pub(crate) fn compare_parsed(old: &ParsedPolicy<'_>, new: &ParsedPolicy<'_>) -> Comparison {
    let mut report = ComparisonBuilder {
        old: &old.policy,
        new: &new.policy,
        regions: Vec::new(),
        region_index: StringMap::default(),
        counts: Vec::new(),
    };
    let mut modes: Vec<ModeChange> = Vec::new();
    let requesters = requesters(old, new);
    for requester in &requesters {
        let views = [PolicyView::new(old, requester.project()), PolicyView::new(new, requester.project())];
        let [before, after] = views.each_ref().map(|view| view.whitelist_mode());
        let known = !views.iter().any(|view| view.unknown_project);
        if known && before != after && !modes.iter().any(|mode| mode.project.is_none() && mode.on == after) {
            modes.push(ModeChange { project: requester.project().map(str::to_owned), on: after });
        }
        report.compare_requester(&views, requester);
    }
    let (mut regions, omitted) = (report.regions, report.counts);
    let all = requesters.len();
    for (region, seen) in &mut regions {
        if *seen < all {
            region.text.push_str(&region.projects.describe());
        }
    }
    let regions: Vec<Region> =
        sort::sorted(regions, |(a, _), (b, _)| a.change.cmp(&b.change)).into_iter().map(|(region, _)| region).collect();
    let resolves = new.policy.match_resolved_addresses;
    let omitted: Vec<TruncatedCount> = sort::sorted(omitted, |a, b| a.change.cmp(&b.change))
        .into_iter()
        .filter_map(|counted| {
            let most = u32::try_from(MAX_REGIONS).unwrap_or(u32::MAX);
            Some(TruncatedCount { count: counted.count.checked_sub(most).filter(|count| *count > 0)?, ..counted })
        })
        .collect();
    Comparison {
        verdict: if regions.is_empty() {
            ComparisonVerdict::Same
        } else if regions.iter().any(Region::is_wider) {
            ComparisonVerdict::Wider
        } else {
            ComparisonVerdict::NotWider
        },
        modes,
        match_resolved_addresses: (old.policy.match_resolved_addresses != resolves).then_some(resolves),
        regions,
        omitted,
    }
}
