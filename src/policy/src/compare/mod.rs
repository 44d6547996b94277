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
mod label_cells;
mod name_classes;
pub(crate) mod narrow;
mod pattern_cells;
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
    let mut builder = ComparisonBuilder::new(&old.policy, &new.policy);
    let requesters = requesters(old, new);
    for requester in &requesters {
        let views = [PolicyView::new(old, requester.project()), PolicyView::new(new, requester.project())];
        builder.compare_requester(&views, requester);
    }
    builder.finish(requesters.len())
}
