//! What a change to a policy does (rule A1), from the entries alone: nothing is looked up and nothing is sampled.
//!
//! Hosts that the entries do not tell apart are one *place*, ports and repositories likewise. A request for each of them
//! is answered under both policies; where DNS has a say, with everything that DNS could say. Only places that a
//! differing entry or switch can have to do with are looked at.

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

pub use port_set::Ports;
pub use report::{
    Change, Comparison, MAX_EXCEPTIONS, MAX_REGIONS, ModeChange, Omitted, Projects, Region, Unreadable, Verdict,
    Witness,
};
pub use repository_set::{Repositories, Within};

use builder::Report;
use policy_view::Side;
use requester::requesters;

use crate::load::{Read, read_loadable};
use crate::util::sort;
use crate::util::string_map::Table;

/// Says what replacing one policy document by another does, both as of `at`, in seconds since 1970-01-01 UTC (rule A1).
pub fn compare(old: &str, new: &str, at: u64) -> Result<Comparison, Unreadable> {
    let (old, new) = read_both(old, new, at)?;
    Ok(compare_read(&old, &new))
}

/// Reads two documents that load.
pub(crate) fn read_both<'t>(first: &'t str, second: &'t str, at: u64) -> Result<(Read<'t>, Read<'t>), Unreadable> {
    match (read_loadable(first, at), read_loadable(second, at)) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => {
            Err(Unreadable { first: first.err().unwrap_or_default(), second: second.err().unwrap_or_default() })
        }
    }
}

pub(crate) fn compare_read(old: &Read<'_>, new: &Read<'_>) -> Comparison {
    let mut report = Report {
        old: &old.policy,
        new: &new.policy,
        regions: Vec::new(),
        places: Table::default(),
        counts: Vec::new(),
    };
    let mut modes: Vec<ModeChange> = Vec::new();
    let whos = requesters(old, new);
    for who in &whos {
        let sides = [Side::new(old, who.project()), Side::new(new, who.project())];
        let [before, after] = sides.each_ref().map(|side| side.whitelist_mode());
        let known = !sides.iter().any(|side| side.unknown);
        if known && before != after && !modes.iter().any(|mode| mode.project.is_none() && mode.on == after) {
            modes.push(ModeChange { project: who.project().map(str::to_owned), on: after });
        }
        report.look_at(&sides, who);
    }
    let (mut regions, omitted) = (report.regions, report.counts);
    let all = whos.len();
    for (region, seen) in &mut regions {
        if *seen < all {
            region.text.push_str(&region.projects.in_words());
        }
    }
    let regions: Vec<Region> =
        sort::sorted(regions, |(a, _), (b, _)| a.change.cmp(&b.change)).into_iter().map(|(region, _)| region).collect();
    let resolves = new.policy.resolves;
    let omitted: Vec<Omitted> = sort::sorted(omitted, |a, b| a.change.cmp(&b.change))
        .into_iter()
        .filter_map(|counted| {
            let most = u32::try_from(MAX_REGIONS).unwrap_or(u32::MAX);
            Some(Omitted { count: counted.count.checked_sub(most).filter(|count| *count > 0)?, ..counted })
        })
        .collect();
    Comparison {
        verdict: if regions.is_empty() {
            Verdict::Same
        } else if regions.iter().any(Region::is_wider) {
            Verdict::Wider
        } else {
            Verdict::NotWider
        },
        modes,
        match_resolved_addresses: (old.policy.resolves != resolves).then_some(resolves),
        regions,
        omitted,
    }
}
